"""An advisory lock on a folder, freed by the system however its holder ends.

Linux and macOS lock the folder itself, which leaves no file in a checkout. Windows can't open
folders: it locks a file of ours in it, which goes with the lock.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from av1rules.base.system.opening import CLOEXEC, DIRECTORY

if sys.platform != "win32":
    import fcntl

LOCK_NAME = ".av1rules-approvals.lock"


def try_folder_lock(folder: Path) -> contextlib.AbstractContextManager[bool]:
    """Whether this process has the lock within the context; False: another one has it.

    True also on file systems that can't lock folders (some network ones). Raises OSError.
    """
    if sys.platform == "win32":
        return try_file_lock(folder)
    else:
        return _try_flock(folder)


if sys.platform != "win32":

    @contextlib.contextmanager
    def _try_flock(folder: Path) -> Iterator[bool]:
        descriptor = os.open(folder, os.O_RDONLY | DIRECTORY | CLOEXEC)
        try:
            is_locked = True
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                is_locked = False
            except OSError:
                pass
            yield is_locked
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def try_file_lock(folder: Path) -> Iterator[bool]:
    """The same by a file in the folder: the way of Windows, which works everywhere."""
    import filelock  # noqa: PLC0415 - 12 ms that only Windows has to pay

    lock = filelock.FileLock(folder / LOCK_NAME, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except filelock.Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
