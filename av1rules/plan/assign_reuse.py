"""Which planned files need no encode, because their target exists already or another file of this
plan makes it: targets that follow a renamed source, and copies of one content.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from av1rules.base.text import printable
from av1rules.plan.conflicts import block_collisions
from av1rules.plan.context import PlanContext
from av1rules.plan.items import ActiveItem, Blocked, Copy, Encode, Move, PlanItem, ReusableTarget
from av1rules.plan.source_item import re_evaluate


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
