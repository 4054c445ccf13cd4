"""`av1rules forecast`: what a run would take, and how good past forecasts were."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import click

from av1rules.base.errors import UsageError
from av1rules.base.signals import end_on_signals
from av1rules.cli.conventions.examples import examples
from av1rules.cli.conventions.names import names_argument, wanted_names
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED
from av1rules.cli.options import (
    Screen,
    budget_options,
    force_option,
    json_option,
    rules_option,
    screen_options,
)
from av1rules.forecast.calibration import check_forecasts
from av1rules.forecast.decided import decided_plan
from av1rules.forecast.of_plan import Budget, forecast_by_rule, forecast_plan
from av1rules.ledger.ledger import Ledger
from av1rules.plan.context import PlanRequest
from av1rules.plan.workspace import open_workspace
from av1rules.policy.load import load_rules
from av1rules.policy.schema import jobs_bounds
from av1rules.report.forecast import check_json, check_text, forecast_json, forecast_text
from av1rules.ui.sinks import counter_sink


@click.command(
    "forecast",
    epilog=examples(
        ("av1rules forecast", "what a run would take, by rule"),
        ("av1rules forecast --check", "past forecasts beside actual results"),
    ),
)
@rules_option
@names_argument
@force_option
@budget_options
@click.option("-j", "--jobs", type=click.IntRange(*jobs_bounds()), help="N encodes at a time.")
@click.option("--check", is_flag=True, help="Compare past forecasts with actual results.")
@json_option("Print it as JSON.")
@screen_options
def command(
    rules_file: Path,
    names: tuple[str, ...],
    force: bool,  # noqa: FBT001 - click passes flags so
    budget_s: float | None,
    free_bytes: int | None,
    jobs: int | None,
    check: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    screen: Screen,
) -> int:
    """Show what a run would take with the library, or with the films NAMEd: hours and bytes saved
    with their intervals, by rule and in total. `plan` shows the forecast of each film.

    With --check: how far off the forecasts of past encodes were, and how often the 80 % interval
    held. Changes nothing.
    """
    if check:
        _check(rules_file, names, as_json=as_json, screen=screen)
        return EXIT_DONE
    request = PlanRequest(names=wanted_names(names), force=force)
    with (
        open_workspace(rules_file, write=False) as workspace,
        end_on_signals(workspace.children),
        counter_sink(sys.stderr) as sink,
    ):
        plan = decided_plan(workspace, request, sink=sink)
        forecast = forecast_plan(
            plan,
            workspace.ledger,
            workspace.ruleset,
            workspace.tools,
            jobs=jobs,
            budget=Budget(seconds=budget_s, free_bytes=free_bytes),
        )
    for stop in plan.safety_stops:
        click.echo(f"warning: {stop.text}", err=True)
    rules = forecast_by_rule(plan, forecast)
    if as_json:
        click.echo(forecast_json(rules, forecast))
    else:
        screen.show(forecast_text(rules, forecast, screen.view).splitlines())
    return EXIT_FAILED if plan.safety_stops or plan.problems else EXIT_DONE


def _check(rules_file: Path, names: tuple[str, ...], *, as_json: bool, screen: Screen) -> None:
    if names:
        raise UsageError("--check is about all past encodes", hint="leave the names out")
    ruleset = load_rules(rules_file)
    with closing(Ledger.read(ruleset.run.state_dir)) as ledger:
        checked = check_forecasts(ledger.forecasts.each())
    if as_json:
        click.echo(check_json(checked))
    else:
        screen.show(check_text(checked).splitlines())
