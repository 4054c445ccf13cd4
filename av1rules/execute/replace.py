"""Exchanges under the journal: write what is meant, do it, settle the ledger; or take it back.

Replacement, undo, undo of an undo, and what is put aside all go through here.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec.structs import replace

from av1rules.base.errors import PlanOutdatedError
from av1rules.base.files import temp_name
from av1rules.base.text import printable
from av1rules.base.units import now_text
from av1rules.execute.session import Session
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import Attempt, AttemptResult, TargetRow
from av1rules.ledger.trash_table import PendingReplacement, TrashEntry, TrashKind
from av1rules.storage.replace import (
    Repair,
    Replacement,
    apply_replacement,
    copy_compared,
    repair_replacement,
)
from av1rules.storage.trash import remove_empty_folders, trash_path


def replace_original(
    session: Session,
    kept: TrashEntry,
    incoming: str,
    *,
    side_files: tuple[tuple[str, str], ...],
    check: Callable[[], None],
) -> TrashEntry:
    """`incoming`, verified and dressed, takes the source's place; the original goes aside. `kept`
    is the entry without its path. Raises what `carry_out` raises; then all is as before."""
    row = kept.row
    aside = trash_path(session.workspace.ruleset, _run_of(kept), row.source_path)
    kept = replace(kept, path=aside, side_files=side_files)
    exchange = Replacement(
        incoming=incoming,
        place_in=row.target,
        key_in=row.target_key,
        place_out=row.source_path,
        aside=aside,
        key_out=row.content_key,
        side_files=side_files,
    )
    return _transaction(
        session, kept, PendingReplacement(exchange=exchange, after=kept, is_new=True), check
    )


def move_to_trash(session: Session, kept: TrashEntry, *, receipt: bytes | None) -> TrashEntry:
    """The target of `kept.row` goes aside, and its row from the ledger."""
    row = kept.row
    aside = trash_path(session.workspace.ruleset, _run_of(kept), row.target)
    kept = replace(kept, path=aside, receipt=receipt)
    exchange = Replacement(place_out=row.target, aside=aside, key_out=row.target_key)
    return _transaction(
        session, kept, PendingReplacement(exchange=exchange, after=kept, is_new=True), None
    )


def undo_entry(session: Session, kept: TrashEntry) -> TrashEntry | None:
    """What lies aside comes back to its place, what stands there goes aside. The caller has looked
    at both. Returns the entry as it is now; None where the trash is empty any more."""
    row, run = kept.row, session.run
    goes_out = row.target if kept.kind is TrashKind.ORIGINAL else row.source_path
    has_other = kept.kind is not TrashKind.ORPHAN and os.path.lexists(goes_out)
    aside = trash_path(session.workspace.ruleset, run, goes_out) if has_other else None
    after = None
    if aside is not None:
        kind = TrashKind.RESULT if kept.kind is TrashKind.ORIGINAL else TrashKind.ORIGINAL
        turned = tuple((new, old) for old, new in kept.side_files)
        after = replace(kept, kind=kind, path=aside, run=run, side_files=turned)
    with _near(session, kept) as incoming:
        now = _undo_by(session, kept, after, incoming, has_other=has_other, aside=aside)
    with contextlib.suppress(FileNotFoundError):
        if incoming != kept.path:
            os.unlink(kept.path)
    remove_empty_folders(kept.path)
    return now


@contextlib.contextmanager
def _near(session: Session, kept: TrashEntry) -> Iterator[str]:
    """The file aside, or where it lies across a border of file systems (a mount inside a root) a
    copy that was compared, in a private folder beside its place."""
    ledger, place = session.workspace.ledger, Path(kept.place)
    os.makedirs(place.parent, exist_ok=True)
    folder = str(temp_name(place, suffix=""))
    ledger.begin(folder, kept.row.source)
    try:
        os.makedirs(folder, mode=0o700)
        yield _reachable(kept.path, f"{folder}/part{place.suffix}", digest=kept.digest)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        ledger.release(folder, even_if_prepared=True)


def _reachable(path: str, near: str, *, digest: str) -> str:
    try:
        os.link(path, near, follow_symlinks=False)
        os.unlink(near)
    except OSError as problem:
        if problem.errno == errno.EXDEV:
            copy_compared(path, near, digest=digest)
            return near
    return path


def _undo_by(
    session: Session,
    kept: TrashEntry,
    after: TrashEntry | None,
    incoming: str,
    *,
    has_other: bool,
    aside: str | None,
) -> TrashEntry:
    is_original = kept.kind is TrashKind.ORIGINAL
    row = kept.row
    exchange = Replacement(
        incoming=incoming,
        place_in=kept.place,
        key_in=kept.content_key,
        place_out=(row.target if is_original else row.source_path) if has_other else None,
        aside=aside,
        key_out=(row.target_key if is_original else row.content_key) if has_other else None,
        side_files=tuple((new, old) for old, new in kept.side_files),
    )
    return _transaction(session, kept, PendingReplacement(exchange=exchange, after=after), None)


def _run_of(kept: TrashEntry) -> int:
    assert kept.run is not None
    return kept.run


def _transaction(
    session: Session, kept: TrashEntry, intent: PendingReplacement, check: Callable[[], None] | None
) -> TrashEntry:
    ledger = session.workspace.ledger
    kept = ledger.kept.begin(kept, intent)
    intent = _numbered(intent, kept)
    session.failpoint("exchange written")
    try:
        apply_replacement(intent.exchange, check=check, failpoint=session.failpoint)
    except BaseException:
        with contextlib.suppress(OSError):  # what failed first is told; the next start repairs
            _repair(ledger, kept, intent)
        raise
    commit(ledger, kept, intent)
    session.failpoint("exchange settled")
    return intent.after or kept


def _numbered(intent: PendingReplacement, kept: TrashEntry) -> PendingReplacement:
    after = None if intent.after is None else replace(intent.after, id=kept.id)
    return replace(intent, after=after)


def commit(ledger: Ledger, kept: TrashEntry, intent: PendingReplacement) -> None:
    """Write what the exchange means for the ledger: which row there is now, and what is held
    against the source."""
    becomes = None if intent.after is None else intent.after.kind
    if kept.kind is TrashKind.ORIGINAL and not intent.is_new:
        verdict = _undone(kept)
        ledger.kept.settle(kept, intent, row=None, verdict=verdict)
    elif becomes is TrashKind.ORPHAN:
        ledger.kept.settle(kept, intent, row=None)
    elif kept.kind is TrashKind.ORPHAN:
        row, verdict = _with_time(kept.row), _undone(kept)
        ledger.kept.settle(kept, intent, row=row, receipt=kept.receipt, verdict=verdict)
    else:
        row = _with_time(kept.row)
        ledger.kept.settle(kept, intent, row=row, receipt=kept.receipt)


def _with_time(row: TargetRow) -> TargetRow:
    try:
        return replace(row, target_mtime_ns=os.stat(row.target).st_mtime_ns)
    except OSError:
        return row


def _undone(kept: TrashEntry) -> Attempt:
    row = kept.row
    return Attempt(
        kind=AttemptResult.UNDONE,
        content_key=row.content_key,
        fingerprint=row.fingerprint,
        source=row.source,
        detail="undone by a user",
        source_bytes=row.source_bytes,
        target_bytes=row.target_bytes,
        count=1,
        at=now_text(),
    )


def recover_replacements(ledger: Ledger, is_disk_there: Callable[[str], bool]) -> Iterator[str]:
    """Finish or take back what a crash cut off; yields a line for each."""
    for kept, intent in ledger.kept.in_flight():
        shown = printable(kept.row.target)
        places = (intent.exchange.place_in, intent.exchange.place_out)
        if not all(is_disk_there(path) for path in places if path is not None):
            yield f"{shown} waits for its disk: a run was killed while it put the file in place"
            continue
        try:
            outcome = _repair(ledger, kept, intent)
        except OSError as problem:
            yield f"{shown} waits: the work of a killed run can't be finished: {problem}"
            continue
        if outcome is Repair.STUCK:
            yield (
                f"{shown}: another file is in the place where a killed run had exchanged files; "
                f"nothing is lost, {printable(intent.exchange.aside or '')} has the other one "
                "(`av1rules originals list`)"
            )
        else:
            yield f"{outcome.value}: the exchange at {shown}, which a killed run had begun"


def _repair(ledger: Ledger, kept: TrashEntry, intent: PendingReplacement) -> Repair:
    try:
        outcome = repair_replacement(intent.exchange)
    except PlanOutdatedError:
        outcome = Repair.STUCK
    if outcome is Repair.FINISHED:
        commit(ledger, kept, intent)
    elif outcome is Repair.ROLLED_BACK:
        ledger.kept.roll_back(kept, intent)
    else:
        _keep_conflict(ledger, kept, intent)
    return outcome


def _keep_conflict(ledger: Ledger, kept: TrashEntry, intent: PendingReplacement) -> None:
    """Another file stands where one of both belongs: what lies aside stays there, as an entry like
    any other, and is put back by `undo` once its place is free."""
    aside = intent.exchange.aside
    if intent.is_new:
        ledger.kept.keep(kept)
        return
    ledger.kept.roll_back(kept, intent)
    if aside is not None and os.path.lexists(aside):
        ledger.kept.add(replace(kept, kind=TrashKind.ORPHAN, path=aside, run=kept.run))
