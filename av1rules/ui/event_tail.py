"""Reads an event log as it grows, past the moment at which it becomes the older one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from av1rules.base.own_files import open_own
from av1rules.report.live.wire import LoggedEvent, read_event_line
from av1rules.ui.event_log import EVENT_LOG, OLDER_EVENT_LOG

_PIECE = 1024 * 1024

LINE_BYTES = 16 * 1024 * 1024
"""A longer line is none of ours: it is dropped."""


class EventTail:
    """What an event log has told since the last call, beginning with the older log."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._file: int | None = None
        self._rest = b""
        self._has_begun = False

    def read(self) -> Iterator[LoggedEvent]:
        """The new events, oldest first. A log that is missing or can't be read has none."""
        if not self._has_begun:
            self._has_begun = True
            with contextlib.suppress(OSError):
                older = open_own(self._state_dir / OLDER_EVENT_LOG)
                try:
                    yield from self._events(older)
                finally:
                    os.close(older)
                self._rest = b""
        with contextlib.suppress(OSError):
            if self._file is None:
                self._file = open_own(self._state_dir / EVENT_LOG)
            yield from self._events(self._file)
            if self._is_replaced():
                yield from self._events(self._file)  # what was written meanwhile
                self.close()
                self._file = open_own(self._state_dir / EVENT_LOG)
                yield from self._events(self._file)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self._rest = b""

    def _events(self, descriptor: int) -> Iterator[LoggedEvent]:
        while piece := os.read(descriptor, _PIECE):
            *lines, self._rest = (self._rest + piece).split(b"\n")
            if len(self._rest) > LINE_BYTES:
                self._rest = b""
            for line in lines:
                if (event := read_event_line(line)) is not None:
                    yield event

    def _is_replaced(self) -> bool:
        """Whether the file that is read is not the current log any more. Raises OSError."""
        assert self._file is not None
        here, there = os.fstat(self._file), os.stat(self._state_dir / EVENT_LOG)
        return (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino)
