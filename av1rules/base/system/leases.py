"""Who writes to a file: leases on Linux; macOS and Windows don't tell."""

from __future__ import annotations

import errno
import os
import signal
import stat
import sys
from pathlib import Path

from av1rules.base.system.opening import CLOEXEC, NONBLOCK

if sys.platform == "linux":
    import fcntl

_UNRELIABLE_LEASES = frozenset(
    {
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "beegfs", "gfs2",
        "ocfs2", "overlay", "fuse", "fuseblk",
    }
)  # fmt: skip
"""File system types where others may write without this kernel knowing, or where a lease means
something else: NFS and SMB refuse one as "in use" whenever the server gave no delegation."""


def is_open_for_writing(path: str | Path) -> bool | None:
    """Whether any process, this one included, has the regular file at `path` open for writing.

    None where that is unknown: on other systems than Linux, on a network or FUSE file system, for
    another user's file (a lease needs the owner or CAP_LEASE). Raises OSError if there is no such
    file. The lease is held for microseconds; a writer that comes just then waits for its end.
    """
    if sys.platform == "linux" and stat.S_ISREG(os.stat(path).st_mode):
        try:
            descriptor = os.open(path, os.O_RDONLY | CLOEXEC | NONBLOCK)
        except (PermissionError, BlockingIOError):  # the latter: another process has a write lease
            return None
        try:
            kind = _file_system_type(descriptor)
            return None if kind is None or kind in _UNRELIABLE_LEASES else _try_lease(descriptor)
        finally:
            os.close(descriptor)
    else:
        return None


if sys.platform == "linux":

    def _try_lease(descriptor: int) -> bool | None:
        # A writer that comes while the lease is held makes the kernel send a signal. The default,
        # SIGIO, would end the process; SIGURG is ignored unless a handler is installed.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        try:
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except OSError as problem:
            return True if problem.errno == errno.EAGAIN else None
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        return False


def _file_system_type(descriptor: int) -> str | None:
    """The type of the file system of an open file, without a subtype (`fuse.sshfs` is `fuse`)."""
    try:
        with open(f"/proc/self/fdinfo/{descriptor}", "rb") as lines:
            mount = next(line[7:].strip() for line in lines if line.startswith(b"mnt_id:"))
        with open("/proc/self/mountinfo", "rb") as lines:
            line = next(line for line in lines if line.split(b" ", 1)[0] == mount)
    except (OSError, StopIteration):  # no /proc, or one without the mount
        return None
    return line.partition(b" - ")[2].split(b" ", 1)[0].partition(b".")[0].decode("latin-1")
