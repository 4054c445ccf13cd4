"""`av1rules verify`: do the targets of the ledger still exist, and are they as written?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from av1rules.base.errors import UsageError
from av1rules.base.signals import stop_on_signals
from av1rules.base.units import UnitError, parse_duration
from av1rules.cli.conventions.examples import examples
from av1rules.cli.conventions.names import names_argument, wanted_names
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED
from av1rules.cli.options import Screen, json_option, rules_option, screen_options
from av1rules.cli.progress import event_sink
from av1rules.ledger.checks import CheckMethod
from av1rules.operations.moved_files import moved_to
from av1rules.operations.verify_rest import check_rest
from av1rules.operations.verify_targets import (
    VerifyOptions,
    check_targets,
    due_rows,
    selected_rows,
)
from av1rules.plan.workspace import open_workspace
from av1rules.report.checks import TargetTally, rest_check_lines


@click.command(
    "verify",
    epilog=examples(
        ("av1rules verify", "by size and time"),
        ("av1rules verify --digest --older-than 30d", "every byte, once a month"),
        ("av1rules verify --decode movies", "decode the targets of one folder"),
    ),
)
@rules_option
@names_argument
@click.option("--digest", is_flag=True, help="Read every byte: finds bit rot.")
@click.option("--decode", is_flag=True, help="Decode every target to its end.")
@click.option(
    "--older-than",
    metavar="TIME",
    help="Skip targets that passed a check within this time, such as 30d.",
)
@json_option("Print the result as JSON.")
@screen_options
def command(
    rules_file: Path,
    names: tuple[str, ...],
    digest: bool,  # noqa: FBT001 - click passes flags so
    decode: bool,  # noqa: FBT001
    older_than: str | None,
    as_json: bool,  # noqa: FBT001
    screen: Screen,
) -> int:
    """Check the targets of the library again, or those NAMEd (by target or source): by
    size and time, and by content where a time differs. Links and copies of a complete
    mirror are checked too.

    Can be interrupted with Ctrl-C: with --older-than the next one continues. A run may be active.
    """
    ways = {CheckMethod.DIGEST: digest, CheckMethod.DECODE: decode}
    request = VerifyOptions(
        names=wanted_names(names),
        ways=frozenset(way for way, is_wanted in ways.items() if is_wanted),
        older_than_s=None if older_than is None else _seconds(older_than),
    )
    with (
        open_workspace(rules_file, write=True) as workspace,
        stop_on_signals(workspace.children),
        event_sink(children=workspace.children) as sink,
    ):
        places = [place for name in request.names for place in name.places]
        moved = moved_to(workspace, places)  # the ledger has them by their former names
        now = {one.was.target: one.now.target for one in moved.targets}
        rows = selected_rows(workspace.ledger.briefs(), request, moved=now)
        due = due_rows(rows, workspace.ledger.checks.all(), request, now=datetime.now(UTC))
        skipped = len(rows) - len(due)
        checks = check_targets(due, workspace, request, known=skipped, sink=sink)
        tally = TargetTally(checks, with_all=as_json)
        rest = check_rest(
            workspace.ledger, tuple(places), digest=digest, check=workspace.children.check
        )
    if as_json:
        for part in tally.json(skipped=skipped, rest=rest):
            click.echo(part, nl=False)
        click.echo()
    else:
        text = tally.text(skipped=skipped, view=screen.view)
        is_well = tally.is_well and not rest.faults
        screen.show([*text.splitlines(), *rest_check_lines(rest, screen.view)], is_well=is_well)
    return EXIT_DONE if tally.is_well and not rest.faults else EXIT_FAILED


def _seconds(text: str) -> float:
    try:
        return parse_duration(text)
    except UnitError as problem:
        raise UsageError(str(problem), where="--older-than", hint=problem.hint) from problem
