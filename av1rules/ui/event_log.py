"""The event log of a state folder: what runs tell, for whoever watches from another process.

Lines as of `run --json`, with the number of the run and its process. It is bounded: a full log
becomes the older one, and the new one begins with what a reader needs to understand the jobs at
work. Only the process that holds the run lock writes it. It is a convenience: whatever goes wrong
here, the run goes on.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from av1rules.base.events import (
    Event,
    JobProgress,
    JobStarted,
    Probing,
    RunForecast,
    RunStarted,
)
from av1rules.base.own_files import append_own
from av1rules.report.live.wire import event_line
from av1rules.ui.run_state import ENDINGS

EVENT_LOG = "events.ndjson"
OLDER_EVENT_LOG = "events.old.ndjson"

LOG_BYTES = 4 * 1024 * 1024
"""Bytes from which on a log counts as full: 4 hours of 1 job, and the older log as much."""

PROGRESS_EVERY_S = 1.0
"""Seconds between two lines of progress of one job, as often as a monitor shows them."""

AGAIN_AFTER_S = 60.0
"""Seconds until a log that could not be written is tried again: a full disk may have space then."""


def _not_numbered() -> int | None:
    return None


class EventLog:
    """A sink of events, from any thread. It opens its file at the first event: by then the run
    holds the lock."""

    def __init__(
        self,
        state_dir: Path,
        *,
        limit: int = LOG_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.number: Callable[[], int | None] = _not_numbered
        self._path = state_dir / EVENT_LOG
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._file: int | None = None
        self._size = 0
        self._blocked_until = 0.0
        self._shown: dict[str | None, tuple[float, str]] = {}
        self._run_lines: dict[type[Event], str] = {}
        self._job_lines: dict[str | None, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_problem: object) -> None:
        with self._lock:
            self._close()

    def __call__(self, event: Event) -> None:
        with self._lock:
            now = self._clock()
            if self._is_repeated(event, now):
                return
            line = event_line(event, run=self.number(), pid=os.getpid())
            self._remember(event, line)
            if now >= self._blocked_until and not self._write(line):
                self._close()
                self._blocked_until = now + AGAIN_AFTER_S

    def _is_repeated(self, event: Event, now: float) -> bool:
        """Whether an event says no more than one of a moment ago."""
        if isinstance(event, JobProgress):
            what = event.phase
        elif isinstance(event, Probing) and event.done < event.total:
            what = ""
        else:
            return False
        then, before = self._shown.get(event.file, (now - PROGRESS_EVERY_S, what))
        if what == before and now - then < PROGRESS_EVERY_S:
            return True
        self._shown[event.file] = now, what
        return False

    def _remember(self, event: Event, line: str) -> None:
        """Keep the lines that a new log begins with."""
        if isinstance(event, RunStarted | RunForecast):
            self._run_lines[type(event)] = line
        elif isinstance(event, JobStarted):
            self._job_lines[event.file] = line
        elif isinstance(event, ENDINGS):
            self._job_lines.pop(event.file, None)
            self._shown.pop(event.file, None)

    def _write(self, line: str) -> bool:
        """Whether it was written."""
        try:
            if self._file is None:
                self._file = append_own(self._path)
                self._size = os.fstat(self._file).st_size
            data = f"{line}\n".encode()
            if self._size + len(data) > self._limit and self._size:
                data = self._begin_anew() + data
            self._size += len(data)
            return os.write(self._file, data) == len(data)
        except OSError:
            return False

    def _begin_anew(self) -> bytes:
        """Raises OSError."""
        os.replace(self._path, self._path.with_name(OLDER_EVENT_LOG))
        self._close()
        self._file = append_own(self._path)
        self._size = 0
        kept = (*self._run_lines.values(), *self._job_lines.values())
        return "".join(f"{one}\n" for one in kept).encode()

    def _close(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.close(self._file)
            self._file = None
