"""Reads both pipes of a child in one wait: by poll, or by a thread each where there is none.

Windows polls sockets only. Threads cost more than a whole ffprobe call, so they are not the usual
way.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import IO, Protocol

CHUNK = 1 << 16
"""What a pipe holds."""

ENDED = -1
"""Stands for a descriptor where the child has ended."""

_WAITING_CHUNKS = 16
_CLOSED_S = 0.2
"""How soon a reader that nobody listens to any more sees it."""


class ChildPipes(Protocol):
    """Within the context, `wait` gives what was read."""

    sees_end: bool
    """Whether `wait` says ENDED; otherwise the caller has to look."""

    def wait(self, longest_s: float) -> Iterator[tuple[int, bytes]]:
        """What came within `longest_s`, by descriptor; b"" is the last of each."""
        ...

    def forget_end(self) -> None:
        """Say ENDED no more."""
        ...


def child_pipes(child: subprocess.Popen[bytes]) -> contextlib.AbstractContextManager[ChildPipes]:
    """The way of this system."""
    if sys.platform == "win32":
        return threaded_pipes(child)
    else:
        return polled_pipes(child)


def _pipes(child: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert child.stdout is not None
    assert child.stderr is not None
    return child.stdout, child.stderr


if sys.platform != "win32":

    @contextlib.contextmanager
    def polled_pipes(child: subprocess.Popen[bytes]) -> Iterator[ChildPipes]:
        """One wait covers both pipes and the end of the child, where the system has pidfd."""
        notice = _end_notice(child)
        try:
            yield _PolledPipes(child, notice)
        finally:
            if notice is not None:
                os.close(notice)

    def _end_notice(child: subprocess.Popen[bytes]) -> int | None:
        """A descriptor that becomes readable when the child ends; None where pidfd is missing."""
        if sys.platform == "linux":
            with contextlib.suppress(OSError, AttributeError):  # an old kernel, or built without
                return os.pidfd_open(child.pid)
        return None

    class _PolledPipes:
        def __init__(self, child: subprocess.Popen[bytes], notice: int | None) -> None:
            self._notice = notice
            self.sees_end = notice is not None
            self._ready = select.poll()
            for pipe in _pipes(child):
                self._ready.register(pipe, select.POLLIN)
            if notice is not None:
                self._ready.register(notice, select.POLLIN)

        def wait(self, longest_s: float) -> Iterator[tuple[int, bytes]]:
            for descriptor, _ in self._ready.poll(longest_s * 1000):
                if descriptor == self._notice:
                    yield ENDED, b""
                    continue
                chunk = os.read(descriptor, CHUNK)
                if not chunk:
                    self._ready.unregister(descriptor)
                yield descriptor, chunk

        def forget_end(self) -> None:
            if self._notice is not None:
                self._ready.unregister(self._notice)
                self._notice = None


@contextlib.contextmanager
def threaded_pipes(child: subprocess.Popen[bytes]) -> Iterator[ChildPipes]:
    """A reader that still waits at the end keeps its pipe, which `child` then has no more, and
    closes it: a descriptor must not be closed under a read."""
    readers = _ThreadedPipes(child)
    try:
        yield readers
    finally:
        readers.close()


class _ThreadedPipes:
    sees_end = False

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child
        self._came: queue.Queue[tuple[int, bytes]] = queue.Queue(_WAITING_CHUNKS)
        self._is_closed = threading.Event()
        self._threads = {
            name: threading.Thread(target=self._read, args=(pipe,), daemon=True, name=name)
            for name, pipe in zip(("stdout", "stderr"), _pipes(child), strict=True)
        }
        for thread in self._threads.values():
            thread.start()

    def wait(self, longest_s: float) -> Iterator[tuple[int, bytes]]:
        with contextlib.suppress(queue.Empty):
            yield self._came.get(timeout=max(longest_s, 0.0))
            while True:
                yield self._came.get_nowait()

    def forget_end(self) -> None:
        """It never says so."""

    def close(self) -> None:
        self._is_closed.set()
        end = time.monotonic() + _CLOSED_S
        for name, thread in self._threads.items():
            thread.join(max(end - time.monotonic(), 0.0))
            if thread.is_alive():
                setattr(self._child, name, None)

    def _read(self, pipe: IO[bytes]) -> None:
        descriptor, chunk = pipe.fileno(), b"-"
        while chunk and not self._is_closed.is_set():
            try:
                chunk = os.read(descriptor, CHUNK)
            except OSError:  # the child was killed
                chunk = b""
            self._hand_over(descriptor, chunk)
        # Nobody else closes it any more. A second close is harmless.
        if self._is_closed.is_set():
            pipe.close()

    def _hand_over(self, descriptor: int, chunk: bytes) -> None:
        while not self._is_closed.is_set():
            with contextlib.suppress(queue.Full):
                self._came.put((descriptor, chunk), timeout=_CLOSED_S)
                return
