"""Atomic file writes: temporary name beside the goal, fsync, rename, fsync of the folder."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from av1rules.base.system.disk_cache import flush_disk_cache
from av1rules.base.system.opening import CLOEXEC, NONBLOCK
from av1rules.base.text import text_digest


def is_at_or_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


TEMP_PREFIX = ".av1rules-"
"""Prefix of every temporary file of this program; discovery never takes one for a source."""


def temp_name(goal: Path, *, folder: Path | None = None, suffix: str | None = None) -> Path:
    """A new random name in `folder` (default: beside `goal`) that ends in `suffix`.

    The goal's own name is not part of it: names of videos may already be as long as the file
    system allows, and two sources with one name must not share a temporary file.
    """
    return (
        folder or goal.parent
    ) / f"{TEMP_PREFIX}{secrets.token_hex(8)}{goal.suffix if suffix is None else suffix}"


def steady_temp_name(goal: Path) -> Path:
    """A private name beside `goal`, always the same one, for files that no journal lists. Whoever
    repeats or rolls back the work after a crash removes what was left there."""
    return goal.parent / f"{TEMP_PREFIX}{text_digest(str(goal))[:16]}{goal.suffix}"


TRASH_FOLDER = f"{TEMP_PREFIX}kept"
"""Folder name at the top of a root or output; discovery never enters it."""


def is_temp_name(name: str) -> bool:
    return name.startswith(TEMP_PREFIX) and name != TRASH_FOLDER


def fsync_file(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDWR)
    except PermissionError:  # a read-only video: Linux syncs it all the same
        descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        flush_disk_cache(descriptor)
    finally:
        os.close(descriptor)


_FOLDERS_NOT_SYNCED = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EROFS})
"""What file systems answer that can't sync a folder (some network and FUSE ones)."""


def fsync_folder(folder: str | Path) -> None:
    """Make the names in `folder` durable, as far as its file system can.

    Does nothing where folders can't be opened (Windows, no permission). Raises OSError if the
    disk fails: what was renamed there may not be on it.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | CLOEXEC)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError as problem:
        if problem.errno not in _FOLDERS_NOT_SYNCED:
            raise
    finally:
        os.close(descriptor)


def make_folders(folder: str | Path, *, mode: int = 0o777) -> None:
    """Create `folder` (with `mode`) and those missing above it; all are durable afterwards.

    fsync of a file makes neither its folder's name durable nor that of a folder further up
    (POSIX promises nothing; ext4 and XFS happen to do it). Each folder is durable before the next
    is made in it, so after a kill at most the lowest that exists is not: its name is synced too.
    What is in a folder is for whoever puts it there to sync.
    Raises OSError, FileExistsError if something else has the name.
    """
    missing = []
    place = os.path.abspath(folder)
    while not os.path.isdir(place):
        missing.append(place)
        place = os.path.dirname(place)
    fsync_folder(os.path.dirname(place))
    for path in reversed(missing):
        with contextlib.suppress(FileExistsError):  # another process was first, or `isdir` decides
            os.mkdir(path, mode if path == missing[0] else 0o777)
        if not os.path.isdir(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        fsync_folder(os.path.dirname(path))


def publish(
    temp: Path, goal: Path, *, replace: bool = True, check: Callable[[], None] | None = None
) -> None:
    """Sync the finished `temp` and rename it to `goal` atomically, on the same file system.

    `check` is called right before the rename and may raise.

    Without `replace` nothing that exists is overwritten: raises FileExistsError. File systems
    without hard links (FAT, some shares) leave a short gap between check and rename.
    """
    fsync_file(temp)
    if check is not None:
        check()
    if replace:
        os.replace(temp, goal)
        fsync_folder(goal.parent)
    else:
        rename_new(temp, goal)


def rename_new(temp: Path, goal: Path) -> None:
    """Rename without overwriting: raises FileExistsError if `goal` exists. See `publish`.

    The new name is durable before the old one goes: where that is in another folder, it could
    otherwise be durably gone first. Raises OSError.
    """
    is_near = temp.parent == goal.parent
    try:
        os.link(temp, goal, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError as problem:
        if os.path.lexists(goal):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(goal)) from problem
        os.rename(temp, goal)
    else:
        if not is_near:
            fsync_folder(goal.parent)
        os.unlink(temp)
        if not is_near:
            return
    fsync_folder(goal.parent)


def write_text(goal: Path, text: str, *, temp: Path | None = None) -> None:
    """Write a small text file atomically; surrogate escapes in file names survive."""
    temp = temp or temp_name(goal)
    temp.unlink(missing_ok=True)
    try:
        with open(temp, "x", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        publish(temp, goal)
    finally:
        temp.unlink(missing_ok=True)


Failpoint = Callable[[str], None]
"""Called with the name of each completed step after which a crash would leave something behind:
crash tests end the process there."""


def no_failpoint(_name: str) -> None:
    """The failpoint outside crash tests."""


NOT_REGULAR = "it is not a regular file, but a folder, pipe, socket or device"


@contextmanager
def open_regular(path: str | Path) -> Iterator[BinaryIO]:
    """Open a regular file for unbuffered reading; never waits for the other end of a pipe.

    Raises OSError for anything else, with a `strerror` that can be shown to users.
    """
    descriptor = os.open(path, os.O_RDONLY | CLOEXEC | NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, NOT_REGULAR, os.fspath(path))
        with open(descriptor, "rb", buffering=0, closefd=False) as file:
            yield file
    finally:
        os.close(descriptor)
