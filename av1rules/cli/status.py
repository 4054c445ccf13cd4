"""`av1rules status`: the status of a library."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from av1rules.cli.conventions.examples import examples
from av1rules.cli.options import Screen, json_option, rules_option, screen_options
from av1rules.ledger.ledger import Ledger
from av1rules.operations.status import read_status
from av1rules.policy.load import load_rules
from av1rules.report.status import status_json, status_text


@click.command(
    "status",
    epilog=examples(
        ("av1rules status", "on one screen"),
        ("av1rules status --json", "for programs"),
    ),
)
@rules_option
@json_option("Print all of it as JSON.")
@screen_options
def command(rules_file: Path, as_json: bool, screen: Screen) -> None:  # noqa: FBT001
    """Show the status: targets and their savings, the trash, failures, damaged files, the last
    runs, and the active run.

    Changes nothing, and reads no source.
    """
    ruleset = load_rules(rules_file)
    with closing(Ledger.read(ruleset.run.state_dir)) as ledger:
        status = read_status(ledger, ruleset)
    if as_json:
        click.echo(status_json(status))
    else:
        screen.show(status_text(status, screen.view).splitlines())
