"""Targets whose source is gone, and which of them go to the trash."""

from __future__ import annotations

import os
from array import array
from bisect import bisect_left
from collections.abc import Container, Iterable, Iterator, Sequence

from av1rules.base.text import printable
from av1rules.ledger.records import AttemptResult, TargetRow
from av1rules.media.disk import Disk
from av1rules.media.local_disk import LOCAL_DISK
from av1rules.plan.context import PlanContext
from av1rules.plan.draft import Draft
from av1rules.plan.items import ActiveItem, Orphan, PlanItem
from av1rules.plan.rows import PlanRows
from av1rules.plan.target_state import inspect_target, is_as_written
from av1rules.plan.workspace import Workspace
from av1rules.policy.model import Orphans


def unclaimed_targets(scope: PlanContext, draft: Draft, rows: PlanRows) -> list[str]:
    """The valid targets in the ledger that no item has, would write or reuses. Hashes stand for the
    targets of packed items: there may be a million."""
    valid = scope.workspace.ledger.valid
    known = set(valid.of([os.fsencode(target) for target in set(_claimed(rows.in_full))]))
    hashes = set(map(hash, known))
    both = hashes.intersection(draft.claims)
    if draft.confirmed + len(hashes - both) == valid.count():
        return []
    claims = array("q", sorted(draft.claims))
    return [
        target
        for path in valid.paths()
        if path not in known
        and not has_hash(claims, hash(path))
        and (target := os.fsdecode(path)) not in scope.replaced
    ]


def has_hash(claims: array[int], one: int) -> bool:
    """Whether it is among these sorted hashes."""
    place = bisect_left(claims, one)
    return place < len(claims) and claims[place] == one


def find_orphans(
    workspace: Workspace, unclaimed: Sequence[str], rows: Iterable[PlanItem], *, is_whole: bool
) -> Iterator[Orphan]:
    """Of targets that no item claims, those whose source is gone or has another target now. None
    goes to the trash unless the whole library could be read (`is_whole`), nor while a file of the
    same size as its source has not been probed."""
    names = {root.name for root in workspace.ruleset.library.roots}
    to_trash = is_whole and workspace.ruleset.output.orphans is Orphans.TRASH
    found = list(workspace.ledger.rows_of(unclaimed))
    made_of, unread = _planned_for({row.source_path for row in found}, rows) if found else ({}, ())
    for row in found:
        if not workspace.disk.lexists(row.target):
            continue
        if not is_gone(row.source_path, workspace.disk):
            other = made_of.get(row.source_path)
            if other is not None and other != row.target:
                cause = f"its source has another target now: {printable(other)}"
                yield Orphan(row=row, cause=cause)
            continue
        if row.source.partition("/")[0] not in names:
            cause = f"its source is gone, and so is its root in the rules: {printable(row.source)}"
            yield Orphan(row=row, cause=cause)
            continue
        cause = f"its source is gone: {printable(row.source)}"
        if to_trash and not is_orphan_as_written(row, workspace):
            yield Orphan(row=row, cause=f"{cause}; left alone: it was changed since it was written")
        elif to_trash and row.source_bytes in unread:
            yield Orphan(
                row=row,
                cause=f"{cause}; left alone: a file that was not probed yet may be its source",
            )
        elif to_trash and _was_put_back(row, workspace):
            yield Orphan(row=row, cause=f"{cause}; left alone: a user put it back")
        else:
            yield Orphan(row=row, cause=cause, to_trash=to_trash)


def _planned_for(
    sources: Container[str], rows: Iterable[PlanItem]
) -> tuple[dict[str, str | None], Container[int]]:
    """The targets that items have for these sources, and the sizes of all files without a
    fingerprint."""
    made_of: dict[str, str | None] = {}
    unread: set[int] = set()
    for planned in rows:
        if planned.file.path in sources:
            made_of[planned.file.path] = planned.target
        if planned.fingerprint is None:
            unread.add(planned.size_bytes)
    return made_of, unread


def _claimed(rows: Iterable[PlanItem]) -> Iterator[str]:
    """Targets that an item has, would write or reuses."""
    for planned in rows:
        if planned.target is not None:
            yield planned.target
        reuse = planned.work.reuse if isinstance(planned, ActiveItem) else None
        if reuse is not None and reuse.row is not None:
            yield reuse.row.target


def is_gone(path: str, disk: Disk = LOCAL_DISK) -> bool:
    """Whether the path is certainly absent: an unreadable folder or a disk error is no proof."""
    try:
        disk.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _was_put_back(row: TargetRow, workspace: Workspace) -> bool:
    attempt = workspace.ledger.attempt(row.content_key, row.fingerprint)
    return attempt is not None and attempt.kind is AttemptResult.UNDONE


def is_orphan_as_written(row: TargetRow, workspace: Workspace) -> bool:
    found = inspect_target(row.target, row, workspace.tools, workspace.disk)
    return found is not None and is_as_written(row, found)
