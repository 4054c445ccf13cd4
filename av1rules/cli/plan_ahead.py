"""The optional parts of `plan`, loaded on request: samples and forecasts."""

from __future__ import annotations

from pathlib import Path

from av1rules.base.signals import stop_on_signals
from av1rules.cli.backend import DoitOnDemand
from av1rules.cli.progress import event_sink
from av1rules.execute.run import measure_grain_first, sample_first
from av1rules.execute.startup import start_session
from av1rules.forecast.of_plan import Budget, forecast_plan
from av1rules.plan.context import PlanRequest
from av1rules.plan.items import Plan
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import Workspace, open_workspace
from av1rules.report.forecast import forecast_columns
from av1rules.report.plan import ForecastColumns


def take_samples(rules_file: Path, request: PlanRequest, *, jobs: int | None) -> bool:
    """Returns whether it was interrupted; the samples until then are kept."""
    with (
        open_workspace(rules_file, write=False) as workspace,
        stop_on_signals(workspace.children),
        event_sink(as_json=False) as sink,
        start_session(workspace, sink) as session,
    ):
        jobs = jobs or workspace.ruleset.run.jobs
        backend = DoitOnDemand()
        plan = build_plan(session.workspace, request, sink=sink)
        plan = measure_grain_first(plan, session, request, backend, jobs=jobs)
        sample_first(plan, session, backend, jobs=jobs)
        return workspace.children.is_stopping


def plan_forecast(
    plan: Plan,
    workspace: Workspace,
    *,
    jobs: int | None,
    budget_s: float | None,
    free_bytes: int | None,
) -> ForecastColumns:
    """The forecast of the encodes of `plan`, for its table and its documents."""
    budget = Budget(seconds=budget_s, free_bytes=free_bytes)
    forecast = forecast_plan(
        plan, workspace.ledger, workspace.ruleset, workspace.tools, jobs=jobs, budget=budget
    )
    return forecast_columns(forecast, plan.rows)
