"""Replacements with a journal: write the intent, replace the file, commit; or roll back.

Replacing a source, undoing that, undoing the undo, and moving a target to the trash all go through
here.
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
from av1rules.base.files import fsync_folder, temp_name
from av1rules.base.text import printable
from av1rules.base.units import now_text
from av1rules.execute.session import Session
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.receipt import renew_receipts
from av1rules.ledger.records import Attempt, AttemptResult, TargetRow
from av1rules.ledger.trash_table import PendingReplacement, TrashEntry, TrashKind
from av1rules.policy.model import ReceiptForm
from av1rules.storage.replace import (
    Repair,
    Replacement,
    apply_replacement,
    copy_compared,
    has_content,
    repair_replacement,
)
from av1rules.storage.trash_folder import remove_empty_folders, trash_path


def replace_original(
    session: Session,
    entry: TrashEntry,
    incoming: str,
    *,
    side_files: tuple[tuple[str, str], ...],
    check: Callable[[], None],
) -> TrashEntry:
    """Replace the source by `incoming`, which is verified and has its attributes. The original goes
    to the trash; `entry` is its entry, still without a path. Raises what `apply_replacement`
    raises; then nothing has changed."""
    row = entry.row
    place_in_trash = trash_path(session.workspace.ruleset, _run_of(entry), row.source_path)
    entry = replace(entry, path=place_in_trash, side_files=side_files)
    exchange = Replacement(
        incoming=incoming,
        place_in=row.target,
        key_in=row.target_key,
        place_out=row.source_path,
        aside=place_in_trash,
        key_out=row.content_key,
        side_files=side_files,
    )
    return _transaction(
        session, entry, PendingReplacement(exchange=exchange, after=entry, is_new=True), check
    )


def put_original_aside(session: Session, entry: TrashEntry, found_at: str) -> TrashEntry:
    """Move an original that another program kept beside its result, at `found_at`, to the trash,
    from which `undo` puts it back in its former place. The result stays as it is. Raises what
    `apply_replacement` raises; then nothing has changed."""
    row = entry.row
    place_in_trash = trash_path(session.workspace.ruleset, _run_of(entry), row.source_path)
    entry = replace(entry, path=place_in_trash)
    exchange = Replacement(place_out=found_at, aside=place_in_trash, key_out=row.content_key)
    return _transaction(
        session, entry, PendingReplacement(exchange=exchange, after=entry, is_new=True), None
    )


def move_to_trash(session: Session, entry: TrashEntry, *, receipt: bytes | None) -> TrashEntry:
    """Move the target of `entry.row` to the trash and remove its row from the ledger."""
    row = entry.row
    place_in_trash = trash_path(session.workspace.ruleset, _run_of(entry), row.target)
    entry = replace(entry, path=place_in_trash, receipt=receipt)
    exchange = Replacement(place_out=row.target, aside=place_in_trash, key_out=row.target_key)
    return _transaction(
        session, entry, PendingReplacement(exchange=exchange, after=entry, is_new=True), None
    )


def undo_entry(session: Session, entry: TrashEntry) -> TrashEntry:
    """Put a file from the trash back in its place; the file that is there now goes to the trash.
    The caller has checked both. Returns the entry as it is now."""
    row, run = entry.row, session.run
    path_out = row.target if entry.kind is TrashKind.ORIGINAL else row.source_path
    has_other = entry.kind is not TrashKind.ORPHAN and os.path.lexists(path_out)
    place_in_trash = trash_path(session.workspace.ruleset, run, path_out) if has_other else None
    after = None
    if place_in_trash is not None:
        kind = TrashKind.RESULT if entry.kind is TrashKind.ORIGINAL else TrashKind.ORIGINAL
        turned = tuple((new, old) for old, new in entry.side_files)
        after = replace(entry, kind=kind, path=place_in_trash, run=run, side_files=turned)
    with _reachable_file(session, entry) as incoming:
        return _undo_by(
            session, entry, after, incoming, has_other=has_other, place_in_trash=place_in_trash
        )


@contextlib.contextmanager
def _reachable_file(session: Session, entry: TrashEntry) -> Iterator[str]:
    """The file in the trash, or a compared copy in a private folder beside its place if the trash
    is on another file system (a mount inside a root)."""
    ledger, place = session.workspace.ledger, Path(entry.place)
    folder = str(temp_name(place, suffix=""))
    ledger.begin(folder, entry.row.source)
    try:
        session.folders.make_private(folder)
        yield _path_or_copy(entry.path, f"{folder}/part{place.suffix}", digest=entry.digest)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        fsync_folder(place.parent)  # the ledger must not forget a folder that can come back
        session.folders.remove_unused(str(place.parent))
        ledger.release(folder, even_if_prepared=True)


def _path_or_copy(path: str, near: str, *, digest: str) -> str:
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
    entry: TrashEntry,
    after: TrashEntry | None,
    incoming: str,
    *,
    has_other: bool,
    place_in_trash: str | None,
) -> TrashEntry:
    is_original = entry.kind is TrashKind.ORIGINAL
    row = entry.row
    exchange = Replacement(
        incoming=incoming,
        place_in=entry.place,
        key_in=entry.content_key,
        place_out=(row.target if is_original else row.source_path) if has_other else None,
        aside=place_in_trash,
        key_out=(row.target_key if is_original else row.content_key) if has_other else None,
        side_files=tuple((new, old) for old, new in entry.side_files),
    )
    return _transaction(session, entry, PendingReplacement(exchange=exchange, after=after), None)


def _run_of(entry: TrashEntry) -> int:
    assert entry.run is not None
    return entry.run


def _transaction(
    session: Session,
    entry: TrashEntry,
    intent: PendingReplacement,
    check: Callable[[], None] | None,
) -> TrashEntry:
    ledger = session.workspace.ledger
    entry = ledger.kept.begin(entry, intent)
    intent = _numbered(intent, entry)
    session.failpoint("exchange written")
    try:
        apply_replacement(intent.exchange, check=check, failpoint=session.failpoint)
        _leave_trash(entry, intent)
    except BaseException:
        with contextlib.suppress(OSError):  # the first error is reported; the next start repairs
            _repair(ledger, entry, intent, session.workspace.ruleset.output.receipts)
        raise
    commit(ledger, entry, intent, session.workspace.ruleset.output.receipts)
    if intent.is_new:
        session.counters.add_trashed()
    session.failpoint("exchange settled")
    return intent.after or entry


def _leave_trash(entry: TrashEntry, intent: PendingReplacement) -> None:
    """Before the ledger forgets where the file of an undone entry was: nothing of it stays there,
    nor comes back after a loss of power. On another file system the file itself is still there."""
    if intent.is_new:
        return
    if intent.exchange.incoming != entry.path and has_content(entry.path, entry.content_key):
        os.unlink(entry.path)
    remove_empty_folders(entry.path)


def _numbered(intent: PendingReplacement, entry: TrashEntry) -> PendingReplacement:
    after = None if intent.after is None else replace(intent.after, id=entry.id)
    return replace(intent, after=after)


def commit(
    ledger: Ledger, entry: TrashEntry, intent: PendingReplacement, receipts: ReceiptForm
) -> None:
    """Write the result of a replacement to the ledger: the target's row (none for another
    program's AV1 file), and for an undone source the attempt that keeps it from being encoded
    again. The receipt files come first: after a crash in between, the exchange is still in the
    journal and all of this is done again."""
    becomes = None if intent.after is None else intent.after.kind
    _receipt_files(entry, intent, receipts)
    if entry.kind is TrashKind.ORIGINAL and not intent.is_new:
        verdict = _undone(entry)
        ledger.kept.settle(entry, intent, row=None, verdict=verdict)
    elif becomes is TrashKind.ORPHAN or entry.is_foreign:
        ledger.kept.settle(entry, intent, row=None)
    elif entry.kind is TrashKind.ORPHAN:
        row, verdict = _with_time(entry.row), _undone(entry)
        ledger.kept.settle(entry, intent, row=row, receipt=entry.receipt, verdict=verdict)
    else:
        row = _with_time(entry.row)
        ledger.kept.settle(entry, intent, row=row, receipt=entry.receipt)


def _receipt_files(entry: TrashEntry, intent: PendingReplacement, form: ReceiptForm) -> None:
    """The receipts beside a target that comes back or goes: none beside an original, or beside
    nothing. A new result gets its receipt once it is recorded. A receipt that can't be written or
    removed fails nothing: the ledger has it."""
    if (intent.is_new and entry.kind is TrashKind.ORIGINAL) or entry.is_foreign:
        return
    is_back = entry.kind is not TrashKind.ORIGINAL and not intent.is_new
    with contextlib.suppress(OSError, ValueError):
        row = entry.row if is_back else None
        renew_receipts(entry.row.target, row, entry.receipt, form)


def _with_time(row: TargetRow) -> TargetRow:
    try:
        return replace(row, target_mtime_ns=os.stat(row.target).st_mtime_ns)
    except OSError:
        return row


def _undone(entry: TrashEntry) -> Attempt:
    row = entry.row
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


def recover_replacements(
    ledger: Ledger, receipts: ReceiptForm, is_disk_there: Callable[[str], bool]
) -> Iterator[str]:
    """Finish or roll back replacements that a crash interrupted; yields a line for each."""
    for entry, intent in ledger.kept.in_flight():
        shown = printable(entry.row.target)
        places = (intent.exchange.place_in, intent.exchange.place_out)
        if not all(is_disk_there(path) for path in places if path is not None):
            yield f"{shown} waits for its disk: a run was killed while it put the file in place"
            continue
        try:
            outcome = _repair(ledger, entry, intent, receipts)
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


def _repair(
    ledger: Ledger, entry: TrashEntry, intent: PendingReplacement, receipts: ReceiptForm
) -> Repair:
    try:
        outcome = repair_replacement(intent.exchange)
    except PlanOutdatedError:
        outcome = Repair.STUCK
    if outcome is Repair.FINISHED:
        _leave_trash(entry, intent)
        commit(ledger, entry, intent, receipts)
    elif outcome is Repair.ROLLED_BACK:
        aside = intent.exchange.aside
        if aside is not None:
            remove_empty_folders(aside)
        ledger.kept.roll_back(entry, intent)
    else:
        _keep_conflict(ledger, entry, intent)
    return outcome


def _keep_conflict(ledger: Ledger, entry: TrashEntry, intent: PendingReplacement) -> None:
    """Another file is in one of the two places. The file in the trash stays there as an ordinary
    entry, which `undo` can restore once its place is free."""
    place_in_trash = intent.exchange.aside
    if intent.is_new:
        ledger.kept.keep(entry)
        return
    ledger.kept.roll_back(entry, intent)
    if place_in_trash is not None and os.path.lexists(place_in_trash):
        ledger.kept.add(replace(entry, kind=TrashKind.ORPHAN, path=place_in_trash, run=entry.run))
