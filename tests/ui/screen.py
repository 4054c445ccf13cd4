"""The program on a pseudo-terminal, and what a user sees there: pyte is the terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import pyte

ROOT = Path(__file__).parents[2]

ENCODING = "utf-8"


class Screen:
    """A program that runs on a terminal of `columns` x `lines`. `raw` is all that it wrote."""

    def __init__(
        self,
        *argv: str,
        cwd: Path,
        columns: int = 80,
        lines: int = 24,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._main, other = pty.openpty()
        self._set_size(columns, lines)
        usual = {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT), "TZ": "UTC"}
        left_out = ("COLUMNS", "LINES", "PAGER", "AV1RULES_PAGER", "LESS", "NO_COLOR")
        inherited = {name: text for name, text in os.environ.items() if name not in left_out}
        self.child = subprocess.Popen(
            [sys.executable, *argv],
            cwd=cwd,
            stdin=other,
            stdout=other,
            stderr=other,
            env={**inherited, **usual, **(environ or {})},
            start_new_session=True,
            preexec_fn=_own_the_terminal,
        )
        os.close(other)
        self.raw = b""
        self._screen = pyte.HistoryScreen(columns, lines, history=10_000)
        self._stream = pyte.ByteStream(self._screen)
        self._is_open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        os.close(self._main)

    @property
    def text(self) -> str:
        """What stands on the screen, line by line, without trailing space."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip("\n")

    @property
    def whole(self) -> str:
        """All that was printed, also what has left the screen at its top."""
        gone = [
            "".join(line[at].data for at in range(self._screen.columns)).rstrip()
            for line in self._screen.history.top
        ]
        return "\n".join([*gone, self.text])

    def cells(self) -> list[tuple[pyte.screens.Char, ...]]:
        """`whole` with colours, cell by cell."""
        lines = [
            *self._screen.history.top,
            *map(self._screen.buffer.__getitem__, range(self._screen.lines)),
        ]
        found = [tuple(line[at] for at in range(self._screen.columns)) for line in lines]
        while found and not "".join(cell.data for cell in found[-1]).strip():
            found.pop()
        return found

    def style_of(self, text: str) -> tuple[str, bool]:
        """Colour and boldness of the first place where `text` stands."""
        for number, line in enumerate(self._screen.display):
            if text in line:
                seen = self._screen.buffer[number][line.index(text)]
                return seen.fg, seen.bold
        raise AssertionError(f"{text!r} is not on the screen:\n{self.text}")

    def type(self, keys: str) -> None:
        os.write(self._main, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        """Make the window another size, as a user does with the mouse."""
        self._set_size(columns, lines)
        self._screen.resize(lines, columns)
        os.kill(self.child.pid, signal.SIGWINCH)

    def wait_for(self, text: str, *, timeout_s: float = 60) -> None:
        """Until `text` is on the screen, or was and scrolled away."""
        deadline = time.monotonic() + timeout_s
        while text not in self.whole:
            assert time.monotonic() < deadline, f"{text!r} never came:\n{self.whole}"
            assert self._is_open, f"{text!r} never came:\n{self.whole}"
            self.read()

    def wait_until(self, is_shown: Callable[[str], bool], *, timeout_s: float = 60) -> None:
        """Until what stands on the screen is as wished."""
        deadline = time.monotonic() + timeout_s
        while not is_shown(self.text):
            assert time.monotonic() < deadline, f"it never came:\n{self.text}"
            assert self._is_open, f"it never came:\n{self.text}"
            self.read()

    def end(self, *, timeout_s: float = 60) -> int:
        """The exit code, once the program has ended."""
        deadline = time.monotonic() + timeout_s
        while self._is_open:
            assert time.monotonic() < deadline, f"it does not end:\n{self.whole}"
            self.read()
        return self.child.wait(timeout=10)

    def read(self, timeout_s: float = 0.1) -> None:
        """Take what the program writes now."""
        ready, _, _ = select.select([self._main], [], [], timeout_s)
        if not ready:
            self._is_open = self.child.poll() is None
            return
        try:
            chunk = os.read(self._main, 65536)
        except OSError:  # the other side is closed
            chunk = b""
        self._is_open = bool(chunk)
        self.raw += chunk
        self._stream.feed(chunk)

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._main, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


def _own_the_terminal() -> None:
    """Ctrl-C on this terminal interrupts the program and its pager."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def shown(
    *argv: str,
    cwd: Path,
    columns: int = 80,
    lines: int = 24,
    environ: Mapping[str, str] | None = None,
) -> str:
    """All that a program prints on a terminal without a pager, as a user would read it."""
    quiet = {"AV1RULES_PAGER": "cat", **(environ or {})}
    with Screen(*argv, cwd=cwd, columns=columns, lines=lines, environ=quiet) as screen:
        screen.end()
        return screen.whole
