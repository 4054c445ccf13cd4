"""Looks for a target that was made of the same content: to follow its renamed source, or to be
shared with a second one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from av1rules.base.hashing import content_key
from av1rules.base.text import printable
from av1rules.ledger.records import TargetRow
from av1rules.plan.context import PlanContext
from av1rules.plan.items import PlanAction, PlannedEncode, PlanRow, ReusableTarget
from av1rules.plan.target_path import block_collisions
from av1rules.plan.target_state import TargetState, inspect_target, is_as_written


def with_reusable_target(scope: PlanContext, row: PlanRow, work: PlannedEncode) -> PlannedEncode:
    """The work with its donor, if there is one. For one that moves, `known` and `found` are as they
    will be after the move."""
    known = work.known
    if known is None and work.found is not None and not work.replaces:
        return _moved_with_source(scope, row, work, work.found)
    if known is not None and known.content_key == work.content_key:
        renamed = _renamed_source(row, work, known)
        if renamed is not work or _is_as_wanted(scope, row, work, known):
            return renamed
    rows = scope.workspace.ledger.of_content(work.content_key)
    others = [one for one in rows if one.target != row.target and one.target not in scope.taken]
    donors = [donor for donor in others if _is_whole(scope, donor)]
    movers = [donor for donor in donors if _may_move(scope, row, donor, work)]
    is_own = known is not None and known.content_key == work.content_key and work.found is not None
    if movers and not is_own:
        moving = _as_move(scope, row, work, _best_candidate(movers, work))
        if moving.donor is not None:
            return moving
    if not scope.may_copy:
        return work
    alike = [one for one in donors if one.fingerprint == work.fingerprint and not one.forgotten]
    if not alike:
        return work
    return replace(work, donor=ReusableTarget(row=alike[0]))


def _moved_with_source(
    scope: PlanContext, row: PlanRow, work: PlannedEncode, found: TargetState
) -> PlannedEncode:
    """A file that the ledger does not know lies in the target's place: was it moved there together
    with its source, by somebody who renamed the folder of both? Then only the ledger must know."""
    for donor in scope.workspace.ledger.of_content(work.content_key):
        is_it = found.size_bytes == donor.target_bytes and found.key == donor.target_key
        is_gone = donor.target not in scope.taken and not os.path.lexists(donor.target)
        if is_it and is_gone and _may_move(scope, row, donor, work):
            assert row.target is not None
            moved = replace(
                donor, target=row.target, source=row.file.library_path, source_path=row.file.path
            )
            return replace(work, donor=ReusableTarget(row=donor, is_move=True), known=moved)
    return work


def _is_as_wanted(scope: PlanContext, row: PlanRow, work: PlannedEncode, known: TargetRow) -> bool:
    """Whether the target in its place is what it should be, by ledger, disk and `verify`."""
    is_alike = known.fingerprint == work.fingerprint and not known.forgotten
    is_whole = work.found is not None and is_as_written(known, work.found)
    return is_alike and is_whole and row.target not in scope.faults


def _renamed_source(row: PlanRow, work: PlannedEncode, known: TargetRow) -> PlannedEncode:
    """The source has another extension or root now, and its target stays where it is: only the
    ledger must know."""
    is_same = (known.source, known.source_path) == (row.file.library_path, row.file.path)
    if is_same or work.replaces or os.path.lexists(known.source_path):
        return work
    now = replace(known, source=row.file.library_path, source_path=row.file.path)
    return replace(work, donor=ReusableTarget(row=known, is_move=True), known=now)


def _best_candidate(movers: list[TargetRow], work: PlannedEncode) -> TargetRow:
    return next((one for one in movers if one.fingerprint == work.fingerprint), movers[0])


def _is_whole(scope: PlanContext, donor: TargetRow) -> bool:
    found = inspect_target(donor.target, donor, scope.workspace.tools)
    is_whole = found is not None and is_as_written(donor, found)
    return is_whole and donor.target not in scope.faults


def _may_move(scope: PlanContext, row: PlanRow, donor: TargetRow, work: PlannedEncode) -> bool:
    """Whether the donor's own source is gone: renamed, moved or replaced by other content. A target
    in the place of its source is the film of the library itself and goes nowhere."""
    if work.replaces or os.fsencode(donor.target) in scope.replaced:
        return False
    if not _has_extension_of(donor.target, row):
        return False
    if donor.source_path == row.file.path:  # its root may have another name in the rules now
        return donor.source != row.file.library_path
    try:
        return content_key(donor.source_path) != donor.content_key
    except OSError:
        return not os.path.lexists(donor.source_path)


def _has_extension_of(target: str, row: PlanRow) -> bool:
    """Whether the container is the same: no name may promise another one."""
    return os.path.splitext(target)[1] == os.path.splitext(row.target or "")[1]


def _as_move(
    scope: PlanContext, row: PlanRow, work: PlannedEncode, donor: TargetRow
) -> PlannedEncode:
    assert row.target is not None
    stands = work.known if work.found is not None else None
    if work.found is not None and (stands is None or not _may_displace(stands, row, work)):
        return work  # no move into a place that is taken
    moved = replace(
        donor, target=row.target, source=row.file.library_path, source_path=row.file.path
    )
    return replace(
        work,
        donor=ReusableTarget(row=donor, is_move=True),
        known=moved,
        found=inspect_target(donor.target, donor, scope.workspace.tools),
        displaces=stands,
    )


def _may_displace(stands: TargetRow, row: PlanRow, work: PlannedEncode) -> bool:
    """What stands in the place is a target as written, whose source is no longer what it was."""
    assert work.found is not None
    return is_as_written(stands, work.found) and stands.source_path == row.file.path


class ReEvaluate(Protocol):
    """Looks at a row once more, without the donors (targets) that others have `taken`. `is_free`:
    what stands in its place moves away."""

    def __call__(self, row: PlanRow, taken: frozenset[str], *, is_free: bool) -> PlanRow: ...


def assign_reuse(
    rows: Sequence[PlanRow], again: ReEvaluate, *, copies: bool, whole: bool
) -> list[PlanRow]:
    """The rows, each donor given to one mover only, later rows of the same content and settings
    made copies of the first (`copies`), and places looked at that are still taken.

    `whole`: all of the library is planned, so that what stands in a place and is nobody's donor
    really belongs to no source any more.
    """
    settled = list(rows)
    given: dict[str, int] = {}
    while True:
        for is_exact in (True, False):  # what needs no encode after its move goes first
            _assign(settled, given, again, is_exact=is_exact)
        if not _unblock(settled, given, again):
            break
    settled = block_collisions(_closed(row) for row in settled)
    _drop_redone(settled, frozenset(given), again)
    if copies:
        settled = _copies_of_the_first(settled)
    return _free_places(settled, whole=whole)


def _assign(
    rows: list[PlanRow], given: dict[str, int], again: ReEvaluate, *, is_exact: bool
) -> None:
    """The first row that wants a donor gets it (`given`: by target); the others look for another
    one, as long as there are any."""
    wishes = [n for n, row in enumerate(rows) if _moving(row) and _is_exact(row) is is_exact]
    while wishes:
        denied: list[int] = []
        for number in wishes:
            donor = _moving(rows[number])
            if donor is not None and given.setdefault(donor, number) != number:
                denied.append(number)
        taken, leaving = frozenset(given), _leaving(rows, given)
        for number in denied:
            row = rows[number]
            rows[number] = again(row, taken, is_free=row.target in leaving)
        wishes = denied


def _leaving(rows: Sequence[PlanRow], given: Mapping[str, int]) -> frozenset[str]:
    """The targets that move to another place."""
    return frozenset(donor for donor, number in given.items() if rows[number].target != donor)


def _unblock(rows: list[PlanRow], given: Mapping[str, int], again: ReEvaluate) -> bool:
    """Look again at rows whose place is taken by the target of another source, where that moves
    away; whether there were any."""
    leaving = _leaving(rows, given)
    waiting = [n for n, row in enumerate(rows) if _is_kept_out(row) and row.target in leaving]
    for number in waiting:
        rows[number] = again(rows[number], frozenset(given), is_free=True)
    return bool(waiting)


def _is_kept_out(row: PlanRow) -> bool:
    return row.action is PlanAction.BLOCKED and row.work is not None


def _closed(row: PlanRow) -> PlanRow:
    return replace(row, work=None) if _is_kept_out(row) else row


def _drop_redone(rows: list[PlanRow], given: frozenset[str], again: ReEvaluate) -> None:
    """No copy of a target that is itself overwritten in this run, nobody knows when."""
    redone = {
        row.target
        for row in rows
        if row.work is not None and row.work.found is not None and row.target is not None
        if row.action in (PlanAction.ENCODE, PlanAction.COPY) and _moving(row) is None
    }
    for number, row in enumerate(rows):
        donor = row.work.donor if row.work is not None else None
        if donor is None or donor.row is None or donor.is_move:
            continue
        if donor.row.target in redone:
            rows[number] = again(row, given | redone, is_free=False)


def _is_exact(row: PlanRow) -> bool:
    donor = row.work.donor if row.work is not None else None
    return donor is not None and donor.row is not None and donor.row.fingerprint == row.fingerprint


def _moving(row: PlanRow) -> str | None:
    """The target that follows its source to this row."""
    donor = row.work.donor if row.work is not None else None
    return donor.row.target if donor is not None and donor.is_move and donor.row else None


def _copies_of_the_first(rows: list[PlanRow]) -> list[PlanRow]:
    """Of rows with the same content and settings one is made, the others get its target."""
    first: dict[str, PlanRow] = {}
    for number, row in enumerate(rows):
        if row.work is None or row.action not in (PlanAction.ENCODE, PlanAction.MOVE):
            continue
        maker = first.setdefault(row.work.fingerprint, row)
        if maker is row or row.action is PlanAction.MOVE:
            continue
        moves = row.work.donor  # its own target still follows it, to be replaced then
        donor = replace(moves or ReusableTarget(row=None), task=maker.file.library_path)
        cause = f"same content as {printable(maker.file.library_path)}: made once"
        work: PlannedEncode = replace(row.work, donor=donor)
        rows[number] = replace(row, action=PlanAction.COPY, causes=(*row.causes, cause), work=work)
    return rows


def _free_places(rows: list[PlanRow], *, whole: bool) -> list[PlanRow]:
    """What stands in a row's place and moves away itself is gone when the row is made; in a mover's
    place it is put aside else, if nothing can need it any more."""
    leaving = {target for row in rows if (target := _moving(row)) is not None}
    for number, row in enumerate(rows):
        work = row.work
        if work is None:
            continue
        if work.known is not None and work.known.target in leaving and _moving(row) is None:
            rows[number] = replace(row, work=replace(work, known=None, found=None))
        if work.displaces is None:
            continue
        if work.displaces.target in leaving:
            rows[number] = replace(row, work=replace(work, displaces=None))
        elif not whole:
            cause = (
                f"its place is still taken by the target of {printable(work.displaces.source)}: "
                "plan or run without PATH, so that all that moved is seen"
            )
            rows[number] = replace(row, action=PlanAction.BLOCKED, causes=(cause,), work=None)
    return rows
