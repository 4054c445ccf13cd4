"""Where events go without a screen: log lines, or one JSON object a line."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from typing import TextIO

from av1rules.base.events import Event, JobProgress, Probing, Sink, ignore
from av1rules.report.json import json_line
from av1rules.ui.event_text import event_text

PROGRESS_LINE_EVERY_S = 30.0
"""Seconds between the log lines of a job: they show progress in a journal without flooding it."""

COUNTER_EVERY_S = 0.2


def line_sink(stream: TextIO) -> Sink:
    """Plain lines with a time, for journals, pipes and terminals without a screen."""
    lock = threading.Lock()
    last: dict[str | None, float] = {}

    def show(event: Event) -> None:
        now = time.monotonic()
        with lock:
            if isinstance(event, JobProgress | Probing):
                if now - last.get(event.file, now) < PROGRESS_LINE_EVERY_S:
                    last.setdefault(event.file, now)
                    return
                last[event.file] = now
            stamp = datetime.now().astimezone().strftime("%H:%M:%S")
            _write(stream, f"{stamp} {event_text(event)}\n")

    return show


@contextlib.contextmanager
def counter_sink(stream: TextIO) -> Iterator[Sink]:
    """The progress of a plan on one line of a terminal, cleared at the end; silent elsewhere."""
    if not stream.isatty():
        yield ignore
        return
    last = 0.0

    def show(event: Event) -> None:
        nonlocal last
        now = time.monotonic()
        if isinstance(event, Probing) and now - last > COUNTER_EVERY_S:
            last = now
            _write(stream, f"\r{event_text(event)}\x1b[K")

    try:
        yield show
    finally:
        if last:
            _write(stream, "\r\x1b[K")


def json_sink(stream: TextIO) -> Sink:
    """NDJSON: one object a line with `type`, `time` (ISO 8601) and the event's own fields.

    Readers should ignore keys and types they do not know.
    """
    lock = threading.Lock()

    def show(event: Event) -> None:
        time = datetime.now().astimezone().isoformat(timespec="milliseconds")
        fields = event.wire_fields()
        head = {"type": event.__struct_config__.tag, "time": time, "source": event.source}
        line = json_line({**head, **fields})
        with lock:
            _write(stream, f"{line}\n")

    return show


def _write(stream: TextIO, text: str) -> None:
    """Write unless the reader left early (`| head`), which must not end the encodes."""
    try:
        stream.write(text)
        stream.flush()
    except OSError:  # also a full disk under a log
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
