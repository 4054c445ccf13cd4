"""`av1rules health`: which sources are damaged?"""

from __future__ import annotations

from pathlib import Path

import click

from av1rules.base.signals import stop_on_signals
from av1rules.cli.conventions.examples import examples
from av1rules.cli.conventions.names import names_argument, wanted_names
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED
from av1rules.cli.options import (
    Screen,
    json_option,
    rules_option,
    screen_options,
)
from av1rules.cli.progress import event_sink
from av1rules.operations.source_health import SourceHealth, check_health
from av1rules.plan.workspace import open_workspace
from av1rules.report.checks import sources_json, sources_text


@click.command(
    "health",
    epilog=examples(
        ("av1rules health", "decode all sources to their ends"),
        ("av1rules health movies -j 2", "those of one folder, two at a time"),
    ),
)
@rules_option
@names_argument
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Files at a time.",
)
@click.option("--again", is_flag=True, help="Also decode files that were decoded before.")
@json_option("Print the result as JSON.")
@screen_options
def command(
    rules_file: Path,
    names: tuple[str, ...],
    jobs: int,
    again: bool,  # noqa: FBT001 - click passes flags so
    as_json: bool,  # noqa: FBT001
    screen: Screen,
) -> int:
    """Decode the sources of the library, or those NAMEd, to their ends, and list the
    damaged ones.

    Runs at the lowest priority. Can be interrupted with Ctrl-C at any time: finished files are not
    decoded again. A run may be active.
    """
    wanted = wanted_names(names)
    with (
        open_workspace(rules_file, write=True) as workspace,
        stop_on_signals(workspace.children),
        event_sink(children=workspace.children) as sink,
    ):
        report = check_health(workspace, wanted, jobs=jobs, again=again, sink=sink)
    is_well = len(report.of(SourceHealth.WELL)) == len(report.checks) and not report.problems
    if as_json:
        click.echo(sources_json(report))
    else:
        screen.show(sources_text(report, screen.view).splitlines(), is_well=is_well)
    return EXIT_DONE if is_well else EXIT_FAILED
