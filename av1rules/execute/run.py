"""Doing what the plan says: stale rows as doit tasks; one that fails never stops the run."""

from __future__ import annotations

import time
from dataclasses import replace

from av1rules.base.errors import UsageError
from av1rules.base.events import Note, RunFinished, RunStarted
from av1rules.execute.budget import Steward
from av1rules.execute.clip_cleanup import drop_old_clips
from av1rules.execute.move import apply_moves
from av1rules.execute.orphans import trash_orphans
from av1rules.execute.session import Outcome, Session
from av1rules.execute.trash import purge_expired
from av1rules.plan.context import PlanRequest
from av1rules.plan.items import Plan, PlanAction, PlanRow, Prerequisite, total_bytes
from av1rules.plan.plan import build_plan

_NOT_BUILT = (PlanAction.MOVE, PlanAction.CLIP, PlanAction.MEASURE)


def run_plan(
    plan: Plan, session: Session, *, jobs: int, scheduler: Steward | None = None
) -> RunFinished:
    """Build every stale target of `plan`, `jobs` at a time; returns the counts. `steward`
    keeps to a budget, and notes what became of forecasts."""
    require_no_safety_stop(plan)
    started = time.monotonic()
    prepare_run(plan, session)
    clips = plan.of(PlanAction.CLIP)
    work = tuple(row for row in plan.work if row.action not in _NOT_BUILT)
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
        _by_doit((*clips, *work), session, scheduler, jobs=jobs)
    if beyond := session.tally.counts[Outcome.OVER_BUDGET]:
        session.sink(Note(message=f"left for another run, beyond the budget: {beyond}"))
    finished = _finished(session, elapsed_s=time.monotonic() - started)
    session.sink(finished)
    return finished


def measure_grain_first(plan: Plan, session: Session, request: PlanRequest, *, jobs: int) -> Plan:
    """The plan, once the noise of all films is measured that a rule can't be chosen without."""
    rows = plan.of(PlanAction.MEASURE)
    if not rows:
        return plan
    require_no_safety_stop(plan)
    _by_doit(rows, session, None, jobs=jobs, steps_only=True)
    return build_plan(session.workspace, request, sink=session.sink)


def sample_first(plan: Plan, session: Session, *, jobs: int) -> None:
    """Find out beforehand all that a run would: measure, search, and sample every film that is to
    be encoded, or waits for its clip, however short. Nothing is encoded but samples."""
    require_no_safety_stop(plan)
    rows = tuple(
        replace(row, action=PlanAction.ENCODE, work=replace(work, due=_with_sample(work.due)))
        for row in plan.rows
        if (work := row.work if row.action is PlanAction.ENCODE else row.later) is not None
    )
    if rows:
        _by_doit(rows, session, None, jobs=jobs, steps_only=True)


def _with_sample(due: tuple[Prerequisite, ...]) -> tuple[Prerequisite, ...]:
    return (*(step for step in due if step is not Prerequisite.SAMPLE), Prerequisite.SAMPLE)


def _by_doit(
    rows: tuple[PlanRow, ...],
    session: Session,
    scheduler: Steward | None,
    *,
    jobs: int,
    steps_only: bool = False,
) -> None:
    # doit, and all that encodes: tens of ms to import, and mostly there is nothing to do.
    from av1rules.graph.runner import run_by_doit  # noqa: PLC0415

    run_by_doit(rows, session, scheduler, jobs=jobs, steps_only=steps_only)


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
    touched = {row.target: row.touched_ns for row in plan.of(PlanAction.FRESH)}
    ledger.set_mtimes({t: mtime for t, mtime in touched.items() if t and mtime is not None})
    for line in purge_expired(ledger, workspace.ruleset, check=workspace.children.check):
        session.sink(Note(message=line))
    drop_old_clips(plan, ledger)
    apply_moves(plan.work, session)
    trash_orphans(plan.orphans, session)


def _finished(session: Session, *, elapsed_s: float) -> RunFinished:
    tally = session.tally
    return RunFinished(
        done=tally.counts[Outcome.DONE],
        discarded=tally.counts[Outcome.DISCARDED],
        failed=tally.counts[Outcome.FAILED],
        dropped=tally.counts[Outcome.NOT_ATTEMPTED],
        moved=tally.counts[Outcome.MOVED],
        copied=tally.counts[Outcome.COPIED],
        aside=tally.counts[Outcome.TRASHED],
        clips=tally.counts[Outcome.CLIP_MADE],
        withheld=tally.counts[Outcome.NO_ACCEPTABLE_CRF],
        run=session.number.given,
        source_bytes=tally.source_bytes,
        target_bytes=tally.target_bytes,
        elapsed_s=elapsed_s,
    )
