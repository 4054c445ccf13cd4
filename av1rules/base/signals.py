"""Ctrl-C and SIGTERM: the first stops the run gently, the second at once."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

from av1rules.base.process import Children


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

    def stop(_signum: int, _frame: FrameType | None) -> None:
        is_second = children.is_stopping
        children.stop(kill=is_second)
        if is_second or not is_busy():
            raise KeyboardInterrupt

    former = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in former.items():
            signal.signal(number, handler)

    return restore
