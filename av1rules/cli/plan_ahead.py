"""The optional parts of `plan`, loaded on request: samples and forecasts."""

from __future__ import annotations

from pathlib import Path

from av1rules.base.signals import stop_on_signals
from av1rules.cli.backend import DoitOnDemand, recorded_session
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_INTERRUPTED
from av1rules.cli.progress import event_sink
from av1rules.execute.run import measure_grain_first, sample_first
from av1rules.forecast.decided import decided_plan
from av1rules.forecast.of_plan import Budget, forecast_plan
from av1rules.forecast.order import in_order, ordering_of
from av1rules.ledger.runs import RunKind
from av1rules.plan.context import PlanRequest
from av1rules.plan.items import Plan
from av1rules.plan.workspace import Workspace, open_workspace
from av1rules.policy.model import Order
from av1rules.report.forecast import forecast_columns
from av1rules.report.plan import ForecastColumns


def take_samples(rules_file: Path, request: PlanRequest, *, jobs: int | None) -> bool:
    """Returns whether it was interrupted; the samples until then are kept."""
    with (
        open_workspace(rules_file, write=False) as workspace,
        stop_on_signals(workspace.children),
        event_sink(children=workspace.children) as sink,
        recorded_session(workspace, sink, RunKind.SAMPLES) as session,
    ):
        jobs = jobs or workspace.ruleset.run.jobs
        backend = DoitOnDemand()
        plan = decided_plan(session.workspace, request, sink=sink)
        plan = measure_grain_first(plan, session, request, backend, jobs=jobs)
        sample_first(plan, session, backend, jobs=jobs)
        is_interrupted = workspace.children.is_stopping
        session.recorder.exit_code = EXIT_INTERRUPTED if is_interrupted else EXIT_DONE
        return is_interrupted


def plan_forecast(
    plan: Plan,
    workspace: Workspace,
    *,
    jobs: int | None,
    budget_s: float | None,
    free_bytes: int | None,
    order: Order | None,
) -> tuple[Plan, ForecastColumns]:
    """The plan with its rows in the order of a run, and the forecast of its encodes, for its table
    and its documents."""
    ordering = ordering_of(workspace.ruleset, order)
    forecast = forecast_plan(
        plan,
        workspace.ledger,
        workspace.ruleset,
        workspace.tools,
        cores=workspace.cores,
        jobs=jobs,
        budget=Budget(seconds=budget_s, free_bytes=free_bytes),
        ordering=ordering,
    )
    return in_order(plan, ordering, forecast.saving_of), forecast_columns(forecast)
