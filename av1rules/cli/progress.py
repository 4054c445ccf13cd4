"""Where the events of a working command go: NDJSON, the screen or log lines, and the log file."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from av1rules.base.events import Sink
from av1rules.base.process import Children
from av1rules.base.tee import beneath
from av1rules.cli.conventions.options import Conventions, conventions
from av1rules.ui.run_state import stop_text
from av1rules.ui.sinks import both, failure_sink, json_sink, line_sink, log_sink
from av1rules.ui.terminal import can_redraw

_Files = set[str | None]


@contextlib.contextmanager
def event_sink(*, children: Children | None = None, as_json: bool = False) -> Iterator[Sink]:
    """NDJSON on standard output with `as_json`, else what `progress_sink` gives. A log file gets
    the events as lines. Once `children` are asked to stop, standard error says at once what that
    means."""
    kept = conventions()
    if as_json:
        with _answered_stop(children, set()):
            yield _with_log(json_sink(beneath(sys.stdout)), kept)
        return
    with progress_sink(kept, children) as shown:
        yield _with_log(shown, kept)


def plain_sink(*, as_json: bool = False) -> Sink:
    """Lines or JSON without a screen, for what is said while nothing is at work."""
    kept = conventions()
    if as_json:
        return _with_log(json_sink(beneath(sys.stdout)), kept)
    stream = beneath(sys.stderr)
    return _with_log(failure_sink(stream) if kept.is_quiet else line_sink(stream), kept)


@contextlib.contextmanager
def progress_sink(kept: Conventions, children: Children | None = None) -> Iterator[Sink]:
    """Only failures with --quiet; else a live screen if standard error is a terminal that can move
    its cursor, else lines with times."""
    stream = beneath(sys.stderr)
    active: _Files = set()
    if kept.is_quiet:
        with _answered_stop(children, active):
            yield failure_sink(stream)
        return
    if not can_redraw(sys.stderr):
        with _answered_stop(children, active):
            yield line_sink(stream, active)
        return
    # rich takes 50 ms to import: only needed for a terminal.
    from av1rules.ui.live import live_sink  # noqa: PLC0415

    def is_stopping() -> bool:
        return children is not None and children.is_stopping

    with live_sink(stream, colours=kept.color, is_stopping=is_stopping) as sink:
        yield sink


@contextlib.contextmanager
def _answered_stop(children: Children | None, active: _Files) -> Iterator[None]:
    """Within the context, the first request to stop is answered on standard error."""
    if children is None:
        yield
        return

    def answer() -> None:
        # The signal may have interrupted a write to the same stream: past its buffer.
        with contextlib.suppress(OSError, ValueError):
            os.write(sys.stderr.fileno(), f"{stop_text(len(active))}\n".encode())

    children.on_stop = answer
    try:
        yield
    finally:
        children.on_stop = None


def _with_log(shown: Sink, kept: Conventions) -> Sink:
    if kept.log is None:
        return shown
    return both(log_sink(kept.log.line), shown)
