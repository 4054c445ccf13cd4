"""`av1rules forecast`: compares past forecasts with actual results."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from av1rules.base.errors import UsageError
from av1rules.cli.options import rules_option
from av1rules.forecast.calibration import check_forecasts
from av1rules.ledger.ledger import Ledger
from av1rules.policy.load import load_rules
from av1rules.report.forecast import check_json, check_text


@click.command("forecast")
@rules_option
@click.option("--check", is_flag=True, help="Compare past forecasts with actual results.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def command(
    rules_file: Path,
    check: bool,  # noqa: FBT001 - click passes flags so
    as_json: bool,  # noqa: FBT001
) -> None:
    """Compare the forecasts of past encodes with actual results: how far off time and size were,
    and how often the 80 % interval held. `plan` shows the forecast of pending work.

    Changes nothing, and reads no source.
    """
    if not check:
        raise UsageError(
            "no action given",
            hint="--check compares past forecasts with actual results; `av1rules plan` makes them",
        )
    ruleset = load_rules(rules_file)
    with closing(Ledger.read(ruleset.run.state_dir)) as ledger:
        checked = check_forecasts(ledger.forecasts.all())
    click.echo(check_json(checked) if as_json else check_text(checked))
