"""What comes out of a program's pipes, bounded: kept as bytes, or cut into lines. Pure but for a
log file that is given open.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

STDERR_TAIL_LINES = 40
"""Lines of standard error kept for messages: enough to hold FFmpeg's last words."""

LINE_LIMIT = 4096
"""Longest line kept, in bytes: tags of hostile files may be megabytes long."""


class Output:
    """Standard output, kept up to a bound in bytes."""

    def __init__(self, limit: int) -> None:
        self._limit, self._size = limit, 0
        self._parts: list[bytes] = []

    @property
    def data(self) -> bytes:
        return b"".join(self._parts)

    def feed(self, chunk: bytes) -> bool:
        """Whether it still fits; what does not is dropped."""
        self._size += len(chunk)
        if self._size > self._limit:
            return False
        self._parts.append(chunk)
        return True

    def end(self) -> None:
        """Nothing is held back."""


class Lines:
    """A stream cut into lines of at most `LINE_LIMIT` bytes, each handed on as it comes."""

    data = b""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line, self._rest = on_line, b""

    def feed(self, chunk: bytes) -> bool:
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            self._hand_on(line)
        if len(self._rest) >= LINE_LIMIT:
            self._hand_on(self._rest)
            self._rest = b""
        return True

    def end(self) -> None:
        if self._rest:
            self._hand_on(self._rest)
            self._rest = b""

    def _hand_on(self, line: bytes) -> None:
        for start in range(0, max(len(line), 1), LINE_LIMIT):
            piece = line[start : start + LINE_LIMIT]
            self._on_line(piece.decode("utf-8", "replace").rstrip("\r\n"))


class ErrorLines(Lines):
    """Standard error: the last lines for messages, every line to a listener."""

    def __init__(self, on_line: Callable[[str], None] | None) -> None:
        super().__init__(self._keep)
        self._listener = on_line
        self.tail: deque[str] = deque(maxlen=STDERR_TAIL_LINES)

    def _keep(self, line: str) -> None:
        self.tail.append(line)
        if self._listener is not None:
            self._listener(line)
