"""A read-only file system over a folder that answers late, as a share far away does.

`python -m tests.bench.slow_disk FOLDER MOUNT_POINT MILLISECONDS` mounts it until it is unmounted
(`umount MOUNT_POINT`). It needs Linux, `fusepy` and libfuse 2, which are no dependencies of ours.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from typing import Any

from fuse import FUSE, FuseOSError, Operations  # type: ignore[import-not-found]

_STAT_FIELDS = ("st_mode", "st_size", "st_nlink", "st_uid", "st_gid", "st_ino")
_TIMES = ("st_atime", "st_mtime", "st_ctime")


class SlowFolder(Operations):  # type: ignore[misc]
    """Each `getattr` and each reading of a folder takes `delay_s` longer; calls overlap."""

    def __init__(self, folder: str, delay_s: float) -> None:
        self._folder = folder
        self._delay_s = delay_s

    def getattr(self, path: str, handle: object = None) -> dict[str, Any]:
        time.sleep(self._delay_s)
        try:
            seen = os.lstat(self._folder + path)
        except OSError as problem:
            raise FuseOSError(problem.errno or errno.EIO) from problem
        return {name: getattr(seen, name) for name in (*_STAT_FIELDS, *_TIMES)}

    def readdir(self, path: str, handle: object) -> list[tuple[str, dict[str, int], int]]:
        time.sleep(self._delay_s)
        with os.scandir(self._folder + path) as entries:
            return [
                (entry.name, {"st_mode": 0o040755 if entry.is_dir() else 0o100644}, 0)
                for entry in entries
            ]

    access = None  # the kernel need not ask


if __name__ == "__main__":
    FUSE(
        SlowFolder(os.path.realpath(sys.argv[1]), float(sys.argv[3]) / 1000),
        sys.argv[2],
        foreground=True,
        ro=True,
        attr_timeout=0,
        entry_timeout=0,
    )
