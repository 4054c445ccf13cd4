"""`av1rules plan`: what a run would do and why."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple, TypeGuard

import click
from msgspec import UNSET, UnsetType

from av1rules.base.errors import UsageError
from av1rules.base.signals import end_on_signals
from av1rules.cli.conventions.examples import examples
from av1rules.cli.conventions.names import names_argument
from av1rules.cli.conventions.options import conventions
from av1rules.cli.exit_codes import (
    DETAILED_EXITCODE,
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_WORK,
)
from av1rules.cli.options import (
    Screen,
    accept_missing_option,
    budget_options,
    facts_option,
    force_option,
    order_options,
    plan_request,
    redo_option,
    rules_option,
    screen_options,
)
from av1rules.cli.saved.write import save_option, save_plan
from av1rules.plan.as_made.decide import asking_for_gain, with_as_made_noted
from av1rules.plan.context import PlanRequest
from av1rules.plan.facts.workspace import open_library
from av1rules.plan.items import Plan, coming_encode
from av1rules.plan.plan import build_plan
from av1rules.plan.saved.origin import PlanOrigin, origin_of
from av1rules.plan.workspace import Workspace
from av1rules.policy.model import Order
from av1rules.policy.redo.choice import Redo
from av1rules.policy.schema import jobs_bounds
from av1rules.report.documents.plan import plan_json
from av1rules.report.plan import ForecastColumns, plan_csv
from av1rules.report.plan_text import failure_lines, plan_lines, shown_plan
from av1rules.report.view import in_batches
from av1rules.ui.sinks import counter_sink

_WITH_ORIGIN = ("json", "markdown")
"""Forms that say where the plan comes from."""


class DiffOptions(NamedTuple):
    """How a difference between policies is shown."""

    jobs: int | None
    form: str | None
    every_row: bool
    detailed_exitcode: bool
    screen: Screen


@click.command(
    "plan",
    epilog=examples(
        ("av1rules plan", "the whole library"),
        ("av1rules plan movies/Film.mkv", "one film"),
        ("av1rules plan --sample", "with better forecasts, from samples"),
        ("av1rules plan --budget 200h", "what would save most in that time"),
        ("av1rules plan --against main", "what an edit of the policy changes"),
        ("av1rules plan -o plan.json", "to be run as it is, with `av1rules run plan.json`"),
        ("av1rules plan --facts facts.jsonl.gz", "anywhere, without films"),
        ("av1rules plan --json", "for programs"),
    ),
)
@rules_option
@names_argument
@force_option
@redo_option
@accept_missing_option
@facts_option
@budget_options
@order_options
@click.option(
    "-j", "--jobs", type=click.IntRange(*jobs_bounds()), help="Forecast N encodes at a time."
)
@click.option(
    "--sample",
    is_flag=True,
    help="First take samples of all files to encode: better forecasts, but takes time.",
)
@click.option(
    "--against",
    metavar="REV|FILE|FOLDER",
    help="Compare with the policy of a git revision, of a rules file, or of a folder with one: "
    "which films come out otherwise, why, and what that costs.",
)
@save_option
@click.option("--json", "form", flag_value="json", help="Print the plan as JSON.")
@click.option("--csv", "form", flag_value="csv", help="Print the plan as CSV, one line per file.")
@click.option("--markdown", "form", flag_value="markdown", help="Print it as Markdown, cut short.")
@click.option(
    "--all", "every_row", is_flag=True, help="List every file, fresh and left-alone ones too."
)
@click.option(
    DETAILED_EXITCODE,
    is_flag=True,
    help="Exit with 2 if there is work, or with --against a difference; 1 if plan fails.",
)
@screen_options
def command(
    rules_file: Path,
    names: tuple[str, ...],
    force: bool,  # noqa: FBT001 - click passes flags so
    redo: Redo | None,
    accept_missing: bool,  # noqa: FBT001
    facts_file: Path | None,
    budget_s: float | None,
    free_bytes: int | None,
    only: tuple[str, ...],
    order: Order | None,
    jobs: int | None,
    sample: bool,  # noqa: FBT001
    against: str | None,
    output: Path | None,
    form: str | None,
    every_row: bool,  # noqa: FBT001
    detailed_exitcode: bool,  # noqa: FBT001
    screen: Screen,
) -> int:
    """Show what a run would do with the library, or with the films NAMEd, and why.

    Writes only its cache and, with --sample, the results of the samples.
    """
    request = plan_request(names, only, force, accept_missing, redo)
    if _compares(against, form):
        how = DiffOptions(jobs, form, every_row, detailed_exitcode, screen)
        return _against(against, rules_file, facts_file, request, how)
    if sample and _take_samples(rules_file, request, facts_file, jobs=jobs):
        return EXIT_INTERRUPTED
    with (
        open_library(rules_file, facts_file) as workspace,
        end_on_signals(workspace.children),
        counter_sink(sys.stderr) as sink,
    ):
        for warning in workspace.warnings:
            click.echo(f"warning: {warning}", err=True)
        plan = _decided(build_plan(workspace, request, sink=sink), workspace)
        plan, forecasts = _forecast(
            plan, workspace, jobs=jobs, budget_s=budget_s, free_bytes=free_bytes, order=order
        )
        origin = _origin(workspace, request) if output or form in _WITH_ORIGIN else UNSET
    if output is not None and origin is not UNSET:
        save_plan(output, plan, forecasts, origin, every_row=every_row)
    _show(plan, forecasts, origin, form=form, every_row=every_row, screen=screen)
    if plan.problems or plan.safety_stops:  # the plan doesn't cover the whole library
        return EXIT_FAILED
    return EXIT_WORK if detailed_exitcode and plan.has_work else EXIT_DONE


def _decided(plan: Plan, workspace: Workspace) -> Plan:
    """As `forecast.decided.decided_plan`, but without the forecast where nothing asks for it."""
    if not any(True for _ in asking_for_gain(plan)):
        return with_as_made_noted(plan)
    # Tens of ms to import: only if it decides.
    from av1rules.forecast.decided import decided  # noqa: PLC0415

    return decided(plan, workspace)


def _origin(workspace: Workspace, request: PlanRequest) -> PlanOrigin:
    return origin_of(workspace, forced=request.force, redo=request.redo)


def _show(
    plan: Plan,
    forecasts: ForecastColumns,
    origin: PlanOrigin | UnsetType,
    *,
    form: str | None,
    every_row: bool,
    screen: Screen,
) -> None:
    if form == "json":
        for piece in in_batches(plan_json(plan, forecasts, origin=origin)):
            click.echo(piece, nl=False)
        click.echo()
    elif form == "csv":
        for piece in in_batches(plan_csv(plan, forecasts)):
            click.echo(piece, nl=False)
    elif form == "markdown":
        # Takes tens of ms to import.
        from av1rules.report.saved.markdown import plan_markdown  # noqa: PLC0415

        shown = shown_plan(plan, every_row=every_row, forecasts=forecasts, origin=origin)
        for piece in in_batches(plan_markdown(shown)):
            click.echo(piece, nl=False)
    elif conventions().is_quiet:
        screen.show(failure_lines(plan, screen.view))
    else:
        shown = shown_plan(plan, every_row=every_row, forecasts=forecasts)
        screen.show(plan_lines(shown, screen.view))


def _compares(against: str | None, form: str | None) -> TypeGuard[str]:
    """Whether policies are compared. Raises UsageError for options that say nothing together."""
    if against is None:
        return False
    given = click.get_current_context()
    senseless = ("force", "sample", "budget_s", "free_bytes", "order", "output")
    names = [
        param.opts[-1]
        for param in given.command.params
        if param.name in senseless and given.params.get(param.name)
    ]
    names += ["--csv"] if form == "csv" else []
    if names:
        raise click.UsageError(f"--against compares policies, and takes no {', '.join(names)}")
    return True


def _against(
    against: str, rules_file: Path, facts_file: Path | None, request: PlanRequest, how: DiffOptions
) -> int:
    # Imports forecasts and all of the operations: only for comparisons.
    from av1rules.cli.policy.against import show_difference  # noqa: PLC0415

    return show_difference(against, rules_file, facts_file, request, how)


def _take_samples(
    rules_file: Path, request: PlanRequest, facts_file: Path | None, *, jobs: int | None
) -> bool:
    """Returns whether it was interrupted; the samples until then are kept."""
    if facts_file is not None:
        hint = "leave out --facts"
        raise UsageError("samples need the films themselves", where="--sample", hint=hint)
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
    order: Order | None,
) -> tuple[Plan, ForecastColumns]:
    if not any(coming_encode(row) is not None for row in plan.rows.in_full):
        return plan, ForecastColumns()
    # Tens of ms to import: only if there is something to forecast.
    from av1rules.cli.plan_ahead import plan_forecast  # noqa: PLC0415

    return plan_forecast(
        plan, workspace, jobs=jobs, budget_s=budget_s, free_bytes=free_bytes, order=order
    )
