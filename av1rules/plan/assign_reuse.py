"""Which planned files need no encode, because their target exists already or another item of this
plan makes it: targets follow renamed sources, and files with the same content share a target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from av1rules.base.text import printable
from av1rules.plan.conflicts import block_collisions
from av1rules.plan.context import PlanContext, PlanRequest
from av1rules.plan.items import ActiveItem, Blocked, Copy, Encode, Move, PlanItem, ReusableTarget
from av1rules.plan.moved.places import is_misplaced
from av1rules.plan.source_item import re_evaluate


def assign_reuse(scope: PlanContext, items: Sequence[PlanItem]) -> list[PlanItem]:
    """The items, with each moving target assigned to exactly one of them. Of items with the same
    content and settings, all but the first become copies. Target paths that a move frees are
    evaluated again."""
    rows = list(items)
    given: dict[str, int] = {}
    while True:
        for is_exact in (True, False):  # first the items that need no encode after the move
            _give(scope, rows, given, is_exact=is_exact)
        if not _unblock(scope, rows, given):
            break
    rows = block_collisions(_closed(row) for row in rows)
    _avoid_overwritten(scope, rows, frozenset(given))
    if scope.may_copy:
        _copy_the_first(scope.request, rows)
    # In a plan of the whole library, a target in the way that does not move has no source any more.
    _free_places(scope, rows)
    return rows


def _give(
    scope: PlanContext, rows: list[PlanItem], given: dict[str, int], *, is_exact: bool
) -> None:
    """Assign each target to the first item that asks for it (`given`: item by target). The others
    are evaluated again until each has another target or none."""
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
    """Evaluate again the items that were blocked by a target that moves away. Returns whether
    there were any."""
    leaving, has_any = _leaving(rows, given), False
    for number, row in enumerate(rows):
        if isinstance(row, Blocked) and row.once_free is not None and row.target in leaving:
            excluded, has_any = frozenset(given), True
            rows[number] = re_evaluate(scope, row, excluded=excluded, is_free=True)
    return has_any


def _closed(row: PlanItem) -> PlanItem:
    return replace(row, once_free=None) if isinstance(row, Blocked) else row


def _avoid_overwritten(scope: PlanContext, rows: list[PlanItem], given: frozenset[str]) -> None:
    """Keep items from copying a target that this run overwrites at an unknown moment."""
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
    """The target that moves to this item."""
    moving = row.work.moves_from if isinstance(row, ActiveItem) else None
    return None if moving is None else moving.target


def _copy_the_first(request: PlanRequest, rows: list[PlanItem]) -> None:
    """Of requested items with the same content and settings one is encoded, and the others copy its
    target."""
    first: dict[str, PlanItem] = {}
    for number, row in enumerate(rows):
        if not isinstance(row, Encode | Move) or not request.wants(row.file, row.rule):
            continue
        maker = first.setdefault(row.work.fingerprint, row)
        if maker is row or isinstance(row, Move):
            continue
        moves = row.work.reuse  # its own target moves along first and is replaced then
        reuse = replace(moves or ReusableTarget(row=None), task=maker.file.library_path)
        cause = f"same content as {printable(maker.file.library_path)}: made once"
        rows[number] = Copy.of(row, *row.causes, cause, work=replace(row.work, reuse=reuse))


def _free_places(scope: PlanContext, rows: list[PlanItem]) -> None:
    """Drop targets in the way that move away before the item is made. In the way of a move, any
    other target goes to the trash, but only if the plan is of the whole library, as otherwise
    another source may still need it, and not where a user has put it."""
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
        elif is_misplaced(scope.workspace.ruleset, work.displaces):
            cause = (
                f"its place is taken by the target of {printable(work.displaces.source)}, which "
                "somebody moved there: move it away"
            )
            rows[number] = Blocked.of(row, cause)
        elif scope.request.is_partial:
            cause = (
                f"its place is still taken by the target of {printable(work.displaces.source)}: "
                "plan or run without PATH, so that all moved files are found"
            )
            rows[number] = Blocked.of(row, cause)
