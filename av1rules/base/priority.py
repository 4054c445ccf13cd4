"""Process priority: niceness, I/O class and CPU affinity.

A running program gets its priority from outside, since code between fork and exec is unsafe
while other threads run. Linux keeps all three per thread; threads that the program has started
meanwhile are covered too.
"""

from __future__ import annotations

import contextlib
import os
import sys
from types import ModuleType
from typing import Any

import msgspec

_ROUNDS = 50
"""Bound on the rounds for threads that started while others were being set; 1 to 3 are usual."""

_ON_LINUX = sys.platform == "linux"

_IDLE_FROM = 10
"""The niceness from which on Windows gives the class for programs that nobody waits for."""


class Priority(msgspec.Struct, frozen=True, kw_only=True):
    """Priority of a child. `nice` is 1 to 19 (0: as this process), `cpus` are numbers (empty:
    all)."""

    nice: int = 0
    io_class: str = "none"
    cpus: tuple[int, ...] = ()

    @property
    def is_usual(self) -> bool:
        return self == USUAL


USUAL = Priority()


def apply(priority: Priority, pid: int) -> None:
    """Set the priority of a running program and all its threads. Missing permission or support is
    not an error, nor is a program that has ended."""
    if priority.is_usual:
        return
    done: set[int] = set()
    for _ in range(_ROUNDS):  # a thread inherits the priority of the thread that starts it
        fresh = _threads(pid) - done
        if not fresh:
            break
        for thread in sorted(fresh):
            _set(priority, thread)
        done |= fresh
    if priority.nice:
        _set_autogroup(priority.nice, pid)


def _threads(pid: int) -> set[int]:
    """The thread ids on Linux; elsewhere the process id for all of them."""
    if not _ON_LINUX:
        return {pid}
    try:
        return {int(name) for name in os.listdir(f"/proc/{pid}/task")}
    except OSError:
        return set()


def _set(priority: Priority, thread: int) -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError, OverflowError):
            if priority.cpus:  # first: encoders count their cores as they start
                os.sched_setaffinity(thread, priority.cpus)
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            if priority.nice > os.getpriority(os.PRIO_PROCESS, 0):  # a run under `nice` stays there
                os.setpriority(os.PRIO_PROCESS, thread, priority.nice)
    _set_by_psutil(priority, thread)


def _set_by_psutil(priority: Priority, thread: int) -> None:
    """Set what the standard library can't: the I/O class, and niceness and CPUs on Windows."""
    on_windows = sys.platform == "win32"
    if priority.io_class == "none" and not on_windows:
        return
    import psutil  # noqa: PLC0415 - its 25 ms are spent only where an I/O class is set

    with contextlib.suppress(psutil.Error, OSError, ValueError, AttributeError):
        process = psutil.Process(thread)
        if on_windows and priority.nice:
            process.nice(windows_class(priority.nice, psutil))
        if on_windows and priority.cpus:
            process.cpu_affinity(list(priority.cpus))  # type: ignore[attr-defined, unused-ignore]
        _set_io_class(process, priority.io_class, psutil)


def windows_class(nice: int, psutil: ModuleType) -> int:
    """What stands for niceness on Windows: the class below normal up to 9, then idle."""
    name = "BELOW_NORMAL_PRIORITY_CLASS" if nice < _IDLE_FROM else "IDLE_PRIORITY_CLASS"
    return int(getattr(psutil, name))


def _set_io_class(process: Any, io_class: str, psutil: ModuleType) -> None:
    """On Linux and Windows, whose names differ; macOS has none."""
    if sys.platform == "win32":
        very_low, low = psutil.IOPRIO_VERYLOW, psutil.IOPRIO_LOW
        if io_class != "none":
            process.ionice(very_low if io_class == "idle" else low)
    elif io_class == "idle":
        process.ionice(psutil.IOPRIO_CLASS_IDLE)
    elif io_class == "best-effort":
        process.ionice(psutil.IOPRIO_CLASS_BE, value=7)


def _set_autogroup(nice: int, pid: int) -> None:
    """A desktop kernel divides the CPU between sessions before it considers niceness, and every
    child leads a session of its own: without this, `nice` would have no effect there."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/autogroup", "w") as file:
        file.write(str(nice))
