"""The run lock: one run at a time per ledger, and the watcher's: one watcher. A lock ends with its
process and names its holder."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from av1rules.base.errors import BusyError, UsageError
from av1rules.base.files import make_folders
from av1rules.base.own_files import ignore_in_git, read_own, require_own, write_own

LOCK_NAME = "run.lock"
_HOLDER_NAME = "run.holder"


def run_lock(state_dir: Path) -> AbstractContextManager[None]:
    """Hold the run lock of `state_dir`. Raises BusyError naming the holder if another run has it,
    UsageError if the folder can't be written.

    The operating system frees the lock when its process ends in any way. A file beside it names
    the holder, for messages only.
    """
    return _lock(
        state_dir,
        LOCK_NAME,
        _HOLDER_NAME,
        "another run uses this ledger",
        "wait for it to end, or stop it with Ctrl-C or SIGTERM: it keeps what is done",
    )


def watch_lock(state_dir: Path) -> AbstractContextManager[None]:
    """The same for the watcher, which holds it between its rounds too."""
    return _lock(
        state_dir,
        "watch.lock",
        "watch.holder",
        "another watcher uses this ledger",
        "one is enough; stop it with SIGTERM, or let it go on: `av1rules run` works beside it",
    )


@contextlib.contextmanager
def _lock(
    state_dir: Path, lock_name: str, holder_name: str, what: str, hint: str
) -> Iterator[None]:
    holder = state_dir / holder_name
    lock = FileLock(state_dir / lock_name)
    try:
        make_folders(state_dir)
        ignore_in_git(state_dir)
        require_own(state_dir / lock_name)
        lock.acquire(timeout=0)
    except Timeout as problem:
        raise BusyError(
            f"{what}: {_read(holder)}",
            where=str(state_dir),
            hint=hint,
        ) from problem
    except OSError as problem:
        raise UsageError(
            f"the state folder can't be written: {problem.strerror}",
            where=str(problem.filename or state_dir),
            hint="it holds the ledger; run.state_dir in the rules file sets another",
        ) from problem
    try:
        started = time.strftime("%Y-%m-%d %H:%M:%S")
        with contextlib.suppress(OSError):  # for messages only: the lock itself counts
            text = f"process {os.getpid()} on {socket.gethostname()}, since {started}"
            write_own(holder, text.encode())
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink(missing_ok=True)
        lock.release()


def lock_holder(state_dir: Path) -> str | None:
    """A description of the process that holds the run lock; None if it is free. Raises OSError."""
    require_own(state_dir / LOCK_NAME)
    if not (state_dir / LOCK_NAME).exists():
        return None
    lock = FileLock(state_dir / LOCK_NAME)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return _read(state_dir / _HOLDER_NAME)
    lock.release()
    return None


class RunHolder(msgspec.Struct, frozen=True, kw_only=True):
    """The process that says it holds the run lock; `pid` is None for one of another machine."""

    text: str
    pid: int | None


def seen_holder(state_dir: Path) -> RunHolder | None:
    """Who holds the run lock, by the file beside it and without a touch of the lock itself: for
    monitors, which ask every second and must not be in the way of a run that begins."""
    try:
        text = read_own(state_dir / _HOLDER_NAME, limit=200).decode(errors="replace")
    except OSError:
        return None
    found = _HOLDER.match(text)
    if found is None or found["host"] != socket.gethostname():
        return RunHolder(text=text, pid=None)
    pid = int(found["pid"])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:  # it is there, and another user's
        pass
    return RunHolder(text=text, pid=pid)


_HOLDER = re.compile(r"process (?P<pid>\d+) on (?P<host>\S+),")


def is_run_active(state_dir: Path) -> bool:
    """Whether a run is at work; not known to a user who may only read is not."""
    try:
        return lock_holder(state_dir) is not None
    except OSError:
        return False


def _read(holder: Path) -> str:
    try:
        return read_own(holder, limit=200).decode(errors="replace") or "unknown"
    except OSError:
        return "unknown"
