"""Where the events of a working command go: NDJSON, the screen, or log lines."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from av1rules.base.events import Sink
from av1rules.ui.sinks import json_sink, line_sink


@contextlib.contextmanager
def event_sink(*, as_json: bool = False) -> Iterator[Sink]:
    """NDJSON on standard output with `as_json`, else what `progress_sink` gives."""
    if as_json:
        yield json_sink(sys.stdout)
    else:
        with progress_sink() as sink:
            yield sink


@contextlib.contextmanager
def progress_sink() -> Iterator[Sink]:
    """Progress bars if standard error is a terminal, else lines with times."""
    if not sys.stderr.isatty():
        yield line_sink(sys.stderr)
        return
    # rich takes 50 ms to import: only needed for a terminal.
    from av1rules.ui.live import screen_sink  # noqa: PLC0415

    with screen_sink() as sink:
        yield sink
