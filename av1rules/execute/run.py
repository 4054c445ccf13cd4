"""Runs a plan: the work before the encodes is done here, the encodes by a backend."""

from __future__ import annotations

import time
from typing import Protocol

from msgspec.structs import replace

from av1rules.base.errors import SafetyStopError
from av1rules.base.events import Note, Outcome, RunFinished, RunStarted
from av1rules.base.units import now_text
from av1rules.execute.cleanup import drop_old_clips, trash_orphans
from av1rules.execute.move import apply_moves, follow_moved, tell_followed
from av1rules.execute.resources.queue import begin_queue
from av1rules.execute.rest.apply import at_once, not_encoded, put_in, take_out
from av1rules.execute.segments.sweep import sweep_segments
from av1rules.execute.session import Session
from av1rules.execute.trash import purge_expired, purged_line
from av1rules.forecast.decided import decided_plan
from av1rules.ledger.moved import MovedFiles
from av1rules.plan.as_made.decide import as_made_records
from av1rules.plan.context import PlanRequest
from av1rules.plan.items import (
    ActiveItem,
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
from av1rules.plan.rows import ItemTotal


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
    totals = plan.rows.totals()
    clips = tuple(row for row in plan.work if isinstance(row, MakeClip))
    work = tuple(row for row in plan.work if isinstance(row, Encode | Copy))
    session.sink(
        RunStarted(
            jobs=jobs,
            stale=len(work),
            fresh=totals.get(PlanAction.FRESH, ItemTotal()).files,
            held=totals.get(PlanAction.HELD, ItemTotal()).files,
            blocked=totals.get(PlanAction.BLOCKED, ItemTotal()).files,
            size_bytes=total_bytes(work),
            clips=len(clips),
        )
    )
    if plan.is_whole:
        begin_queue(session)
    if work or clips:  # clips first: a user waits for them
        backend.run((*clips, *work), session, jobs=jobs)
    put_in(plan.rest, session, not_encoded(plan.rest, session.workspace.ledger))
    if beyond := session.counters.counts[Outcome.OVER_BUDGET]:
        session.sink(Note(message=f"left for another run, beyond the budget: {beyond}"))
    finished = session.finished(elapsed_s=time.monotonic() - started)
    session.sink(finished)
    return finished


def measure_grain_first(
    plan: Plan, session: Session, request: PlanRequest, backend: Backend, *, jobs: int
) -> Plan:
    """Measure the noise of all sources whose rule depends on it, and return the plan made after."""
    if not measure_grain(plan, session, backend, jobs=jobs):
        return plan
    return decided_plan(session.workspace, request, sink=session.sink)


def measure_grain(plan: Plan, session: Session, backend: Backend, *, jobs: int) -> int:
    """Measure the noise of all sources whose rule depends on it; returns how many there were."""
    rows = tuple(row for row in plan.work if isinstance(row, MeasureGrain))
    if rows:
        require_no_safety_stop(plan)
        backend.run(rows, session, jobs=jobs, prerequisites_only=True)
    return len(rows)


def sample_first(plan: Plan, session: Session, backend: Backend, *, jobs: int) -> None:
    """Do all prerequisites that a run would: measure, search and sample every source that is to be
    encoded or waits for its clip, however short. Nothing but samples is encoded."""
    require_no_safety_stop(plan)
    rows = tuple(
        Encode.of(row, *row.causes, work=replace(work, pending=_with_sample(work.pending)))
        for row in plan.rows.in_full
        if (work := coming_encode(row)) is not None
    )
    if rows:
        backend.run(rows, session, jobs=jobs, prerequisites_only=True)


def _with_sample(pending: tuple[Prerequisite, ...]) -> tuple[Prerequisite, ...]:
    before = (step for step in pending if step is not Prerequisite.SAMPLE)
    return (*before, Prerequisite.SAMPLE)


def require_no_safety_stop(plan: Plan) -> None:
    """Raise SafetyStopError, with the figures, if a disk of the plan seems to be missing."""
    if plan.safety_stops:
        first = plan.safety_stops[0]
        others = "".join(f"\n{safety_stop.text}" for safety_stop in plan.safety_stops[1:])
        raise SafetyStopError(f"{first.message}{others}", where=first.where, hint=first.hint)


def prepare_run(plan: Plan, session: Session) -> None:
    """Do the work before the encodes: follow what a user moved, record what a policy edit leaves as
    it was made, and the inventory of each root,
    purge expired originals, move targets after their renamed sources, move orphans to the trash,
    and bring the rest of the mirror in line."""
    workspace, ledger = session.workspace, session.workspace.ledger
    followed = follow_moved(
        plan.follows, ledger, workspace.ruleset.output, failpoint=session.failpoint
    )
    _count_followed(followed, plan, session)
    if plan.unrecorded is not None:
        session.sink(Note(message=plan.unrecorded))
    session.recorder.tell_plan(plan)
    for inventory in plan.inventories:
        ledger.inventories.put(inventory.root, inventory.packed)
    ledger.as_made.put(as_made_records(plan, now_text()))
    fresh = (row for row in plan.rows.in_full if isinstance(row, Fresh))
    ledger.set_mtimes({row.target: row.touched_ns for row in fresh if row.touched_ns is not None})
    expired = (
        ()
        if plan.has_only_rows
        else purge_expired(ledger, workspace.ruleset, check=workspace.children.check)
    )
    for purged in expired:
        if purged.refusal is None and purged.was_there:
            session.counters.add(Outcome.PURGED)
        session.sink(Note(message=purged_line(purged)))
    drop_old_clips(plan, ledger)
    sweep_segments(plan, session)
    take_out(plan.rest, session)
    apply_moves(plan.work, session)
    trash_orphans(plan.orphans, session)
    put_in(plan.rest, session, at_once(plan.rest))


def _count_followed(followed: MovedFiles, plan: Plan, session: Session) -> None:
    """Report what the ledger follows, except targets that a move of this plan takes on."""
    moves = (row.work.moves_from for row in plan.work if isinstance(row, ActiveItem))
    going_on = {row.target for row in moves if row is not None}
    here = tuple(one for one in followed.targets if one.now.target not in going_on)
    for _ in here:
        session.counters.add(Outcome.MOVED)
    tell_followed(MovedFiles(targets=here), session.sink)
