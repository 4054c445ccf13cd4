"""`av1rules status`: the status of a library."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from av1rules.cli.options import rules_option
from av1rules.ledger.ledger import Ledger
from av1rules.operations.status import read_status
from av1rules.policy.load import load_rules
from av1rules.report.status import status_json, status_text


@click.command("status")
@rules_option
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def command(rules_file: Path, as_json: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Show the status: targets and their savings, the trash, failures, damaged files, the last
    runs, and the active run.

    Changes nothing, and reads no source.
    """
    ruleset = load_rules(rules_file)
    with closing(Ledger.read(ruleset.run.state_dir)) as ledger:
        status = read_status(ledger, ruleset)
    click.echo(status_json(status) if as_json else status_text(status))
