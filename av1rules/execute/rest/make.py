"""Makes one stand-in in the mirror: a link or a copy of a file of the library.

A source is only read, or gets another name. Nothing that exists is overwritten, except a stand-in
that is still as it was put there.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from stat import S_ISREG

from msgspec.structs import replace

from av1rules.base.errors import Av1rulesError, PlanOutdatedError
from av1rules.base.files import fsync_file, open_regular, steady_temp_name
from av1rules.base.hashing import file_digest
from av1rules.base.system.reflinks import clone
from av1rules.base.text import printable
from av1rules.ledger.stand_ins import StandIn, is_as_placed, mark_of, signed_inode
from av1rules.plan.rest.items import Placement
from av1rules.policy.model import Rest
from av1rules.storage.publish import FileAttributes, copy_attributes

_CHUNK_BYTES = 8 * 1024 * 1024

IS_COPY = frozenset({Rest.REFLINK, Rest.COPY})
"""Kinds with content of their own, which is written under a temporary name first."""


def pending_row(placement: Placement) -> StandIn:
    """What is about to be put in place, as far as it is known before. Raises PlanOutdatedError,
    OSError."""
    source = require_regular(placement.source_path)
    folder, name = os.path.split(placement.path)
    moved = placement.moves_from
    mark = mark_of(source)
    identity = mark if placement.kind is Rest.HARDLINK else (0, 0, 0)
    if moved is not None:
        identity = (moved.inode, moved.size_bytes, moved.mtime_ns)
    return StandIn(
        folder=folder,
        name=name,
        is_pending=True,
        kind=placement.kind,
        source_path=placement.source_path,
        link=placement.link,
        is_film=placement.is_film,
        inode=identity[0],
        size_bytes=identity[1],
        mtime_ns=identity[2],
        source_inode=mark[0],
        source_bytes=mark[1],
        source_mtime_ns=mark[2],
    )


def require_regular(path: str) -> os.stat_result:
    """The stat of a source. Raises PlanOutdatedError if it is a regular file no more, OSError."""
    found = os.lstat(path)
    if not S_ISREG(found.st_mode):
        raise PlanOutdatedError(f"the source is no file any more: {path}")
    return found


def write_part(
    placement: Placement, row: StandIn, attributes: FileAttributes, check: Callable[[], None]
) -> StandIn:
    """Write a copy or reflink under the temporary name of its place, complete and synced; returns
    its row with the identity that it keeps when it is renamed. Raises PlanOutdatedError if the
    source changes meanwhile, Av1rulesError if the copy differs, OSError, and what `check`
    raises."""
    part = steady_temp_name(Path(placement.path))
    part.unlink(missing_ok=True)
    try:
        if placement.kind is Rest.REFLINK:
            _clone(placement.source_path, part)
        else:
            _copy(placement.source_path, part, check)
        copy_attributes(str(part), placement.source_path, attributes)
        fsync_file(part)
        _require_unchanged(row)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return identified(row, os.lstat(part))


def _require_unchanged(row: StandIn) -> None:
    if mark_of(require_regular(row.source_path)) != row.source_mark:
        raise PlanOutdatedError(f"the source changed while it was copied: {row.source_path}")


def identified(row: StandIn, found: os.stat_result) -> StandIn:
    return replace(
        row,
        inode=signed_inode(found.st_ino),
        size_bytes=found.st_size,
        mtime_ns=found.st_mtime_ns,
    )


def _clone(source: str, part: Path) -> None:
    """Share the blocks of the source. Raises OSError, ENOTSUP where the system can't at all."""
    with open_regular(source) as origin:
        clone(origin.fileno(), str(part))


def _copy(source: str, part: Path, check: Callable[[], None]) -> None:
    with open_regular(source) as origin, open(part, "xb") as goal:
        while chunk := origin.read(_CHUNK_BYTES):
            check()
            goal.write(chunk)
    if file_digest(part, check=check) != file_digest(source, check=check):
        raise Av1rulesError(
            "a copy for the mirror differs from what was read",
            where=printable(source),
            hint="check both disks and their cables; nothing was put in place",
        )


def put_in_place(placement: Placement, row: StandIn) -> StandIn:
    """Give the stand-in its place; returns its row as it is now. For a copy or reflink `write_part`
    comes first. Raises FileExistsError for a place that is taken, PlanOutdatedError, OSError."""
    source, path, old = placement.source_path, placement.path, placement.replaces
    part = steady_temp_name(Path(path))
    if placement.moves_from is not None and placement.kind is not Rest.SYMLINK:
        _require_ours(placement.moves_from)
        _require_free(path)
        os.rename(placement.moves_from.path, path)
    elif old is None and placement.kind not in IS_COPY:
        _link(placement, path)
    else:
        if placement.kind not in IS_COPY:
            part.unlink(missing_ok=True)
            _link(placement, str(part))
        _rename(part, path, old)
    found = os.lstat(path)
    if placement.kind is Rest.HARDLINK and not os.path.samestat(found, require_regular(source)):
        os.unlink(path)  # the link that was just made
        raise PlanOutdatedError(f"the source was replaced meanwhile: {source}")
    return replace(identified(row, found), is_pending=False)


def _link(placement: Placement, path: str) -> None:
    if placement.kind is Rest.SYMLINK:
        os.symlink(placement.link, path)
    else:
        os.link(placement.source_path, path, follow_symlinks=False)


def _rename(part: Path, path: str, old: StandIn | None) -> None:
    """Over the stand-in that is replaced, else over nothing."""
    if old is None:
        _require_free(path)
    else:
        _require_ours(old)
    os.replace(part, path)
    # Two names of one file are left as they are by a rename.
    part.unlink(missing_ok=True)


def _require_ours(row: StandIn) -> None:
    if not is_as_placed(row):
        raise PlanOutdatedError(f"what stands there was changed since the plan: {row.path}")


def _require_free(path: str) -> None:
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
