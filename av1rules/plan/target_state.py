"""Where a target goes, and what is there: the file the ledger knows, a damaged one, or another."""

from __future__ import annotations

import os
from enum import Enum
from stat import S_ISREG

import msgspec
from msgspec.structs import replace

from av1rules.base.errors import ProbeError
from av1rules.ffmpeg.tools import Tools
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.provenance import parse_provenance
from av1rules.ledger.records import TargetRow
from av1rules.media.disk import Disk
from av1rules.media.local_disk import LOCAL_DISK
from av1rules.media.source import LibraryFile
from av1rules.policy.model import OutputMode, OutputSpec


def target_path(file: LibraryFile, output: OutputSpec, container: str) -> str:
    """The target of a source, absolute.

    `mirror` keeps the library path, root's name included, below `output.root`, so that a second
    root never moves the targets of the first; `beside` puts `output.suffix` before the extension;
    `replace` is the source's own path with the container's extension.
    """
    stem = os.path.splitext(file.relative_path)[0]
    if output.mode is OutputMode.MIRROR:
        return f"{output.root}/{file.root_name}/{stem}.{container}"
    if output.mode is OutputMode.REPLACE:
        return f"{file.root}/{stem}.{container}"
    return f"{file.root}/{stem}{output.suffix}.{container}"


def inspect_target(
    target: str, known: TargetRow | None, tools: Tools, disk: Disk = LOCAL_DISK
) -> TargetState | None:
    """What is at `target`; None if nothing is. If size or mtime differ from the ledger, the file is
    read (samples, then head, then tag), since only our own files may be overwritten."""
    if not disk.lexists(target):
        return None
    try:
        stat = disk.stat(target)
        if not S_ISREG(stat.st_mode):
            return _NOTHING_TO_OVERWRITE
        found = TargetState(size_bytes=stat.st_size, mtime_ns=stat.st_mtime_ns)
        if known is not None and is_as_written(known, found):
            return found
        found = replace(found, key=disk.content_key(target))
        if known is not None and is_as_written(known, found):
            return found
        return replace(found, place=_owner(target, found, known, tools, disk))
    except OSError:
        return _NOTHING_TO_OVERWRITE


def found_at_target(
    target: str, known: TargetRow | None, ledger: Ledger, tools: Tools, disk: Disk = LOCAL_DISK
) -> TargetState | None:
    """The same, but a stand-in of ours there is nothing: a target takes its place."""
    if not disk.lexists(target):  # most films of a plan: the ledger is not asked for each
        return None
    if ledger.stand_ins.standing(target, disk) is not None:
        return None
    return inspect_target(target, known, tools, disk)


class TargetOwner(Enum):
    """Whose file is at the path of a target."""

    OURS = "ours"  # as written, or damaged behind an intact head: may be redone
    MODIFIED = "edited"  # its tag says that we made it from this source, but it was changed since
    FOREIGN = "foreign"  # another file
    NOT_A_FILE = "no file"  # a folder, a device, a link that leads nowhere


class TargetState(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The file at the path of a target. `key` and `place` are determined only if size or mtime
    differ from the ledger."""

    size_bytes: int
    mtime_ns: int
    key: str | None = None
    place: TargetOwner = TargetOwner.OURS


_NOTHING_TO_OVERWRITE = TargetState(size_bytes=0, mtime_ns=0, place=TargetOwner.NOT_A_FILE)


def _owner(
    target: str, found: TargetState, known: TargetRow | None, tools: Tools, disk: Disk
) -> TargetOwner:
    if known is not None and (found.size_bytes == 0 or disk.head_key(target) == known.target_head):
        return TargetOwner.OURS
    try:
        provenance = disk.provenance_of(target, tools)
        if provenance is None:
            return TargetOwner.FOREIGN
        tag = parse_provenance(provenance)
    except (ProbeError, msgspec.MsgspecError):
        return TargetOwner.FOREIGN
    is_ours = known is None or tag.source_digest == known.source_digest
    return TargetOwner.MODIFIED if is_ours else TargetOwner.FOREIGN


def is_as_written(row: TargetRow, found: TargetState) -> bool:
    """Whether the file at the target's path is the one in the ledger, by mtime or by content."""
    if found.size_bytes != row.target_bytes:
        return False
    return found.mtime_ns == row.target_mtime_ns or found.key == row.target_key
