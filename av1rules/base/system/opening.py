"""Flags and reads of `os` that Windows lacks."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

CLOEXEC: int = (
    getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOINHERIT", 0) | getattr(os, "O_BINARY", 0)
)
"""Programs that are started later don't get the descriptor. On Windows also: bytes stay as they
are, which is so everywhere else."""

NONBLOCK: int = getattr(os, "O_NONBLOCK", 0)
"""Opening a pipe waits for nobody. Windows has no pipes among its files."""

NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
"""A link is refused with ELOOP. 0 on Windows: look with `os.lstat` first."""

DIRECTORY: int = getattr(os, "O_DIRECTORY", 0)
"""0 on Windows, which does not open folders at all."""

_moving = threading.Lock()


def seek_and_read(descriptor: int, length: int, place: int) -> bytes:
    """`os.pread` by moving the descriptor there and back; one thread at a time. Raises OSError."""
    with _moving:
        former = os.lseek(descriptor, 0, os.SEEK_CUR)
        try:
            os.lseek(descriptor, place, os.SEEK_SET)
            return os.read(descriptor, length)
        finally:
            os.lseek(descriptor, former, os.SEEK_SET)


pread: Callable[[int, int, int], bytes]
"""Up to so many bytes of a descriptor from a place on; its own position stays. Raises OSError."""

if sys.platform == "win32":
    pread = seek_and_read
else:
    pread = os.pread
