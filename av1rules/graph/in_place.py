"""What lies in a target's place: the file the ledger knows, a damaged one, or somebody else's."""

from __future__ import annotations

import os

import msgspec

from av1rules.base.digest import content_key
from av1rules.base.errors import ProbeError
from av1rules.graph.provenance import parse_provenance
from av1rules.graph.stale import TargetRow, TargetState, is_as_written
from av1rules.library.identity import lone_file
from av1rules.library.probe import probe_file
from av1rules.library.toolset import Tools


def look_in_place(target: str, known: TargetRow | None, tools: Tools) -> TargetState | None:
    """The file at `target`, None if there is none. Where it is not as written it is read: by its
    samples, then by its tag, since only what is ours may be overwritten."""
    try:
        stat = os.stat(target)
        found = TargetState(size_bytes=stat.st_size, mtime_ns=stat.st_mtime_ns)
        if known is not None and is_as_written(known, found):
            return found
        key = content_key(target)
    except OSError:
        return None
    found = TargetState(size_bytes=stat.st_size, mtime_ns=stat.st_mtime_ns, key=key)
    if known is not None and is_as_written(known, found):
        return found
    return TargetState(
        size_bytes=stat.st_size,
        mtime_ns=stat.st_mtime_ns,
        key=key,
        is_ours=_says_it_is_ours(target, known, tools),
    )


def _says_it_is_ours(target: str, known: TargetRow | None, tools: Tools) -> bool:
    """Whether the file's own tag names us, and the source that the ledger has for it."""
    try:
        probed = probe_file(lone_file(target), tools)
        if probed.provenance is None:
            return False
        said = parse_provenance(probed.provenance)
    except (ProbeError, OSError, msgspec.MsgspecError):
        return False
    return known is None or said.source_digest == known.source_digest
