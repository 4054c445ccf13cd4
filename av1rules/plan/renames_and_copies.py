"""Finds a target that was made of the same content: it follows its renamed source, or a second
source gets it too."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from av1rules.base.hashing import content_key
from av1rules.base.text import printable
from av1rules.ledger.records import TargetRow
from av1rules.plan.context import PlanContext
from av1rules.plan.items import (
    ActiveItem,
    Blocked,
    Copy,
    Encode,
    Move,
    PlanItem,
    PlannedEncode,
    PlannedFile,
    ReusableTarget,
)
from av1rules.plan.source_item import re_evaluate
from av1rules.plan.target_path import block_collisions
from av1rules.plan.target_state import TargetState, inspect_target, is_as_written


def with_reusable_target(
    scope: PlanContext, planned: PlannedFile, work: PlannedEncode, *, excluded: frozenset[str]
) -> PlannedEncode:
    """The work with the target it reuses, if there is one beside those `excluded`. For one that
    moves, `known` and `found` are as they will be after the move."""
    known = work.known
    if known is None and work.found is not None and not work.replaces:
        return _moved_with_source(scope, planned, work, work.found, excluded)
    if known is not None and known.content_key == work.content_key:
        renamed = _renamed_source(planned, work, known)
        if renamed is not work or _is_as_wanted(scope, planned, work, known):
            return renamed
    rows = scope.workspace.ledger.of_content(work.content_key)
    others = [one for one in rows if one.target != planned.target and one.target not in excluded]
    donors = [donor for donor in others if _is_whole(scope, donor)]
    movers = [donor for donor in donors if _may_move(scope, planned, donor, work)]
    is_own = known is not None and known.content_key == work.content_key and work.found is not None
    if movers and not is_own:
        moving = _as_move(scope, planned, work, _best(movers, work))
        if moving.reuse is not None:
            return moving
    if not scope.may_copy:
        return work
    alike = [one for one in donors if one.fingerprint == work.fingerprint and not one.forgotten]
    if not alike:
        return work
    return replace(work, reuse=ReusableTarget(row=alike[0]))


def _moved_with_source(
    scope: PlanContext,
    planned: PlannedFile,
    work: PlannedEncode,
    found: TargetState,
    excluded: frozenset[str],
) -> PlannedEncode:
    """A file that the ledger does not know lies in the target's place: was it moved there together
    with its source, by somebody who renamed the folder of both? Then only the ledger must know."""
    for donor in scope.workspace.ledger.of_content(work.content_key):
        is_it = found.size_bytes == donor.target_bytes and found.key == donor.target_key
        is_gone = donor.target not in excluded and not os.path.lexists(donor.target)
        if is_it and is_gone and _may_move(scope, planned, donor, work):
            assert planned.target is not None
            moved = dataclasses.replace(
                donor,
                target=planned.target,
                source=planned.file.library_path,
                source_path=planned.file.path,
            )
            return replace(work, reuse=ReusableTarget(row=donor, is_move=True), known=moved)
    return work


def _is_as_wanted(
    scope: PlanContext, planned: PlannedFile, work: PlannedEncode, known: TargetRow
) -> bool:
    """Whether the target in its place is what it should be, by ledger, disk and `verify`."""
    is_alike = known.fingerprint == work.fingerprint and not known.forgotten
    is_whole = work.found is not None and is_as_written(known, work.found)
    return is_alike and is_whole and planned.target not in scope.faults


def _renamed_source(planned: PlannedFile, work: PlannedEncode, known: TargetRow) -> PlannedEncode:
    """The source has another extension or root now, and its target stays where it is: only the
    ledger must know."""
    is_same = (known.source, known.source_path) == (planned.file.library_path, planned.file.path)
    if is_same or work.replaces or os.path.lexists(known.source_path):
        return work
    now = dataclasses.replace(
        known, source=planned.file.library_path, source_path=planned.file.path
    )
    return replace(work, reuse=ReusableTarget(row=known, is_move=True), known=now)


def _best(movers: list[TargetRow], work: PlannedEncode) -> TargetRow:
    return next((one for one in movers if one.fingerprint == work.fingerprint), movers[0])


def _is_whole(scope: PlanContext, donor: TargetRow) -> bool:
    found = inspect_target(donor.target, donor, scope.workspace.tools)
    is_whole = found is not None and is_as_written(donor, found)
    return is_whole and donor.target not in scope.faults


def _may_move(
    scope: PlanContext, planned: PlannedFile, donor: TargetRow, work: PlannedEncode
) -> bool:
    """Whether the donor's own source is gone: renamed, moved or replaced by other content. A target
    in the place of its source is the film of the library itself and goes nowhere."""
    if work.replaces or donor.target in scope.replaced:
        return False
    if not _has_extension_of(donor.target, planned):
        return False
    if donor.source_path == planned.file.path:  # its root may have another name in the rules now
        return donor.source != planned.file.library_path
    try:
        return content_key(donor.source_path) != donor.content_key
    except OSError:
        return not os.path.lexists(donor.source_path)


def _has_extension_of(target: str, planned: PlannedFile) -> bool:
    """Whether the container is the same: no name may promise another one."""
    return os.path.splitext(target)[1] == os.path.splitext(planned.target or "")[1]


def _as_move(
    scope: PlanContext, planned: PlannedFile, work: PlannedEncode, donor: TargetRow
) -> PlannedEncode:
    assert planned.target is not None
    stands = work.known if work.found is not None else None
    if work.found is not None and (stands is None or not _may_displace(stands, planned, work)):
        return work  # no move into a place that is taken
    moved = dataclasses.replace(
        donor,
        target=planned.target,
        source=planned.file.library_path,
        source_path=planned.file.path,
    )
    return replace(
        work,
        reuse=ReusableTarget(row=donor, is_move=True),
        known=moved,
        found=inspect_target(donor.target, donor, scope.workspace.tools),
        displaces=stands,
    )


def _may_displace(stands: TargetRow, planned: PlannedFile, work: PlannedEncode) -> bool:
    """What stands in the place is a target as written, whose source is no longer what it was."""
    assert work.found is not None
    return is_as_written(stands, work.found) and stands.source_path == planned.file.path


def assign_reuse(scope: PlanContext, items: Sequence[PlanItem]) -> list[PlanItem]:
    """The items, each target that moves given to one of them only, later items of the same content
    and settings made copies of the first, and places looked at that are still taken."""
    rows = list(items)
    given: dict[str, int] = {}
    while True:
        for is_exact in (True, False):  # what needs no encode after its move goes first
            _give(scope, rows, given, is_exact=is_exact)
        if not _unblock(scope, rows, given):
            break
    rows = block_collisions(_closed(row) for row in rows)
    _leave_what_is_redone(scope, rows, frozenset(given))
    if scope.may_copy:
        _copy_the_first(rows)
    # Of all the library: what stands in a place and moves nowhere belongs to no source any more.
    _free_places(rows, is_whole=not scope.request.paths)
    return rows


def _give(
    scope: PlanContext, rows: list[PlanItem], given: dict[str, int], *, is_exact: bool
) -> None:
    """The first item that asks for a target gets it (`given`: by target); the others look for
    another one, as long as there are any."""
    asking = [n for n, row in enumerate(rows) if _moving(row) and _is_exact(row) is is_exact]
    while asking:
        rejected: list[int] = []
        for number in asking:
            target = _moving(rows[number])
            if target is not None and given.setdefault(target, number) != number:
                rejected.append(number)
        excluded, leaving = frozenset(given), _leaving(rows, given)
        for number in rejected:
            is_free = rows[number].target in leaving
            rows[number] = re_evaluate(scope, rows[number], excluded=excluded, is_free=is_free)
        asking = rejected


def _leaving(rows: Sequence[PlanItem], given: Mapping[str, int]) -> frozenset[str]:
    """The targets that move to another place."""
    return frozenset(target for target, number in given.items() if rows[number].target != target)


def _unblock(scope: PlanContext, rows: list[PlanItem], given: Mapping[str, int]) -> bool:
    """Evaluate again what is blocked by the target of another source, where that moves away;
    whether there was any."""
    leaving, has_any = _leaving(rows, given), False
    for number, row in enumerate(rows):
        if isinstance(row, Blocked) and row.once_free is not None and row.target in leaving:
            excluded, has_any = frozenset(given), True
            rows[number] = re_evaluate(scope, row, excluded=excluded, is_free=True)
    return has_any


def _closed(row: PlanItem) -> PlanItem:
    return replace(row, once_free=None) if isinstance(row, Blocked) else row


def _leave_what_is_redone(scope: PlanContext, rows: list[PlanItem], given: frozenset[str]) -> None:
    """No copy of a target that is itself overwritten in this run, nobody knows when."""
    redone = {
        row.target
        for row in rows
        if isinstance(row, Encode | Copy) and row.work.found is not None and not _moving(row)
    }
    for number, row in enumerate(rows):
        if not isinstance(row, ActiveItem) or row.work.copies_from is None:
            continue
        if row.work.copies_from.target in redone:
            excluded = given | redone
            rows[number] = re_evaluate(scope, row, excluded=excluded, is_free=False)


def _is_exact(row: PlanItem) -> bool:
    reuse = row.work.reuse if isinstance(row, ActiveItem) else None
    return reuse is not None and reuse.row is not None and reuse.row.fingerprint == row.fingerprint


def _moving(row: PlanItem) -> str | None:
    """The target that follows its source to this item."""
    moving = row.work.moves_from if isinstance(row, ActiveItem) else None
    return None if moving is None else moving.target


def _copy_the_first(rows: list[PlanItem]) -> None:
    """Of items with the same content and settings one is made, the others get its target."""
    first: dict[str, PlanItem] = {}
    for number, row in enumerate(rows):
        if not isinstance(row, Encode | Move):
            continue
        maker = first.setdefault(row.work.fingerprint, row)
        if maker is row or isinstance(row, Move):
            continue
        moves = row.work.reuse  # its own target still follows it, to be replaced then
        reuse = replace(moves or ReusableTarget(row=None), task=maker.file.library_path)
        cause = f"same content as {printable(maker.file.library_path)}: made once"
        rows[number] = Copy.of(row, *row.causes, cause, work=replace(row.work, reuse=reuse))


def _free_places(rows: list[PlanItem], *, is_whole: bool) -> None:
    """What stands in an item's place and moves away itself is gone when the item is made; in a
    mover's place it is put into the trash, if nothing can need it any more (`is_whole`)."""
    leaving = {target for row in rows if (target := _moving(row)) is not None}
    for number, row in enumerate(rows):
        if not isinstance(row, ActiveItem):
            continue
        work = row.work
        if work.known is not None and work.known.target in leaving and _moving(row) is None:
            rows[number] = replace(row, work=replace(work, known=None, found=None))
        if work.displaces is None:
            continue
        if work.displaces.target in leaving:
            rows[number] = replace(row, work=replace(work, displaces=None))
        elif not is_whole:
            cause = (
                f"its place is still taken by the target of {printable(work.displaces.source)}: "
                "plan or run without PATH, so that all that moved is seen"
            )
            rows[number] = Blocked.of(row, cause)
