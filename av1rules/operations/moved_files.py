"""Finds what a user renamed or moved for commands that name files, before a run has recorded it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence

from av1rules.ledger.moved import NOTHING_MOVED, MovedFiles
from av1rules.media.source import LibraryFile
from av1rules.plan.moved.find import find_moved, listed
from av1rules.plan.moved.places import target_files
from av1rules.plan.workspace import Workspace
from av1rules.policy.model import RuleSet


def moved_to(workspace: Workspace, paths: Sequence[str]) -> MovedFiles:
    """The moved targets among the files at or below these absolute paths."""
    ledger, there = workspace.ledger, [path for path in paths if os.path.exists(path)]
    sizes = ledger.target_sizes() if there else frozenset()
    files = [file for file in _files(workspace.ruleset, there) if file.stat.size_bytes in sizes]
    written = ledger.written([file.path for file in files])
    new = [
        file
        for file in files
        if (row := written.get(file.path)) is None
        or (row.target_bytes, row.target_mtime_ns) != (file.stat.size_bytes, file.stat.mtime_ns)
    ]
    return (
        find_moved(workspace, tuple(ledger.targets()), map(listed, new)) if new else NOTHING_MOVED
    )


def moved_from(workspace: Workspace, targets: Collection[str]) -> MovedFiles:
    """Where those of these targets are now that are missing; the folders of targets are walked only
    if some are."""
    lost = [target for target in targets if not os.path.lexists(target)]
    undone = workspace.ledger.kept.undone()
    if not lost and all(os.path.lexists(entry.row.source_path) for entry in undone):
        return NOTHING_MOVED
    return find_moved(workspace, lost, map(listed, _files(workspace.ruleset)))


def _files(ruleset: RuleSet, paths: Sequence[str] = ()) -> Iterator[LibraryFile]:
    steps = target_files(ruleset, tuple(paths))
    return (step for step in steps if isinstance(step, LibraryFile))
