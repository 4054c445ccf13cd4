"""Exchanges under the journal: write what is meant, do it, settle the ledger; or take it back.

Replacement, undo, undo of an undo, and what is put aside all go through here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace

from av1rules.base.errors import PlanOutdatedError
from av1rules.base.text import printable
from av1rules.encode.exchange import Exchange, Repair, carry_out, repair
from av1rules.graph.kept import Intent, Kept, KeptKind
from av1rules.graph.ledger import Ledger
from av1rules.graph.session import Session, now_text
from av1rules.graph.stale import TargetRow
from av1rules.graph.trash import aside_path, remove_empty_folders
from av1rules.graph.verdict import Verdict, VerdictKind


def replace_original(
    session: Session,
    kept: Kept,
    incoming: str,
    *,
    side_files: tuple[tuple[str, str], ...],
    check: Callable[[], None],
) -> Kept:
    """`incoming`, verified and dressed, takes the source's place; the original goes aside. `kept`
    is the entry without its path. Raises what `carry_out` raises; then all is as before."""
    row = kept.row
    aside = aside_path(session.space.ruleset, _run_of(kept), row.source_path)
    kept = replace(kept, path=aside, side_files=side_files)
    exchange = Exchange(
        incoming=incoming,
        place_in=row.target,
        key_in=row.target_key,
        place_out=row.source_path,
        aside=aside,
        key_out=row.content_key,
        side_files=side_files,
    )
    return _journaled(session, kept, Intent(exchange=exchange, after=kept, is_new=True), check)


def put_aside(session: Session, kept: Kept, *, receipt: bytes | None) -> Kept:
    """The target of `kept.row` goes aside, and its row from the ledger."""
    row = kept.row
    aside = aside_path(session.space.ruleset, _run_of(kept), row.target)
    kept = replace(kept, path=aside, receipt=receipt)
    exchange = Exchange(place_out=row.target, aside=aside, key_out=row.target_key)
    return _journaled(session, kept, Intent(exchange=exchange, after=kept, is_new=True), None)


def undo_entry(session: Session, kept: Kept) -> Kept | None:
    """What lies aside comes back to its place, what stands there goes aside. The caller has looked
    at both. Returns the entry as it is now; None where nothing lies aside any more."""
    row, run = kept.row, session.run
    goes_out = row.target if kept.kind is KeptKind.ORIGINAL else row.source_path
    key_out = row.target_key if kept.kind is KeptKind.ORIGINAL else row.content_key
    has_other = kept.kind is not KeptKind.ORPHAN and os.path.lexists(goes_out)
    aside = aside_path(session.space.ruleset, run, goes_out) if has_other else None
    after = None
    if aside is not None:
        kind = KeptKind.RESULT if kept.kind is KeptKind.ORIGINAL else KeptKind.ORIGINAL
        turned = tuple((new, old) for old, new in kept.side_files)
        after = replace(kept, kind=kind, path=aside, run=run, side_files=turned)
    exchange = Exchange(
        incoming=kept.path,
        place_in=kept.place,
        key_in=kept.content_key,
        place_out=goes_out if has_other else None,
        aside=aside,
        key_out=key_out if has_other else None,
        side_files=tuple((new, old) for old, new in kept.side_files),
    )
    now = _journaled(session, kept, Intent(exchange=exchange, after=after), None)
    remove_empty_folders(kept.path)
    return now


def _run_of(kept: Kept) -> int:
    assert kept.run is not None
    return kept.run


def _journaled(
    session: Session, kept: Kept, intent: Intent, check: Callable[[], None] | None
) -> Kept:
    ledger = session.space.ledger
    kept = ledger.kept.begin(kept, intent)
    intent = _numbered(intent, kept)
    session.step("exchange written")
    try:
        carry_out(intent.exchange, check=check, step=session.step)
    except BaseException:
        _repair(ledger, kept, intent)
        raise
    settle(ledger, kept, intent)
    session.step("exchange settled")
    return intent.after or kept


def _numbered(intent: Intent, kept: Kept) -> Intent:
    after = None if intent.after is None else replace(intent.after, id=kept.id)
    return replace(intent, after=after)


def settle(ledger: Ledger, kept: Kept, intent: Intent) -> None:
    """Write what the exchange means for the ledger: which row there is now, and what is held
    against the source."""
    becomes = None if intent.after is None else intent.after.kind
    if kept.kind is KeptKind.ORIGINAL and not intent.is_new:
        verdict = _undone(kept)
        ledger.kept.settle(kept, intent, row=None, verdict=verdict)
    elif becomes is KeptKind.ORPHAN:
        ledger.kept.settle(kept, intent, row=None)
    else:
        row = _with_time(kept.row)
        ledger.kept.settle(kept, intent, row=row, receipt=kept.receipt)


def _with_time(row: TargetRow) -> TargetRow:
    try:
        return replace(row, target_mtime_ns=os.stat(row.target).st_mtime_ns)
    except OSError:
        return row


def _undone(kept: Kept) -> Verdict:
    row = kept.row
    return Verdict(
        kind=VerdictKind.UNDONE,
        content_key=row.content_key,
        fingerprint=row.fingerprint,
        source=row.source,
        detail="undone by a person",
        source_bytes=row.source_bytes,
        target_bytes=row.target_bytes,
        count=1,
        at=now_text(),
    )


def recover_exchanges(ledger: Ledger, is_disk_there: Callable[[str], bool]) -> Iterator[str]:
    """Finish or take back what a crash cut off; yields a line for each."""
    for kept, intent in ledger.kept.in_flight():
        shown = printable(kept.row.target)
        places = (intent.exchange.place_in, intent.exchange.place_out)
        if not all(is_disk_there(path) for path in places if path is not None):
            yield f"{shown} waits for its disk: a run died while it was put in place"
            continue
        try:
            outcome = _repair(ledger, kept, intent)
        except OSError as problem:
            yield f"{shown} waits: what a run that died began can't be finished: {problem}"
            continue
        if outcome is Repair.STUCK:
            yield (
                f"{shown}: a run died while files were exchanged here, and another file stands "
                f"in the way now; nothing is lost, {printable(intent.exchange.aside or '')} has "
                "the other one: move one of both away"
            )
        else:
            yield f"{outcome.value}: the exchange at {shown}, which a run that died had begun"


def _repair(ledger: Ledger, kept: Kept, intent: Intent) -> Repair:
    try:
        outcome = repair(intent.exchange)
    except PlanOutdatedError:
        return Repair.STUCK
    if outcome is Repair.FINISHED:
        settle(ledger, kept, intent)
    elif outcome is Repair.TAKEN_BACK:
        ledger.kept.take_back(kept, intent)
    return outcome
