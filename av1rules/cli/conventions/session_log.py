"""The log of one command: all that it says, its events, and with -v what it does, with dates."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from typing import TextIO, cast

from av1rules.base.errors import UsageError
from av1rules.base.system.opening import CLOEXEC, NONBLOCK, pread
from av1rules.base.tee import Tee
from av1rules.base.text import printable
from av1rules.media.discover import VIDEO_EXTENSIONS

_LOOKED_AT = 4096
"""Bytes of an existing file that show whether it is text."""

_TEXT_CONTROLS = frozenset("\t\n\r\f\b\x1b")


class SessionLog:
    """A file that is appended to, one dated line at a time; several programs may share it."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._streams: list[tuple[str, TextIO]] = []

    @classmethod
    def open(cls, path: str) -> SessionLog:
        """Raises UsageError for a file that can't be written to, or that is or would be called a
        video: a mistyped name must not append to a film."""
        if os.path.splitext(path)[1].removeprefix(".").lower() in VIDEO_EXTENSIONS:
            raise _not_a_log(path, "its name is that of a video")
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | CLOEXEC | NONBLOCK, 0o666)
            file = open(fd, "a", encoding="utf-8", errors="backslashreplace", buffering=1)  # noqa: SIM115
        except OSError as problem:
            raise UsageError(
                f"the log can't be written: {problem.strerror}",
                where=printable(path),
                hint="name a file in an existing folder, such as --log-file av1rules.log",
            ) from problem
        if not _is_text(fd):
            file.close()
            raise _not_a_log(path, "it holds other data than text")
        return cls(file)

    def line(self, text: str) -> None:
        """Append `text` as a line with date and time. A log that fails never ends the work."""
        stamp = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._file.write(f"{stamp} {printable(text)}\n")

    def listen(self, *, is_data: Callable[[], bool]) -> None:
        """Copy what is written to standard output and error from now on. What `is_data` says to be
        for programs is left out."""

        def output(text: str) -> None:
            if not is_data():
                self.line(text)

        for name, log in (("stdout", output), ("stderr", self.line)):
            stream: TextIO = getattr(sys, name)
            self._streams.append((name, stream))
            setattr(sys, name, cast("TextIO", Tee(stream, log)))

    def close(self) -> None:
        for name, stream in self._streams:
            setattr(sys, name, stream)
        self._streams.clear()
        with contextlib.suppress(OSError, ValueError):
            self._file.close()


def _not_a_log(path: str, why: str) -> UsageError:
    return UsageError(
        f"this file is no log: {why}",
        where=printable(path),
        hint="name a new file, such as --log-file av1rules.log",
    )


def _is_text(fd: int) -> bool:
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        return True  # a pipe or a device: nothing can be lost
    head = pread(fd, _LOOKED_AT, 0)
    text = head.decode("utf-8", "surrogateescape" if len(head) < _LOOKED_AT else "replace")
    return all(one.isprintable() or one in _TEXT_CONTROLS for one in text)
