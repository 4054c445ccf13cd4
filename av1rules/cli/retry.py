"""`av1rules retry`: retries files that failed too often."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from av1rules.base.text import plural, printable
from av1rules.cli.conventions.examples import examples
from av1rules.cli.conventions.names import names_argument, wanted_names
from av1rules.cli.conventions.options import conventions
from av1rules.cli.options import dry_run_option, json_option, rules_option
from av1rules.execute.resources.run_lock import run_lock
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import Attempt
from av1rules.operations.failures import failures_of
from av1rules.policy.load import load_rules
from av1rules.report.status import retry_json

NOTHING = "no failures to forget: the next run tries everything"


@click.command(
    "retry",
    epilog=examples(
        ("av1rules retry", "all films that failed"),
        ("av1rules retry movies", "those of one folder"),
    ),
)
@rules_option
@names_argument
@dry_run_option("Only show which failures would be forgotten.")
@json_option("Print the freed failures as JSON.")
def command(
    rules_file: Path,
    names: tuple[str, ...],
    dry_run: bool,  # noqa: FBT001 - click passes flags so
    as_json: bool,  # noqa: FBT001
) -> None:
    """Forget the failures of all sources, or of those NAMEd, existing or not: the next run tries
    them again.

    This doesn't affect sources whose targets came out too large or were undone by a user: use
    `av1rules run --force NAME` for those.
    """
    ruleset = load_rules(rules_file)
    wanted = wanted_names(names)
    state_dir = ruleset.run.state_dir
    with closing(Ledger.read(state_dir)) as ledger:
        found = failures_of(ledger, ruleset, wanted)
    if found and not dry_run:
        with run_lock(state_dir), closing(Ledger.open(state_dir)) as ledger:
            found = failures_of(ledger, ruleset, wanted)
            ledger.free_failures(tuple(dict.fromkeys(attempt.source for attempt in found)))
    if as_json:
        click.echo(retry_json(found, is_dry=dry_run))
        return
    say = click.echo if dry_run else conventions().say
    for attempt in found:
        say(_line(attempt, "would free" if dry_run else "freed"))
    if not found:
        say(NOTHING)
    elif dry_run:
        say(f"{len(found)} to free: without --dry-run, the next run tries again")
    else:
        say(f"{len(found)} freed: the next run tries again")


def _line(attempt: Attempt, done: str) -> str:
    times = plural(attempt.count, "once", f"{attempt.count} times")
    return f"{done} {printable(attempt.source)}, failed {times}: {printable(attempt.detail)}"
