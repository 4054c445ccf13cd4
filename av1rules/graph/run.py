"""Doing what the plan says: stale rows as doit tasks; one that fails never stops the run."""

from __future__ import annotations

import time
from dataclasses import replace

from av1rules.base.errors import UsageError
from av1rules.base.events import Note, RunFinished, RunStarted
from av1rules.graph.clip_sweep import drop_old_clips
from av1rules.graph.moves import carry_out_moves
from av1rules.graph.originals import purge_expired
from av1rules.graph.orphans import trash_orphans
from av1rules.graph.plan import build_plan
from av1rules.graph.planned import Plan, PlanAction, PlanRow, Step, total_bytes
from av1rules.graph.scope import Wish
from av1rules.graph.session import Outcome, Session
from av1rules.graph.steward import Steward

_NOT_BUILT = (PlanAction.MOVE, PlanAction.CLIP, PlanAction.MEASURE)


def run_plan(
    plan: Plan, session: Session, *, jobs: int, steward: Steward | None = None
) -> RunFinished:
    """Build every stale target of `plan`, `jobs` at a time; returns the counts. `steward`
    keeps to a budget, and notes what became of forecasts."""
    require_no_brakes(plan)
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
        _by_doit((*clips, *work), session, steward, jobs=jobs)
    if beyond := session.tally.counts[Outcome.BEYOND]:
        session.sink(Note(message=f"left for another run, beyond the budget: {beyond}"))
    finished = _finished(session, elapsed_s=time.monotonic() - started)
    session.sink(finished)
    return finished


def measure_first(plan: Plan, session: Session, wish: Wish, *, jobs: int) -> Plan:
    """The plan, once the noise of all films is measured that a rule can't be chosen without."""
    rows = plan.of(PlanAction.MEASURE)
    if not rows:
        return plan
    require_no_brakes(plan)
    _by_doit(rows, session, None, jobs=jobs, steps_only=True)
    return build_plan(session.space, wish, sink=session.sink)


def take_samples(plan: Plan, session: Session, *, jobs: int) -> None:
    """Find out beforehand all that a run would: measure, search, and sample every film that is to
    be encoded, or waits for its clip, however short. Nothing is encoded but samples."""
    require_no_brakes(plan)
    rows = tuple(
        replace(row, action=PlanAction.ENCODE, work=replace(work, due=_with_sample(work.due)))
        for row in plan.rows
        if (work := row.work if row.action is PlanAction.ENCODE else row.later) is not None
    )
    if rows:
        _by_doit(rows, session, None, jobs=jobs, steps_only=True)


def _with_sample(due: tuple[Step, ...]) -> tuple[Step, ...]:
    return (*(step for step in due if step is not Step.SAMPLE), Step.SAMPLE)


def _by_doit(
    rows: tuple[PlanRow, ...],
    session: Session,
    steward: Steward | None,
    *,
    jobs: int,
    steps_only: bool = False,
) -> None:
    # doit, and all that encodes: tens of ms to import, and mostly there is nothing to do.
    from av1rules.graph.doit_run import run_by_doit  # noqa: PLC0415

    run_by_doit(rows, session, steward, jobs=jobs, steps_only=steps_only)


def require_no_brakes(plan: Plan) -> None:
    """Raise UsageError, with the figures, where acting on the plan might act on a missing disk."""
    if plan.brakes:
        first = plan.brakes[0]
        others = "".join(f"\n{brake.text}" for brake in plan.brakes[1:])
        raise UsageError(f"{first.message}{others}", where=first.where, hint=first.hint)


def prepare_run(plan: Plan, session: Session) -> None:
    """What comes before the encodes: what each root holds is remembered, originals whose time is
    over go, targets follow their renamed sources, and orphans go aside."""
    space, ledger = session.space, session.space.ledger
    for census in plan.census:
        ledger.census.put(census.root, census.packed)
    touched = {row.target: row.touched_ns for row in plan.of(PlanAction.FRESH)}
    ledger.set_mtimes({t: mtime for t, mtime in touched.items() if t and mtime is not None})
    for line in purge_expired(ledger, space.ruleset, check=space.children.check):
        session.sink(Note(message=line))
    drop_old_clips(plan, ledger)
    carry_out_moves(plan.work, session)
    trash_orphans(plan.orphans, session)


def _finished(session: Session, *, elapsed_s: float) -> RunFinished:
    tally = session.tally
    return RunFinished(
        done=tally.counts[Outcome.DONE],
        discarded=tally.counts[Outcome.DISCARDED],
        failed=tally.counts[Outcome.FAILED],
        dropped=tally.counts[Outcome.DROPPED],
        moved=tally.counts[Outcome.MOVED],
        copied=tally.counts[Outcome.COPIED],
        aside=tally.counts[Outcome.ASIDE],
        clips=tally.counts[Outcome.CLIPPED],
        withheld=tally.counts[Outcome.WITHHELD],
        run=session.number.given,
        source_bytes=tally.source_bytes,
        target_bytes=tally.target_bytes,
        elapsed_s=elapsed_s,
    )
