"""The cache of the disk itself, which fsync empties on Linux and Windows, but not on macOS."""

from __future__ import annotations

import contextlib
import sys

if sys.platform == "darwin":
    import fcntl


def flush_disk_cache(descriptor: int) -> None:
    """After `os.fsync`, and only on macOS: have the disk write what it holds, as far as it can."""
    if sys.platform == "darwin":
        with contextlib.suppress(OSError):  # file systems that can't, such as network ones
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
