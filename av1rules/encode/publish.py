"""Puts a verified file in its place: whole or not at all, never over the source."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

from av1rules.base.atomic import publish, temp_name
from av1rules.base.digest import file_digest
from av1rules.base.errors import Av1rulesError, UsageError
from av1rules.base.text import printable


def publish_target(
    temp: str,
    target: str,
    *,
    source: str | None = None,
    keep_mtime_of: str | None = None,
    copy_folder: str | None = None,
    replace: bool = True,
    check: Callable[[], None] | None = None,
) -> None:
    """Move the finished `temp` to `target` by rename, making the folders above it.

    On another file system it is copied there first (into `copy_folder`, or beside the target),
    synced, and compared by digest.
    Mode (without set-uid) and, where allowed, the group come from the source, the time of change
    from `keep_mtime_of`. Without `replace` nothing that exists is overwritten (FileExistsError);
    `check` is called right before the rename and may raise.
    Raises UsageError if the target is the source, a plain Av1rulesError if the copy differs,
    OSError. Afterwards `temp` is gone; after an error it is still there.
    """
    origin = source or keep_mtime_of
    _refuse_source(target, origin)
    goal = Path(target)
    goal.parent.mkdir(parents=True, exist_ok=True)
    if _same_file_system(temp, str(goal.parent)):
        _dress(temp, origin=origin, keep_mtime_of=keep_mtime_of)
        try:
            publish(Path(temp), goal, replace=replace, check=check)
            return
        except OSError as problem:
            if problem.errno != errno.EXDEV:  # one device number, two mounts: copy after all
                raise
    part = temp_name(goal, folder=Path(copy_folder) if copy_folder else None)
    _copy(temp, part, goal, origin=origin, keep_mtime_of=keep_mtime_of)
    try:
        publish(part, goal, replace=replace, check=check)
    finally:
        part.unlink(missing_ok=True)
    os.unlink(temp)


def _refuse_source(target: str, origin: str | None) -> None:
    with contextlib.suppress(FileNotFoundError):
        if origin is not None and os.path.samefile(target, origin):
            raise UsageError(
                "the target is the source itself: an original is never overwritten",
                where=printable(target),
                hint="set another output.root or output.suffix",
            )


def _same_file_system(temp: str, folder: str) -> bool:
    return os.stat(temp).st_dev == os.stat(folder).st_dev


def _copy(
    temp: str,
    part: Path,
    goal: Path,
    *,
    origin: str | None,
    keep_mtime_of: str | None,
) -> None:
    """Copy to `part` beside the goal, whole and compared, or leave nothing there."""
    try:
        shutil.copyfile(temp, part)
        _dress(str(part), origin=origin, keep_mtime_of=keep_mtime_of)
        _require_same(part, Path(temp), goal)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _require_same(part: Path, temp: Path, goal: Path) -> None:
    if file_digest(part) != file_digest(temp):
        raise Av1rulesError(
            "the copy to the target's file system differs from what was written",
            where=printable(str(goal)),
            hint="check that disk and its cables; nothing was published",
        )


def _dress(path: str, *, origin: str | None, keep_mtime_of: str | None) -> None:
    """Permissions of the original, as far as this user may set them; never set-uid or sticky."""
    if origin is not None:
        with contextlib.suppress(OSError):  # a source on a file system without modes
            _copy_owner_and_mode(origin, path)
    if keep_mtime_of is not None:
        found = os.stat(keep_mtime_of)
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def _copy_owner_and_mode(origin: str, path: str) -> None:
    found = os.stat(origin)
    with contextlib.suppress(PermissionError):  # only root may give files away
        os.chown(path, found.st_uid, found.st_gid)
    os.chmod(path, stat.S_IMODE(found.st_mode) & 0o777 | stat.S_IRUSR | stat.S_IWUSR)
