"""Doing what the plan says: what comes before the encodes is done here, the rest by a backend."""

from __future__ import annotations

import time

from msgspec.structs import replace

from av1rules.base.errors import UsageError
from av1rules.base.events import Note, Outcome, RunFinished, RunStarted
from av1rules.execute.backend import Backend
from av1rules.execute.clip_cleanup import drop_old_clips
from av1rules.execute.move import apply_moves
from av1rules.execute.orphans import trash_orphans
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
    coming_encode,
    total_bytes,
)
from av1rules.plan.plan import build_plan


def run_plan(plan: Plan, session: Session, backend: Backend, *, jobs: int) -> RunFinished:
    """Build every stale target of `plan`, `jobs` at a time; returns the counts. The backend is
    used only if there is something to build."""
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
    if work or clips:  # clips first: a person waits for them
        backend.run((*clips, *work), session, jobs=jobs)
    if beyond := session.tally.counts[Outcome.OVER_BUDGET]:
        session.sink(Note(message=f"left for another run, beyond the budget: {beyond}"))
    finished = session.finished(elapsed_s=time.monotonic() - started)
    session.sink(finished)
    return finished


def measure_grain_first(
    plan: Plan, session: Session, request: PlanRequest, backend: Backend, *, jobs: int
) -> Plan:
    """The plan, once the noise of all films is measured that a rule can't be chosen without."""
    rows = tuple(row for row in plan.work if isinstance(row, MeasureGrain))
    if not rows:
        return plan
    require_no_safety_stop(plan)
    backend.run(rows, session, jobs=jobs, prerequisites_only=True)
    return build_plan(session.workspace, request, sink=session.sink)


def sample_first(plan: Plan, session: Session, backend: Backend, *, jobs: int) -> None:
    """Find out beforehand all that a run would: measure, search, and sample every film that is to
    be encoded, or waits for its clip, however short. Nothing is encoded but samples."""
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
    """Raise UsageError, with the figures, where acting on the plan might act on a missing disk."""
    if plan.safety_stops:
        first = plan.safety_stops[0]
        others = "".join(f"\n{safety_stop.text}" for safety_stop in plan.safety_stops[1:])
        raise UsageError(f"{first.message}{others}", where=first.where, hint=first.hint)


def prepare_run(plan: Plan, session: Session) -> None:
    """What comes before the encodes: what each root holds is remembered, originals whose time is
    over go, targets follow their renamed sources, and orphans go aside."""
    workspace, ledger = session.workspace, session.workspace.ledger
    for inventories in plan.inventories:
        ledger.inventories.put(inventories.root, inventories.packed)
    fresh = (row for row in plan.rows if isinstance(row, Fresh))
    ledger.set_mtimes({row.target: row.touched_ns for row in fresh if row.touched_ns is not None})
    for line in purge_expired(ledger, workspace.ruleset, check=workspace.children.check):
        session.sink(Note(message=line))
    drop_old_clips(plan, ledger)
    apply_moves(plan.work, session)
    trash_orphans(plan.orphans, session)
