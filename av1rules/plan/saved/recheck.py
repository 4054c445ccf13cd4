"""A saved plan, rechecked: the plan of now for its rows, without those that are outdated."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from av1rules.base.events import Sink, ignore
from av1rules.media.cache import content_key_of
from av1rules.plan.context import PlanRequest
from av1rules.plan.items import ActiveItem, Plan, PlanItem
from av1rules.plan.orphans import is_gone
from av1rules.plan.plan import build_plan
from av1rules.plan.rest.items import NO_REST
from av1rules.plan.rows import PlanRows
from av1rules.plan.saved.judge import (
    DoneAlready,
    RowNow,
    RowState,
    StillHolds,
    judge,
    needs_content,
)
from av1rules.plan.saved.rows import OutdatedCause, OutdatedRow, SavedRow
from av1rules.plan.workspace import Workspace
from av1rules.policy.redo.choice import Redo


class Recheck(Struct, frozen=True, kw_only=True):
    """`plan` has the rows that still hold, in the order of the saved plan, and nothing else of the
    library. `count` is how many rows were checked."""

    plan: Plan
    outdated: tuple[OutdatedRow, ...]
    done: tuple[DoneAlready, ...]
    count: int


def recheck(
    workspace: Workspace,
    rows: Sequence[SavedRow],
    *,
    force: bool = False,
    redo: Redo | None = None,
    accept_missing: bool = False,
    sink: Sink = ignore,
) -> Recheck:
    """Plan these rows anew and compare. `force`: the saved plan redoes fresh targets.
    `redo` is what it was told of finished work.

    A row may count on another one, as a copy does on the target that it copies. So the rows that
    hold are planned again as long as one is left out. With safety stops nothing is compared:
    a missing disk is no reason to call its films gone.
    """
    holding = list(rows)
    outdated: list[OutdatedRow] = []
    done: list[DoneAlready] = []
    while True:
        request = PlanRequest(
            paths=frozenset(_places(holding)),
            force=force,
            accept_missing=accept_missing,
            redo=redo,
        )
        plan = build_plan(workspace, request, sink=sink)
        if plan.safety_stops:
            return Recheck(plan=plan, outdated=(), done=(), count=len(rows))
        found = _Found(workspace, plan)
        states = [found.state_of(row) for row in holding]
        names = {one.item.file.library_path for one in states if isinstance(one, StillHolds)}
        states = [_with_what_it_needs(one, names) for one in states]
        outdated += (one for one in states if isinstance(one, OutdatedRow))
        done += (one for one in states if isinstance(one, DoneAlready))
        items = [one.item for one in states if isinstance(one, StillHolds)]
        if not any(isinstance(one, OutdatedRow) for one in states) or not items:
            break
        holding = [
            row for row, one in zip(holding, states, strict=True) if isinstance(one, StillHolds)
        ]
    return Recheck(
        plan=_only(plan, items), outdated=tuple(outdated), done=tuple(done), count=len(rows)
    )


def _places(rows: Iterable[SavedRow]) -> Iterable[str]:
    """Where the film of a row is: at the path of the source, or, once its target replaced it, at
    that of the target."""
    for row in rows:
        yield row.path
        if row.target is not None:
            yield row.target


class _Found:
    """The rows of a new plan by the places where saved rows may have them."""

    def __init__(self, workspace: Workspace, plan: Plan) -> None:
        self._workspace = workspace
        self._by_place = {item.file.path: item for item in plan.rows}
        self._unread = next((f"not found: {problem}" for problem in plan.problems), None)

    def state_of(self, row: SavedRow) -> RowState:
        self._workspace.children.check()
        item = self._by_place.get(row.path)
        if item is None and row.target is not None:
            item = self._by_place.get(row.target)
        key = self._content_key(item) if item is not None and needs_content(row, item) else None
        now = RowNow(
            item=item,
            content_key=key,
            is_gone=item is None and is_gone(row.path),
            has_target=item is None and self._has_target(row),
            unread=self._unread,
        )
        return judge(row, now)

    def _content_key(self, item: PlanItem) -> str | None:
        with contextlib.suppress(OSError):
            return content_key_of(item.file, self._workspace.cache)
        return None

    def _has_target(self, row: SavedRow) -> bool:
        known = None if row.target is None else self._workspace.ledger.find(row.target)
        if known is None or known.fingerprint != row.fingerprint:
            return False
        return os.path.lexists(known.target)


def _with_what_it_needs(state: RowState, names: set[str]) -> RowState:
    """Outdated, if it counts on the target of a row that is left out."""
    if not isinstance(state, StillHolds) or not isinstance(state.item, ActiveItem):
        return state
    reuse = state.item.work.reuse
    if reuse is None or reuse.task is None or reuse.task in names:
        return state
    return OutdatedRow(
        library_path=state.item.file.library_path,
        path=state.item.file.path,
        cause=OutdatedCause.DECIDED_OTHERWISE,
        detail=f"it counts on the target of {reuse.task}, which is not made",
    )


def _only(plan: Plan, items: Iterable[PlanItem]) -> Plan:
    """A plan of these rows and of nothing else."""
    return replace(
        plan,
        rows=PlanRows.of(items),
        orphans=(),
        unrecorded=None,
        notes=(),
        is_whole=False,
        has_only_rows=True,
        rest=NO_REST,
    )
