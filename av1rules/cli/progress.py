"""Where a command that works for long shows how far it is: on the screen, or as lines."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from av1rules.base.events import Sink
from av1rules.ui.sinks import line_sink


@contextlib.contextmanager
def progress_sink() -> Iterator[Sink]:
    """Bars where standard error is a terminal, lines with the time elsewhere."""
    if not sys.stderr.isatty():
        yield line_sink(sys.stderr)
        return
    # rich takes 50 ms to import: only where there is a screen to draw on.
    from rich.console import Console  # noqa: PLC0415

    from av1rules.ui.live import live_sink  # noqa: PLC0415

    with live_sink(Console(stderr=True)) as sink:
        yield sink
