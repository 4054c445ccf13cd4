"""Runs a plan: the work before the encodes is done here, the encodes by a backend."""

from __future__ import annotations

import time
from typing import Protocol

from msgspec.structs import replace

from av1rules.base.errors import UsageError
from av1rules.base.events import Note, Outcome, RunFinished, RunStarted
from av1rules.execute.cleanup import drop_old_clips, trash_orphans
from av1rules.execute.move import apply_moves
from av1rules.execute.session import Session
from av1rules.execute.trash import purge_expired
from av1rules.plan.context import PlanRequest
from av1rules.plan.items import (
    Copy,
    Encode,
    Fresh,
    MakeClip,
    MeasureGrain,
    Plan,
    PlanAction,
    Prerequisite,
    RunItem,
    coming_encode,
    total_bytes,
)
from av1rules.plan.plan import build_plan


class Backend(Protocol):
    """Decides where and when the jobs of a run are done; `job_guard.JobRunner` does each of
    them."""

    def run(
        self,
        rows: tuple[RunItem, ...],
        session: Session,
        *,
        jobs: int,
        prerequisites_only: bool = False,
    ) -> None:
        """Do the prerequisites of each row, then its own job, `jobs` at a time. A row that shares
        the target of another comes after it. A failed job never stops the others.

        `prerequisites_only` leaves out the rows' own jobs. Raises Av1rulesError if the backend
        itself fails.
        """


def run_plan(plan: Plan, session: Session, backend: Backend, *, jobs: int) -> RunFinished:
    """Build every stale target of `plan`, `jobs` at a time; returns the counts. The backend is
    called only if there is something to build."""
    require_no_safety_stop(plan)
    started = time.monotonic()
    prepare_run(plan, session)
    clips = tuple(row for row in plan.work if isinstance(row, MakeClip))
    work = tuple(row for row in plan.work if isinstance(row, Encode | Copy))
    session.sink(
        RunStarted(
            jobs=jobs,
            stale=len(work),
            fresh=len(plan.of(PlanAction.FRESH)),
            held=len(plan.of(PlanAction.HELD)),
            blocked=len(plan.of(PlanAction.BLOCKED)),
            size_bytes=total_bytes(work),
            clips=len(clips),
        )
    )
    if work or clips:  # clips first: a user waits for them
        backend.run((*clips, *work), session, jobs=jobs)
    if beyond := session.counters.counts[Outcome.OVER_BUDGET]:
        session.sink(Note(message=f"left for another run, beyond the budget: {beyond}"))
    finished = session.finished(elapsed_s=time.monotonic() - started)
    session.sink(finished)
    return finished


def measure_grain_first(
    plan: Plan, session: Session, request: PlanRequest, backend: Backend, *, jobs: int
) -> Plan:
    """Measure the noise of all sources whose rule depends on it, and return the plan made after."""
    rows = tuple(row for row in plan.work if isinstance(row, MeasureGrain))
    if not rows:
        return plan
    require_no_safety_stop(plan)
    backend.run(rows, session, jobs=jobs, prerequisites_only=True)
    return build_plan(session.workspace, request, sink=session.sink)


def sample_first(plan: Plan, session: Session, backend: Backend, *, jobs: int) -> None:
    """Do all prerequisites that a run would: measure, search and sample every source that is to be
    encoded or waits for its clip, however short. Nothing but samples is encoded."""
    require_no_safety_stop(plan)
    rows = tuple(
        Encode.of(row, *row.causes, work=replace(work, pending=_with_sample(work.pending)))
        for row in plan.rows
        if (work := coming_encode(row)) is not None
    )
    if rows:
        backend.run(rows, session, jobs=jobs, prerequisites_only=True)


def _with_sample(pending: tuple[Prerequisite, ...]) -> tuple[Prerequisite, ...]:
    before = (step for step in pending if step is not Prerequisite.SAMPLE)
    return (*before, Prerequisite.SAMPLE)


def require_no_safety_stop(plan: Plan) -> None:
    """Raise UsageError, with the figures, if a disk of the plan seems to be missing."""
    if plan.safety_stops:
        first = plan.safety_stops[0]
        others = "".join(f"\n{safety_stop.text}" for safety_stop in plan.safety_stops[1:])
        raise UsageError(f"{first.message}{others}", where=first.where, hint=first.hint)


def prepare_run(plan: Plan, session: Session) -> None:
    """Do the work before the encodes: record the inventory of each root, purge expired originals,
    move targets after their renamed sources, and move orphans to the trash."""
    workspace, ledger = session.workspace, session.workspace.ledger
    for inventory in plan.inventories:
        ledger.inventories.put(inventory.root, inventory.packed)
    fresh = (row for row in plan.rows if isinstance(row, Fresh))
    ledger.set_mtimes({row.target: row.touched_ns for row in fresh if row.touched_ns is not None})
    for line in purge_expired(ledger, workspace.ruleset, check=workspace.children.check):
        session.sink(Note(message=line))
    drop_old_clips(plan, ledger)
    apply_moves(plan.work, session)
    trash_orphans(plan.orphans, session)
