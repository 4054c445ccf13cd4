"""Whether some process has a file open to write: asked of the kernel, without disturbing anybody.

Linux grants a read lease on a file only while nobody has it open for writing.
"""

from __future__ import annotations

import errno
import os
import signal
import stat
import sys
from pathlib import Path

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
