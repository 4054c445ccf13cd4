"""Bounded readers for a program's output: kept as bytes, or split into lines. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

STDERR_TAIL_LINES = 40
"""Lines of standard error kept for messages: enough for what FFmpeg prints at its end."""

LINE_LIMIT = 4096
"""Longest line kept, in bytes: tags of hostile files can be megabytes long."""


class Output:
    """Standard output, kept up to a bound in bytes."""

    def __init__(self, limit: int) -> None:
        self._limit, self._size = limit, 0
        self._parts: list[bytes] = []

    @property
    def data(self) -> bytes:
        return b"".join(self._parts)

    def feed(self, chunk: bytes) -> bool:
        """Keep `chunk` and return True, or drop it and return False once the bound is passed."""
        self._size += len(chunk)
        if self._size > self._limit:
            return False
        self._parts.append(chunk)
        return True

    def end(self) -> None:
        """No input is held back."""


class Lines:
    """Splits a stream into lines of at most `LINE_LIMIT` bytes and passes each on at once."""

    data = b""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line, self._rest = on_line, b""

    def feed(self, chunk: bytes) -> bool:
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            self._pass_on(line)
        if len(self._rest) >= LINE_LIMIT:
            self.end()
        return True

    def end(self) -> None:
        if self._rest:
            self._pass_on(self._rest)
            self._rest = b""

    def _pass_on(self, line: bytes) -> None:
        for start in range(0, max(len(line), 1), LINE_LIMIT):
            part = line[start : start + LINE_LIMIT]
            self._on_line(part.decode("utf-8", "replace").rstrip("\r\n"))


class ErrorLines(Lines):
    """Standard error: keeps the last lines for messages and passes every line to a listener."""

    def __init__(self, on_line: Callable[[str], None] | None) -> None:
        super().__init__(self._keep)
        self._listener = on_line
        self.tail: deque[str] = deque(maxlen=STDERR_TAIL_LINES)

    def _keep(self, line: str) -> None:
        self.tail.append(line)
        if self._listener is not None:
            self._listener(line)
