"""Copies that share the blocks of their source: Linux (Btrfs, XFS, bcachefs) and macOS (APFS)."""

from __future__ import annotations

import ctypes
import errno
import os
import sys

if sys.platform == "linux":
    import fcntl

_FICLONE = 0x40049409
"""linux/fs.h."""

_AT_FDCWD = -2
"""sys/fcntl.h of macOS: a path as the process sees it."""


def clone(origin: int, part: str) -> None:
    """Make `part`, which must not exist, of the blocks of the open regular file `origin`.

    Raises OSError about `part`: ENOTSUP where the system can't at all, FileExistsError.
    """
    if sys.platform == "linux":
        with open(part, "xb") as goal:
            try:
                fcntl.ioctl(goal.fileno(), _FICLONE, origin)
            except OSError as problem:
                raise OSError(problem.errno, problem.strerror, part) from problem
    elif sys.platform == "darwin":
        system = ctypes.CDLL(None, use_errno=True)
        if system.fclonefileat(origin, _AT_FDCWD, os.fsencode(part), 0) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), part)
    else:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP), part)
