"""Targets whose source is gone, and which of them go to the trash."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from av1rules.base.text import printable
from av1rules.ledger.records import AttemptResult, TargetRow
from av1rules.plan.items import ActiveItem, Orphan, PlanItem
from av1rules.plan.target_state import inspect_target, is_as_written
from av1rules.plan.workspace import Workspace
from av1rules.policy.model import Orphans


def find_orphans(
    workspace: Workspace, known: Iterable[str], rows: Sequence[PlanItem], *, is_whole: bool
) -> Iterator[Orphan]:
    """Targets in the ledger that no item claims and whose source is gone or has another target now.
    None goes to the trash unless the whole library could be read (`is_whole`), nor while a file of
    the same size as its source has not been probed."""
    claimed = _claimed(rows)
    made_of = {planned.file.path: planned.target for planned in rows}
    names = {root.name for root in workspace.ruleset.library.roots}
    to_trash = is_whole and workspace.ruleset.output.orphans is Orphans.TRASH
    unread = {row.size_bytes for row in rows if row.fingerprint is None}
    for target in known:
        if target in claimed:
            continue
        row = workspace.ledger.find(target)
        if row is None or not os.path.lexists(row.target):
            continue
        if not _is_gone(row.source_path):
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


def _claimed(rows: Iterable[PlanItem]) -> set[str]:
    """Targets that an item has, would write or reuses."""
    claimed = set()
    for planned in rows:
        if planned.target is not None:
            claimed.add(planned.target)
        reuse = planned.work.reuse if isinstance(planned, ActiveItem) else None
        if reuse is not None and reuse.row is not None:
            claimed.add(reuse.row.target)
    return claimed


def _is_gone(path: str) -> bool:
    """Whether the path is certainly absent: an unreadable folder or a disk error is no proof."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _was_put_back(row: TargetRow, workspace: Workspace) -> bool:
    attempt = workspace.ledger.attempt(row.content_key, row.fingerprint)
    return attempt is not None and attempt.kind is AttemptResult.UNDONE


def is_orphan_as_written(row: TargetRow, workspace: Workspace) -> bool:
    found = inspect_target(row.target, row, workspace.tools)
    return found is not None and is_as_written(row, found)
