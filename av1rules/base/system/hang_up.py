"""SIGHUP, by which services are told to read their settings again. Windows has none."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable


def on_hang_up(act: Callable[[], None]) -> Callable[[], None]:
    """Have `act` called at each SIGHUP; returns a function that restores the former way. Only for
    the main thread."""
    if sys.platform == "win32":
        return lambda: None
    else:
        former = signal.signal(signal.SIGHUP, lambda *_: act())

        def restore() -> None:
            signal.signal(signal.SIGHUP, former)

        return restore
