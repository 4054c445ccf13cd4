"""`av1rules plan`: what a run would do and why."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from av1rules.base.errors import Av1rulesError
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_WORK
from av1rules.cli.options import (
    absolute_paths,
    accept_missing_option,
    budget_options,
    force_option,
    paths_argument,
    rules_option,
)
from av1rules.plan.context import PlanRequest
from av1rules.plan.items import Plan, coming_encode
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import Workspace, open_workspace
from av1rules.policy.schema import jobs_bounds
from av1rules.report.plan import ForecastColumns, plan_csv, plan_json, plan_text
from av1rules.ui.sinks import counter_sink


@click.command("plan")
@rules_option
@paths_argument
@force_option
@accept_missing_option
@budget_options
@click.option(
    "-j", "--jobs", type=click.IntRange(*jobs_bounds()), help="Forecast N encodes at a time."
)
@click.option(
    "--sample",
    is_flag=True,
    help="First take samples of all files to encode: better forecasts, but takes time.",
)
@click.option("--json", "form", flag_value="json", help="Print the plan as JSON.")
@click.option("--csv", "form", flag_value="csv", help="Print the plan as CSV, one line per file.")
@click.option("--all", "every_row", is_flag=True, help="Also list fresh and left-alone files.")
@click.option(
    "--detailed-exitcode", is_flag=True, help="Exit with 2 if there is work, 1 if plan fails."
)
def command(
    rules_file: Path,
    paths: tuple[str, ...],
    force: bool,  # noqa: FBT001 - click passes flags so
    accept_missing: bool,  # noqa: FBT001
    budget_s: float | None,
    free_bytes: int | None,
    jobs: int | None,
    sample: bool,  # noqa: FBT001
    form: str | None,
    every_row: bool,  # noqa: FBT001
    detailed_exitcode: bool,  # noqa: FBT001
) -> int:
    """Show what a run would do with the library, or with PATHS of it, and why.

    Writes only its cache and, with --sample, the results of the samples.
    """
    try:
        request = PlanRequest(
            paths=absolute_paths(paths), force=force, accept_missing=accept_missing
        )
        if sample and _take_samples(rules_file, request, jobs=jobs):
            return EXIT_INTERRUPTED
        with open_workspace(rules_file, write=False) as workspace, counter_sink(sys.stderr) as sink:
            for warning in workspace.warnings:
                click.echo(f"warning: {warning}", err=True)
            plan = build_plan(workspace, request, sink=sink)
            forecasts = _forecast(
                plan, workspace, jobs=jobs, budget_s=budget_s, free_bytes=free_bytes
            )
    except Av1rulesError as problem:
        if not detailed_exitcode:
            raise
        click.echo(f"av1rules: {problem}", err=True)  # here 2 means work, so 1 means failure
        return EXIT_FAILED
    if form == "json":
        click.echo(plan_json(plan, forecasts))
    elif form == "csv":
        click.echo(plan_csv(plan, forecasts), nl=False)
    else:
        click.echo(plan_text(plan, every_row=every_row, forecasts=forecasts))
    if plan.problems or plan.safety_stops:  # the plan doesn't cover the whole library
        return EXIT_FAILED
    return EXIT_WORK if detailed_exitcode and plan.has_work else EXIT_DONE


def _take_samples(rules_file: Path, request: PlanRequest, *, jobs: int | None) -> bool:
    """Returns whether it was interrupted; the samples until then are kept."""
    # Imports everything that a run needs: only if samples are requested.
    from av1rules.cli.plan_ahead import take_samples  # noqa: PLC0415

    return take_samples(rules_file, request, jobs=jobs)


def _forecast(
    plan: Plan,
    workspace: Workspace,
    *,
    jobs: int | None,
    budget_s: float | None,
    free_bytes: int | None,
) -> ForecastColumns:
    if not any(coming_encode(row) is not None for row in plan.rows):
        return ForecastColumns()
    # Tens of ms to import: only if there is something to forecast.
    from av1rules.cli.plan_ahead import plan_forecast  # noqa: PLC0415

    return plan_forecast(plan, workspace, jobs=jobs, budget_s=budget_s, free_bytes=free_bytes)
