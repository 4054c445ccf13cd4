"""Targets whose sources are gone: listed, and put aside where the policy says so."""

from __future__ import annotations

from collections.abc import Iterable

from av1rules.base.errors import Av1rulesError, PlanOutdatedError
from av1rules.base.events import Note, Outcome
from av1rules.base.text import printable
from av1rules.base.units import now_text
from av1rules.execute.replace import move_to_trash
from av1rules.execute.session import Session
from av1rules.ledger.records import TargetRow
from av1rules.ledger.trash_table import TrashEntry, TrashKind
from av1rules.plan.items import Orphan
from av1rules.plan.orphans import is_orphan_as_written


def trash_orphans(orphans: Iterable[Orphan], session: Session) -> None:
    """Put aside the orphans that the policy does not want; one that can't be is told and stays."""
    for orphan in orphans:
        if not orphan.to_trash or session.workspace.children.is_stopping:
            continue
        try:
            trash_target(session, orphan.row, orphan.cause)
        except (Av1rulesError, OSError) as problem:
            session.sink(Note(source=orphan.row.source, message=f"kept in its place: {problem}"))


def trash_target(session: Session, row: TargetRow, why: str) -> None:
    """Put a target into the trash: its source is gone, so this may be the last copy, and `undo`
    puts it back. Raises PlanOutdatedError if it is not as written, or its source is back."""
    if not is_orphan_as_written(row, session.workspace):
        raise PlanOutdatedError(f"its target is no longer as it was written: {row.target}")
    move_to_trash(
        session,
        TrashEntry(id=0, run=session.run, kind=TrashKind.ORPHAN, path="", row=row, at=now_text()),
        receipt=session.workspace.ledger.receipt(row.target),
    )
    session.tally.add(Outcome.TRASHED)
    session.sink(
        Note(source=row.source, message=f"moved to the trash: {printable(row.target)}: {why}")
    )
