"""Where events go when there is no screen: log lines, or one JSON object a line."""

from __future__ import annotations

import os
import threading
import time
from datetime import datetime
from typing import TextIO

import msgspec

from av1rules.base.event_text import event_text
from av1rules.base.events import Event, JobProgress, Sink

PROGRESS_LINE_EVERY_S = 30.0
"""A log line per job this often: enough to see life in a journal, few enough to read."""

_NAMES = {"JobProgress": "progress", "RunStarted": "run_started", "RunFinished": "run_finished",
          "JobStarted": "job_started", "JobDone": "job_done", "JobFailed": "job_failed",
          "JobDiscarded": "job_discarded", "JobDropped": "job_dropped", "Note": "note"}  # fmt: skip


def line_sink(stream: TextIO) -> Sink:
    """Plain lines with a time, for journals, pipes and terminals without a screen."""
    lock = threading.Lock()
    last: dict[str | None, float] = {}

    def show(event: Event) -> None:
        now = time.monotonic()
        with lock:
            if isinstance(event, JobProgress):
                if now - last.get(event.source, now) < PROGRESS_LINE_EVERY_S:
                    last.setdefault(event.source, now)
                    return
                last[event.source] = now
            stamp = datetime.now().astimezone().strftime("%H:%M:%S")
            _write(stream, f"{stamp} {event_text(event)}\n")

    return show


def json_sink(stream: TextIO) -> Sink:
    """NDJSON: one object a line with `type`, `time` (ISO 8601) and the event's own fields.

    Readers should ignore keys and types they do not know.
    """
    lock = threading.Lock()
    encoder = msgspec.json.Encoder()

    def show(event: Event) -> None:
        record = {"type": _NAMES.get(type(event).__name__, type(event).__name__)}
        record["time"] = datetime.now().astimezone().isoformat(timespec="milliseconds")
        fields = {name: _clean(getattr(event, name)) for name in event.__dataclass_fields__}
        line = encoder.encode({**record, **fields}).decode()
        with lock:
            _write(stream, f"{line}\n")

    return show


def _write(stream: TextIO, text: str) -> None:
    """A reader that leaves early (`| head`) must not end the encodes: nobody listens, no harm."""
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _clean(value: object) -> object:
    """JSON has no surrogates: odd bytes of file names become `\\xNN`."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if isinstance(value, tuple):
        return [_clean(item) for item in value]
    return value
