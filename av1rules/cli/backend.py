"""What commands that work on the library share: a recorded session, and doit as their backend.

doit, the forecast and the encoding code take 0.1 s to import, and most runs have nothing to do:
they are imported only if there is work.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from av1rules.base.events import Note, RunFinished, RunForecast, Sink
from av1rules.cli.exit_codes import exit_code_of
from av1rules.execute.run import Backend, measure_grain_first, run_plan
from av1rules.execute.session import Session
from av1rules.execute.startup import start_session
from av1rules.forecast.decided import decided_plan
from av1rules.ledger.runs import RunKind
from av1rules.plan.context import PlanRequest
from av1rules.plan.items import Plan, PlanAction, RunItem
from av1rules.plan.workspace import Workspace
from av1rules.policy.model import Order
from av1rules.report.rest.text import rest_notes
from av1rules.ui.event_log import EventLog
from av1rules.ui.sinks import both


def command_line() -> tuple[str, ...]:
    """The command line as it was given."""
    return ("av1rules", *sys.argv[1:])


@contextlib.contextmanager
def recorded_session(
    workspace: Workspace, sink: Sink, kind: RunKind = RunKind.RUN
) -> Iterator[Session]:
    """A session whose record has the command line and the exit code; the command sets that of its
    own outcome in `session.recorder`. Its events also go into the event log of the state folder.
    Raises BusyError, LedgerError."""
    with EventLog(workspace.state_dir) as log:
        logged = both(log, sink)
        with start_session(workspace, logged, kind=kind, command=command_line()) as session:
            log.number = lambda: session.recorder.given
            try:
                yield session
            except BaseException as problem:
                session.recorder.exit_code = exit_code_of(problem)
                raise


class DoitOnDemand:
    """doit's threads, without a budget."""

    def run(
        self,
        rows: tuple[RunItem, ...],
        session: Session,
        *,
        jobs: int,
        prerequisites_only: bool = False,
    ) -> None:
        """See `Backend`."""
        from av1rules.graph.runner import DoitBackend  # noqa: PLC0415 - see above

        DoitBackend().run(rows, session, jobs=jobs, prerequisites_only=prerequisites_only)


def backend_for(
    plan: Plan,
    session: Session,
    *,
    jobs: int,
    budget_s: float | None = None,
    free_bytes: int | None = None,
    order: Order | None = None,
) -> Backend:
    """doit's threads with a budget whose time starts now, in this order. Raises LedgerError."""
    if not (plan.of(PlanAction.ENCODE) or plan.of(PlanAction.CLIP)):
        return DoitOnDemand()
    from av1rules.execute.budget import scheduler_for  # noqa: PLC0415 - see above
    from av1rules.forecast.of_plan import Budget  # noqa: PLC0415
    from av1rules.graph.runner import DoitBackend  # noqa: PLC0415
    from av1rules.report.forecast import nothing_fits  # noqa: PLC0415

    budget = Budget(seconds=budget_s, free_bytes=free_bytes)
    scheduler = scheduler_for(plan, session, jobs=jobs, budget=budget, order=order)
    if scheduler is not None and (encodes := len(scheduler.forecast.within)):
        total = scheduler.forecast.total.seconds
        session.sink(
            RunForecast(encodes=encodes, low_s=total.low, mid_s=total.mid, high_s=total.high)
        )
    if scheduler is not None and (why := nothing_fits(plan, scheduler.forecast)) is not None:
        session.sink(Note(message=why))
    return DoitBackend(scheduler)


def plan_of_now(session: Session, request: PlanRequest, *, jobs: int) -> Plan:
    """What a run would do now, once the grain is measured of what depends on it."""
    plan = decided_plan(session.workspace, request, sink=session.sink)
    return measure_grain_first(plan, session, request, DoitOnDemand(), jobs=jobs)


def run_round(
    plan: Plan,
    session: Session,
    *,
    jobs: int,
    budget_s: float | None = None,
    free_bytes: int | None = None,
    order: Order | None = None,
) -> RunFinished:
    """Tell the problems of a plan, and do it. Raises SafetyStopError, LedgerError."""
    _tell_problems(plan, session.workspace, session.sink)
    backend = backend_for(
        plan, session, jobs=jobs, budget_s=budget_s, free_bytes=free_bytes, order=order
    )
    return run_plan(plan, session, backend, jobs=jobs)


def _tell_problems(plan: Plan, workspace: Workspace, sink: Sink) -> None:
    """What a user should know before the work begins."""
    for warning in workspace.warnings:
        sink(Note(message=f"warning: {warning}", is_problem=True))
    for row in plan.of(PlanAction.BLOCKED):
        message = f"blocked: {'; '.join(row.causes)}"
        sink(Note(source=row.file.library_path, message=message, is_problem=True))
    for problem in (*plan.problems, *rest_notes(plan.rest)):
        sink(Note(message=problem, is_problem=True))
