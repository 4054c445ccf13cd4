"""Ctrl-C and SIGTERM: the first stops the run gently, the second at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

from av1rules.base.process import Children

_ANSWER_S = 0.3
"""How long the main thread may take to answer a signal; usually it does at once."""


_INTERRUPTS = frozenset({signal.SIGINT, signal.SIGTERM})


@contextlib.contextmanager
def stop_on_signals(children: Children) -> Iterator[None]:
    """Within the context, an interrupt stops the children and lets no new one start; a second one
    kills them and raises KeyboardInterrupt. Only for the main thread."""
    restore = watch_signals(children, is_busy=lambda: True)
    try:
        yield
    finally:
        restore()


@contextlib.contextmanager
def end_on_signals(children: Children) -> Iterator[None]:
    """Within the context, an interrupt stops the children and raises KeyboardInterrupt at once: for
    commands that only look. Only for the main thread."""
    restore = watch_signals(children, is_busy=lambda: False)
    try:
        yield
    finally:
        restore()


def watch_signals(children: Children, *, is_busy: Callable[[], bool]) -> Callable[[], None]:
    """Install the handlers and return a function that restores the former ones. While `is_busy` is
    false, an interrupt is an ordinary KeyboardInterrupt."""
    unanswered = _Unanswered(children)

    def stop(_signum: int, _frame: FrameType | None) -> None:
        is_second = not unanswered.take() and children.is_stopping
        children.stop(kill=is_second)
        if is_second or not is_busy():
            raise KeyboardInterrupt

    former = {number: signal.signal(number, stop) for number in _INTERRUPTS}
    unanswered.begin()

    def restore() -> None:
        unanswered.end()
        for number, handler in former.items():
            signal.signal(number, handler)

    return restore


class _Unanswered:
    """Answers an interrupt that the main thread sleeps through, by stopping the children.

    Python runs handlers in the main thread only, between two of its instructions. A signal that
    comes just before that thread begins to wait for a lock, or that the system gives to another
    thread, wakes nobody: the handler would run when the lock is free, after an encode of hours.
    """

    def __init__(self, children: Children) -> None:
        self._children = children
        self._has_stopped = False
        self._pipe: tuple[int, int] | None = None
        self._former = -1

    def begin(self) -> None:
        if sys.platform != "win32":  # its wakeup needs sockets, and Ctrl-C wakes the main thread
            reading, writing = self._pipe = os.pipe()
            os.set_blocking(writing, False)
            self._former = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
            serve = threading.Thread(
                target=self._serve, args=(reading,), daemon=True, name="signals"
            )
            serve.start()

    def end(self) -> None:
        if self._pipe is not None:
            signal.set_wakeup_fd(self._former)
            os.close(self._pipe[1])  # ends the thread
            self._pipe = None

    def take(self) -> bool:
        """Whether the stop that the handler finds was the answer to its own signal."""
        has_stopped, self._has_stopped = self._has_stopped, False
        return has_stopped

    def _serve(self, reading: int) -> None:
        while numbers := os.read(reading, 64):
            if not _INTERRUPTS & frozenset(numbers):  # another signal, with a handler of its own
                continue
            time.sleep(_ANSWER_S)
            if not self._children.is_stopping:
                self._has_stopped = True
                self._children.stop()
        os.close(reading)
