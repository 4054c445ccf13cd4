"""Files that appear whole or not at all: temp name beside the goal, fsync, rename, fsync folder."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from av1rules.base.text import text_digest


def is_at_or_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


TEMP_PREFIX = ".av1rules-"
"""Every temporary file of ours starts so; discovery never takes such a file for a source."""


def temp_name(goal: Path, *, folder: Path | None = None, suffix: str | None = None) -> Path:
    """A fresh private name in `folder` (default: beside `goal`) that ends in `suffix`.

    The goal's own name is not part of it: names of films may already be as long as the file
    system allows, and two sources of one name must not share a temp file.
    """
    return (
        folder or goal.parent
    ) / f"{TEMP_PREFIX}{secrets.token_hex(8)}{goal.suffix if suffix is None else suffix}"


def steady_temp_name(goal: Path) -> Path:
    """A private name beside `goal`, always the same one: for what no journal knows of. Who does it
    again after a crash, or takes it back, removes what was left there."""
    return goal.parent / f"{TEMP_PREFIX}{text_digest(str(goal))[:16]}{goal.suffix}"


def is_temp_name(name: str) -> bool:
    return name.startswith(TEMP_PREFIX)


def fsync_file(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDWR)
    except PermissionError:  # a film that nobody may write to: Linux syncs it all the same
        descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable. Systems that can't open folders are left alone."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def publish(
    temp: Path, goal: Path, *, replace: bool = True, check: Callable[[], None] | None = None
) -> None:
    """Put the finished `temp` in the place of `goal`: one file system, synced, atomic.

    `check` is called at the last moment, right before the rename, and may raise.

    Without `replace` nothing that exists is overwritten: raises FileExistsError. File systems
    without hard links (FAT, some shares) leave an instant between looking and renaming.
    """
    fsync_file(temp)
    if check is not None:
        check()
    if replace:
        os.replace(temp, goal)
    else:
        rename_new(temp, goal)
    fsync_folder(goal.parent)


def rename_new(temp: Path, goal: Path) -> None:
    """Rename without overwriting: raises FileExistsError if `goal` exists. See `publish`."""
    try:
        os.link(temp, goal, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError as problem:
        if os.path.lexists(goal):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(goal)) from problem
        os.rename(temp, goal)
    else:
        os.unlink(temp)


def write_text(goal: Path, text: str, *, temp: Path | None = None) -> None:
    """Write a small text file atomically; surrogate escapes of odd file names survive."""
    temp = temp or temp_name(goal)
    temp.unlink(missing_ok=True)
    try:
        with open(temp, "x", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        publish(temp, goal)
    finally:
        temp.unlink(missing_ok=True)


if sys.platform == "linux":
    import fcntl


_NO_ANSWER = frozenset(
    {
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "beegfs", "gfs2",
        "ocfs2", "overlay", "fuse", "fuseblk",
    }
)  # fmt: skip
"""Types of file systems where others may write past this kernel, or whose leases mean other things:
NFS and SMB refuse them as "in use" whenever the server gave no delegation."""


def is_open_for_writing(path: str | Path) -> bool | None:
    """Whether any process, this one included, has the regular file at `path` open to write.

    None where that can't be told: another system than Linux, a network or FUSE file system, a file
    of somebody else's (leases need its owner or CAP_LEASE). Raises OSError if there is no such
    file. The lease is held for microseconds; a writer that comes just then waits for its end.
    """
    if sys.platform != "linux" or not stat.S_ISREG(os.stat(path).st_mode):
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (PermissionError, BlockingIOError):  # the latter: somebody holds a lease to write
        return None
    try:
        kind = _kind_of(descriptor)
        return None if kind is None or kind in _NO_ANSWER else _try_lease(descriptor)
    finally:
        os.close(descriptor)


def _try_lease(descriptor: int) -> bool | None:
    # A writer that comes while we hold the lease makes the kernel send us a signal. SIGIO, its
    # first choice, would end the process; SIGURG is ignored unless somebody asks for it.
    fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as problem:
        return True if problem.errno == errno.EAGAIN else None
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def _kind_of(descriptor: int) -> str | None:
    """The type of the file system that an open file is on; subtypes (`fuse.sshfs`) left out."""
    try:
        with open(f"/proc/self/fdinfo/{descriptor}", "rb") as lines:
            mount = next(line[7:].strip() for line in lines if line.startswith(b"mnt_id:"))
        with open("/proc/self/mountinfo", "rb") as lines:
            line = next(line for line in lines if line.split(b" ", 1)[0] == mount)
    except (OSError, StopIteration):  # no /proc, or one that does not say
        return None
    return line.partition(b" - ")[2].split(b" ", 1)[0].partition(b".")[0].decode("latin-1")


NOT_REGULAR = "it is not a regular file, but a folder, pipe, socket or device"


@contextmanager
def open_regular(path: str | Path) -> Iterator[BinaryIO]:
    """A regular file to read from, unbuffered; never waits for the other end of a pipe.

    Raises OSError for anything else, its `strerror` fit for people.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, NOT_REGULAR, os.fspath(path))
        with open(descriptor, "rb", buffering=0, closefd=False) as file:
            yield file
    finally:
        os.close(descriptor)
