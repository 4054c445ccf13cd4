"""Opens the files that av1rules keeps for itself: ledger, caches, notes, locks, markers.

Their names are known, and their folders may be writable for others or come out of a repository, so
a link, pipe or device may lie under such a name. Nothing here follows a link, waits for a pipe, or
takes a file that another user made.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from av1rules.base.files import temp_name
from av1rules.base.system.opening import CLOEXEC, NOFOLLOW, NONBLOCK
from av1rules.base.system.users import is_mine

STATE_FOLDER = ".av1rules"
"""The usual name of the state folder."""

OWN_FILE_BYTES = 256 * 1024 * 1024
"""The most that is read of a file of ours: the plan cache of a million films has about 200 MB."""


class PlantedFileError(OSError):
    """Something that av1rules did not make has the name of one of its files."""


def require_own(path: str | Path) -> None:
    """Check a file that a library opens by its name (SQLite, a lock), right before that.

    Nothing there is fine. Raises PlantedFileError for a link, for anything but a regular file, and
    for one that belongs neither to this user nor to the owner of its folder.
    """
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    _require(found, path)


def require_own_database(path: Path) -> None:
    """`require_own` for an SQLite file and the two that SQLite keeps beside it."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm", f"{path.name}-journal"):
        require_own(path.with_name(name))


def require_own_folder(path: str | Path) -> None:
    """The same for a folder: nothing there, or a real folder and no link to one."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(found.st_mode):
        raise _planted(path, "it is a link" if stat.S_ISLNK(found.st_mode) else "it is no folder")


def read_own(path: str | Path, limit: int = OWN_FILE_BYTES) -> bytes:
    """The first `limit` bytes of a file of ours. Raises like `open_own`."""
    descriptor = open_own(path)
    try:
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(limit)
    finally:
        os.close(descriptor)


def open_own(path: str | Path) -> int:
    """A file of ours as a descriptor to read, which the caller closes. Raises PlantedFileError (see
    `require_own`) and OSError."""
    flags = os.O_RDONLY | CLOEXEC | NONBLOCK
    _look_first(path)
    try:
        descriptor = os.open(path, flags | NOFOLLOW)
    except OSError as problem:
        if problem.errno == errno.ELOOP:
            raise _planted(path, "it is a link") from problem
        raise
    try:
        _require(os.fstat(descriptor), path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def append_own(path: str | Path) -> int:
    """A file of ours as a descriptor to write at its end, created if it is missing, which the
    caller closes. Raises PlantedFileError (see `require_own`) and OSError."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | CLOEXEC | NONBLOCK
    _look_first(path)
    try:
        descriptor = os.open(path, flags | NOFOLLOW, 0o666)
    except OSError as problem:
        if problem.errno == errno.ELOOP:
            raise _planted(path, "it is a link") from problem
        raise
    try:
        _require(os.fstat(descriptor), path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def write_own(path: Path, data: bytes) -> None:
    """`replacing_own` with these bytes. Raises OSError."""
    with replacing_own(path) as file:
        file.write(data)


@contextlib.contextmanager
def replacing_own(path: Path) -> Iterator[BinaryIO]:
    """Replace a file of ours as a whole, once all is written: a link or pipe under its name is
    replaced, never written to. Not synced: for notes and caches, which may be lost. Raises OSError.
    """
    temp = temp_name(path)
    try:
        with open(temp, "xb") as file:
            yield file
        os.replace(temp, path)
    finally:
        temp.unlink(missing_ok=True)


GIT_IGNORE = ".gitignore"


def ignore_in_git(folder: Path) -> None:
    """Keep a state folder out of version control: git ignores all in it, this file too. Not over a
    file or link that is there, and not in a folder that has other files and another name than
    ours: it may be a user's own. Failing that, nothing is lost."""
    goal = folder / GIT_IGNORE
    if os.path.lexists(goal):
        return
    with contextlib.suppress(OSError):
        if folder.name != STATE_FOLDER and any(folder.iterdir()):
            return
        descriptor = os.open(goal, os.O_WRONLY | os.O_CREAT | os.O_EXCL | CLOEXEC, 0o666)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write("# av1rules keeps its state here: not for version control.\n*\n")


def make_marker(path: str | Path) -> None:
    """Create an empty file if nothing has its name. Raises OSError."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | CLOEXEC, 0o666))


def _look_first(path: str | Path) -> None:
    """Where opening can't refuse a link."""
    if not NOFOLLOW:
        require_own(path)


def _require(found: os.stat_result, path: str | Path) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise _planted(path, "it is a link")
    if not stat.S_ISREG(found.st_mode):
        raise _planted(path, "it is a folder, pipe, socket or device")
    if is_mine(found):
        return
    if found.st_uid != os.stat(os.path.dirname(path) or ".").st_uid:
        raise _planted(path, "it belongs to another user")


def _planted(path: str | Path, why: str) -> PlantedFileError:
    words = f"{why}, which av1rules did not make; take it away"
    return PlantedFileError(errno.EEXIST, words, os.fspath(path))  # permission is not the problem
