"""What lies in a target's place: the file the ledger knows, a damaged one, or somebody else's."""

from __future__ import annotations

import os
from dataclasses import replace
from stat import S_ISREG

import msgspec

from av1rules.base.digest import content_key, head_key
from av1rules.base.errors import ProbeError
from av1rules.graph.provenance import parse_provenance
from av1rules.graph.stale import InPlace, TargetRow, TargetState, is_as_written
from av1rules.library.identity import lone_file
from av1rules.library.probe import probe_file
from av1rules.library.toolset import Tools


def look_in_place(target: str, known: TargetRow | None, tools: Tools) -> TargetState | None:
    """What is at `target`, None if there is nothing. Where it is not as written the file is read:
    by its samples, by its head, then by its tag, since only what is ours may be overwritten."""
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
        return replace(found, place=_whose(target, found, known, tools))
    except OSError:
        return _NOTHING_TO_OVERWRITE


_NOTHING_TO_OVERWRITE = TargetState(size_bytes=0, mtime_ns=0, place=InPlace.NO_FILE)


def _whose(target: str, found: TargetState, known: TargetRow | None, tools: Tools) -> InPlace:
    if known is not None and (found.size_bytes == 0 or head_key(target) == known.target_head):
        return InPlace.OURS
    try:
        probed = probe_file(lone_file(target), tools)
        if probed.provenance is None:
            return InPlace.FOREIGN
        said = parse_provenance(probed.provenance)
    except (ProbeError, msgspec.MsgspecError):
        return InPlace.FOREIGN
    is_ours = known is None or said.source_digest == known.source_digest
    return InPlace.EDITED if is_ours else InPlace.FOREIGN
