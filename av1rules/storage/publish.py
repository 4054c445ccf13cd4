"""Publishes a verified file at its target path: whole or not at all, never over the source."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Self

import msgspec

from av1rules.base.errors import Av1rulesError, UsageError
from av1rules.base.files import make_folders, publish, temp_name
from av1rules.base.hashing import file_digest
from av1rules.base.system.attributes import copy_attributes_named
from av1rules.base.system.users import give
from av1rules.base.text import printable
from av1rules.policy.model import OutputSpec

_ACL = "system.posix_acl_access"

_OF_CONTENT = re.compile(
    r"sha\d|shatag|md5|crc|xxh|blake|hash|digest|checksum|bitrot", re.IGNORECASE
)
"""Attributes in which other tools store the digest of a file: on a target it would be wrong,
and they would report bit rot."""


class FileAttributes(msgspec.Struct, frozen=True, kw_only=True):
    """The file attributes that a target takes over from its source."""

    keep_mtime: bool
    keep_mode: bool  # with the access list (ACL), which is part of it
    keep_owner: bool
    keep_xattrs: bool

    @classmethod
    def of(cls, output: OutputSpec) -> Self:
        return cls(
            keep_mtime=output.keep_mtime,
            keep_mode=output.keep_mode,
            keep_owner=output.keep_owner,
            keep_xattrs=output.keep_xattrs,
        )


def publish_target(
    temp: str,
    target: str,
    *,
    source: str,
    attributes: FileAttributes,
    copy_folder: str | None = None,
    replace: bool = True,
    over_link: bool = False,
    check: Callable[[], None] | None = None,
) -> None:
    """Rename the finished `temp` to `target`, creating the folders above it.

    For a target on another file system, `temp` is first copied there (into `copy_folder`, or beside
    the target), synced, and compared by digest. `attributes` says what it takes over from `source`.
    Without `replace` nothing that exists is overwritten (FileExistsError). `over_link`: the name of
    the target may be a link of ours to the source, which loses that name only. `check` is called
    right before the rename and may raise.
    Raises UsageError if the target is the source, a plain Av1rulesError if the copy differs,
    OSError. Afterwards `temp` is gone; after an error it still exists.
    """
    _refuse_source(target, source, may_be_link=over_link)
    goal = Path(target)
    make_folders(goal.parent)
    if _same_file_system(temp, str(goal.parent)):
        copy_attributes(temp, source, attributes)
        try:
            publish(Path(temp), goal, replace=replace, check=check)
            return
        except OSError as problem:
            if problem.errno != errno.EXDEV:  # two mounts with one device number need a copy
                raise
    part = temp_name(goal, folder=Path(copy_folder) if copy_folder else None)
    _copy(temp, part, goal)
    try:
        copy_attributes(str(part), source, attributes)
        publish(part, goal, replace=replace, check=check)
    finally:
        part.unlink(missing_ok=True)
    os.unlink(temp)


def _refuse_source(target: str, source: str, *, may_be_link: bool) -> None:
    with contextlib.suppress(FileNotFoundError):
        is_other = may_be_link and _is_other_name(target, source)
        if os.path.samefile(target, source) and not is_other:
            raise UsageError(
                "the target is the source itself: an original is never overwritten",
                where=printable(target),
                hint="set another output.root or output.suffix",
            )


def _is_other_name(one: str, other: str) -> bool:
    """Whether both are entries of different folders, or of one folder under different names."""
    folders = [os.path.dirname(path) or "." for path in (one, other)]
    return os.path.basename(one) != os.path.basename(other) or not os.path.samefile(*folders)


def _same_file_system(temp: str, folder: str) -> bool:
    return os.stat(temp).st_dev == os.stat(folder).st_dev


def _copy(temp: str, part: Path, goal: Path) -> None:
    """Copy to `part` and compare both; remove `part` on failure."""
    try:
        shutil.copyfile(temp, part)
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


def copy_attributes(path: str, origin: str, wanted: FileAttributes) -> None:
    """Copy the `wanted` attributes from `origin` to `path`, as far as permissions and the file
    system allow; the rest is skipped without an error.

    Set-uid and sticky bits, `security.*` and `trusted.*` are never copied; the owner may always
    read and write. Does nothing if `origin` is gone: publishing checks the source again anyway.
    """
    try:
        found = os.stat(origin)
    except FileNotFoundError:
        return
    if wanted.keep_xattrs:
        _copy_extended(origin, path, with_acl=wanted.keep_mode)
    if wanted.keep_mode:
        mode = stat.S_IMODE(found.st_mode) & 0o777 | stat.S_IRUSR | stat.S_IWUSR
        with contextlib.suppress(OSError):  # a file system without modes
            os.chmod(path, mode)
    if wanted.keep_mtime:
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    if wanted.keep_owner:  # last: afterwards another user may own the file
        _copy_owner(found, path)


def _copy_extended(origin: str, path: str, *, with_acl: bool) -> None:
    def is_wanted(name: str) -> bool:
        is_users = name.startswith("user.") and not _OF_CONTENT.search(name)
        return is_users or (with_acl and name == _ACL)

    copy_attributes_named(origin, path, is_wanted)


def _copy_owner(found: os.stat_result, path: str) -> None:
    try:
        give(path, user=found.st_uid, group=found.st_gid)
    except OSError:  # only root may give files away
        with contextlib.suppress(OSError):
            give(path, user=-1, group=found.st_gid)
