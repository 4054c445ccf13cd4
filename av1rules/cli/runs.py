"""`av1rules runs`: lists the recorded runs, and shows one of them in full."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from av1rules.base.errors import UsageError
from av1rules.base.text import printable
from av1rules.cli.complete.values import complete_runs
from av1rules.cli.conventions.examples import examples
from av1rules.cli.conventions.groups import CommandGroup
from av1rules.cli.options import Screen, json_option, rules_option, screen_options
from av1rules.execute.resources.run_lock import is_run_active
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.run_history import list_runs, show_run
from av1rules.policy.load import load_rules
from av1rules.report.runs import run_json, run_text, runs_json, runs_text

SHOWN = 20


@click.group(
    "runs",
    cls=CommandGroup,
    invoke_without_command=True,
    epilog=examples(
        ("av1rules runs", "the last runs"),
        ("av1rules runs --failed", "only those that failed or were killed"),
        ("av1rules runs show last", "all of the last one"),
    ),
)
@rules_option
@click.option(
    "-n",
    "--count",
    type=click.IntRange(min=1),
    default=SHOWN,
    show_default=True,
    help="Show this many runs.",
)
@click.option("--all", "every_one", is_flag=True, help="Show all runs.")
@click.option("--failed", is_flag=True, help="Only runs that failed or were killed.")
@json_option("Print them as JSON.")
@screen_options
@click.pass_context
def command(
    context: click.Context,
    rules_file: Path,
    count: int,
    every_one: bool,  # noqa: FBT001 - click passes flags so
    failed: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    screen: Screen,
) -> None:
    """List the recorded runs, newest first: runs, undos, purges, adoptions and samples, with what
    each did, saved, held, failed and left. `av1rules runs show 12` (or `last`) shows one in full.

    A run that has nothing to do is not recorded. Runs that did nothing but meet the same failures
    as the run before are one row.
    """
    if context.invoked_subcommand is not None:
        return
    ruleset = load_rules(rules_file)
    is_active = is_run_active(ruleset.run.state_dir)
    with closing(Ledger.read(ruleset.run.state_dir)) as ledger:
        runs = list_runs(
            ledger,
            count=None if every_one else count,
            is_active=is_active,
            only_failed=failed,
        )
    if as_json:
        click.echo(runs_json(runs))
    else:
        screen.show(runs_text(runs, screen.view).splitlines())


@command.command(
    "show",
    epilog=examples(
        ("av1rules runs show last", "what the last run did, and what comes next"),
    ),
)
@rules_option
@click.argument("what", metavar="RUN", shell_complete=complete_runs)
@json_option("Print it as JSON.")
@screen_options
def show_command(
    rules_file: Path,
    what: str,
    as_json: bool,  # noqa: FBT001 - click passes flags so
    screen: Screen,
) -> None:
    """Show one RUN in full, by its number, or the "last": what it made, every failure with its
    details, what waits, and the command that comes next for each."""
    number = None if what == "last" else _number(what)
    ruleset = load_rules(rules_file)
    is_active = is_run_active(ruleset.run.state_dir)
    with closing(Ledger.read(ruleset.run.state_dir)) as ledger:
        details = show_run(ledger, number, is_active=is_active)
    if details is None:
        raise UsageError(
            "there is no such run",
            where=printable(what),
            hint="`av1rules runs` lists the runs; one that had nothing to do is not recorded",
        )
    if as_json:
        click.echo(run_json(details))
    else:
        screen.show(run_text(details, screen.view).splitlines())


def _number(what: str) -> int:
    """Raises UsageError."""
    number = what.removeprefix("r")
    if not number.isdecimal():
        raise UsageError(
            f"expected the number of a run, or last, found {printable(what)!r}",
            hint="`av1rules runs` lists the runs",
        )
    return int(number)
