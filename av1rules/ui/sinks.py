"""Where events go without a screen: log lines, or one JSON object a line."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TextIO

from av1rules.base.events import (
    Event,
    FileChecked,
    JobFailed,
    JobProgress,
    JobStarted,
    Note,
    Probing,
    Sink,
)
from av1rules.report.live.wire import event_line
from av1rules.report.view import cut_middle
from av1rules.ui.event_text import event_text
from av1rules.ui.run_state import ENDINGS
from av1rules.ui.terminal import can_redraw, view_of

PROGRESS_LINE_EVERY_S = 30.0
"""Seconds between the log lines of a job: they show progress in a journal without flooding it."""

COUNTER_EVERY_S = 0.2


def line_sink(stream: TextIO, active: set[str | None] | None = None) -> Sink:
    """Plain lines with a time, for journals, pipes and terminals without a screen. `active` then
    has the files that are worked on."""

    def line(text: str) -> None:
        stamp = datetime.now().astimezone().strftime("%H:%M:%S")
        _write(stream, f"{stamp} {text}\n")

    return log_sink(line, active)


def log_sink(line: Callable[[str], None], active: set[str | None] | None = None) -> Sink:
    """`line` gets the text of each event; of progress, one every `PROGRESS_LINE_EVERY_S`."""
    lock = threading.Lock()
    last: dict[str | None, float] = {}
    active = set() if active is None else active

    def show(event: Event) -> None:
        now = time.monotonic()
        with lock:
            if isinstance(event, JobStarted | JobProgress):
                active.add(event.file)
            elif isinstance(event, ENDINGS):
                active.discard(event.file)
            if isinstance(event, JobProgress | Probing):
                if now - last.get(event.file, now) < PROGRESS_LINE_EVERY_S:
                    last.setdefault(event.file, now)
                    return
                last[event.file] = now
            line(event_text(event))

    return show


def both(first: Sink, second: Sink) -> Sink:
    """Gives each event to both."""

    def give(event: Event) -> None:
        first(event)
        second(event)

    return give


def failure_sink(stream: TextIO) -> Sink:
    """Lines of failures only, for --quiet."""
    shown = line_sink(stream)

    def show(event: Event) -> None:
        if is_failure(event):
            shown(event)

    return show


def is_failure(event: Event) -> bool:
    """Whether an event says that something failed, or can't be done until a user acts."""
    match event:
        case JobFailed():
            return True
        case FileChecked():
            return event.fault is not None
        case Note():
            return event.is_problem
        case _:
            return False


@contextlib.contextmanager
def counter_sink(stream: TextIO) -> Iterator[Sink]:
    """The progress of a plan on one line of a terminal, cleared at the end; elsewhere a line every
    `PROGRESS_LINE_EVERY_S`."""
    if not can_redraw(stream):
        yield line_sink(stream)
        return
    last = 0.0

    def show(event: Event) -> None:
        nonlocal last
        now = time.monotonic()
        if isinstance(event, Probing) and now - last > COUNTER_EVERY_S:
            last = now
            write(event_text(event))

    with status_line(stream) as write:
        yield show


@contextlib.contextmanager
def status_line(stream: TextIO) -> Iterator[Callable[[str], None]]:
    """One line of a terminal that each call writes anew, cleared at the end; elsewhere nothing."""
    is_written = False

    def write(text: str) -> None:
        nonlocal is_written
        if can_redraw(stream):
            is_written = True
            view = view_of(stream)
            # A full line would wrap.
            shown = cut_middle(text, (view.width or 80) - 1, ellipsis=view.ellipsis)
            _write(stream, f"\r{shown}\x1b[K")

    try:
        yield write
    finally:
        if is_written:
            _write(stream, "\r\x1b[K")


def json_sink(stream: TextIO) -> Sink:
    """NDJSON: one object a line with `type`, `time` (ISO 8601) and the event's own fields.

    Readers should ignore keys and types they do not know.
    """
    lock = threading.Lock()

    def show(event: Event) -> None:
        line = event_line(event)
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
