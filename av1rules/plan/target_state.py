"""Where a target goes, and what is there: the file the ledger knows, a damaged one, or another."""

from __future__ import annotations

import os
from enum import Enum
from stat import S_ISREG

import msgspec
from msgspec.structs import replace

from av1rules.base.errors import ProbeError
from av1rules.base.hashing import content_key, head_key
from av1rules.ffmpeg.tools import Tools
from av1rules.ledger.provenance import parse_provenance
from av1rules.ledger.records import TargetRow
from av1rules.media.cache import lone_file
from av1rules.media.probe.ffprobe import probe_file
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


def inspect_target(target: str, known: TargetRow | None, tools: Tools) -> TargetState | None:
    """What is at `target`; None if nothing is. If size or mtime differ from the ledger, the file is
    read (samples, then head, then tag), since only our own files may be overwritten."""
    if not os.path.lexists(target):
        return None
    try:
        stat = os.stat(target)
        if not S_ISREG(stat.st_mode):
            return _NOTHING_TO_OVERWRITE
        found = TargetState(size_bytes=stat.st_size, mtime_ns=stat.st_mtime_ns)
        if known is not None and is_as_written(known, found):
            return found
        found = replace(found, key=content_key(target))
        if known is not None and is_as_written(known, found):
            return found
        return replace(found, place=_owner(target, found, known, tools))
    except OSError:
        return _NOTHING_TO_OVERWRITE


class TargetOwner(Enum):
    """Whose file is at the path of a target."""

    OURS = "ours"  # as written, or damaged behind an intact head: may be redone
    MODIFIED = "edited"  # its tag says that we made it from this source, but it was changed since
    FOREIGN = "foreign"  # another file
    NOT_A_FILE = "no file"  # a folder, a device, a link that leads nowhere


class TargetState(msgspec.Struct, frozen=True, kw_only=True):
    """The file at the path of a target. `key` and `place` are determined only if size or mtime
    differ from the ledger."""

    size_bytes: int
    mtime_ns: int
    key: str | None = None
    place: TargetOwner = TargetOwner.OURS


_NOTHING_TO_OVERWRITE = TargetState(size_bytes=0, mtime_ns=0, place=TargetOwner.NOT_A_FILE)


def _owner(target: str, found: TargetState, known: TargetRow | None, tools: Tools) -> TargetOwner:
    if known is not None and (found.size_bytes == 0 or head_key(target) == known.target_head):
        return TargetOwner.OURS
    try:
        probed = probe_file(lone_file(target), tools)
        if probed.provenance is None:
            return TargetOwner.FOREIGN
        tag = parse_provenance(probed.provenance)
    except (ProbeError, msgspec.MsgspecError):
        return TargetOwner.FOREIGN
    is_ours = known is None or tag.source_digest == known.source_digest
    return TargetOwner.MODIFIED if is_ours else TargetOwner.FOREIGN


def is_as_written(row: TargetRow, found: TargetState) -> bool:
    """Whether the file at the target's path is the one in the ledger, by mtime or by content."""
    if found.size_bytes != row.target_bytes:
        return False
    return found.mtime_ns == row.target_mtime_ns or found.key == row.target_key
