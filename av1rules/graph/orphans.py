"""Targets whose sources are gone: listed, and put aside where the policy says so."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from av1rules.base.errors import Av1rulesError, PlanOutdatedError
from av1rules.base.events import Note
from av1rules.base.text import printable
from av1rules.graph.in_place import look_in_place
from av1rules.graph.kept import Kept, KeptKind
from av1rules.graph.planned import Orphan, PlanRow
from av1rules.graph.session import Outcome, Session, now_text
from av1rules.graph.stale import TargetRow, is_as_written
from av1rules.graph.swap import put_aside
from av1rules.graph.verdict import VerdictKind
from av1rules.graph.workspace import Workspace
from av1rules.rules.model import Orphans


def find_orphans(
    space: Workspace, known: Iterable[bytes], rows: Sequence[PlanRow], *, is_whole: bool
) -> Iterator[Orphan]:
    """Targets of the ledger that no planned row claims and whose source is gone, or has another
    target by now. Unless the library could be read as a whole (`is_whole`) none goes to the trash,
    nor while a file of its source's size has not been looked into."""
    claimed = _claimed(rows)
    made_of = {planned.file.path: planned.target for planned in rows}
    names = {root.name for root in space.ruleset.library.roots}
    to_trash = is_whole and space.ruleset.output.orphans is Orphans.TRASH
    unread = {row.size_bytes for row in rows if row.fingerprint is None}
    for target in known:
        if target in claimed:
            continue
        row = space.ledger.find(os.fsdecode(target))
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
        if to_trash and not _is_as_written(row, space):
            yield Orphan(row=row, cause=f"{cause}; left: it was changed since it was written")
        elif to_trash and row.source_bytes in unread:
            yield Orphan(row=row, cause=f"{cause}; left: it may be a file not looked into yet")
        elif to_trash and _was_put_back(row, space):
            yield Orphan(row=row, cause=f"{cause}; left: a person put it back")
        else:
            yield Orphan(row=row, cause=cause, to_trash=to_trash)


def _claimed(rows: Iterable[PlanRow]) -> set[bytes]:
    """Targets that a planned row has, wants or takes from."""
    claimed = set()
    for planned in rows:
        if planned.target is not None:
            claimed.add(os.fsencode(planned.target))
        donor = planned.work.donor if planned.work is not None else None
        if donor is not None and donor.row is not None:
            claimed.add(os.fsencode(donor.row.target))
    return claimed


def _is_gone(path: str) -> bool:
    """Not merely hidden behind a folder that this user can't enter, or a disk with errors."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _was_put_back(row: TargetRow, space: Workspace) -> bool:
    verdict = space.ledger.verdict(row.content_key, row.fingerprint)
    return verdict is not None and verdict.kind is VerdictKind.UNDONE


def _is_as_written(row: TargetRow, space: Workspace) -> bool:
    found = look_in_place(row.target, row, space.tools)
    return found is not None and is_as_written(row, found)


def trash_orphans(orphans: Iterable[Orphan], session: Session) -> None:
    """Put aside the orphans that the policy does not want; one that can't be is told and stays."""
    for orphan in orphans:
        if not orphan.to_trash or session.space.children.is_stopping:
            continue
        try:
            put_target_aside(session, orphan.row, orphan.cause)
        except (Av1rulesError, OSError) as problem:
            session.sink(Note(source=orphan.row.source, message=f"kept in its place: {problem}"))


def put_target_aside(session: Session, row: TargetRow, why: str) -> None:
    """Put a target into the trash: its source is gone, so this may be the last copy, and `undo`
    puts it back. Raises PlanOutdatedError if it is not as written, or its source is back."""
    if not _is_as_written(row, session.space):
        raise PlanOutdatedError(f"its target is no longer as it was written: {row.target}")
    put_aside(
        session,
        Kept(id=0, run=session.run, kind=KeptKind.ORPHAN, path="", row=row, at=now_text()),
        receipt=session.space.ledger.receipt(row.target),
    )
    session.tally.add(Outcome.ASIDE)
    session.sink(Note(source=row.source, message=f"put aside {printable(row.target)}: {why}"))
