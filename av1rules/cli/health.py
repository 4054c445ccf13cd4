"""`av1rules health`: which sources are damaged?"""

from __future__ import annotations

from pathlib import Path

import click

from av1rules.base.signals import stop_on_signals
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED
from av1rules.cli.options import absolute_paths, paths_argument, rules_option
from av1rules.cli.progress import event_sink
from av1rules.operations.source_health import SourceHealth, check_health
from av1rules.plan.workspace import open_workspace
from av1rules.report.checks import sources_json, sources_text


@click.command("health")
@rules_option
@paths_argument
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Files at a time.",
)
@click.option("--again", is_flag=True, help="Also decode files that were decoded before.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    rules_file: Path,
    paths: tuple[str, ...],
    jobs: int,
    again: bool,  # noqa: FBT001 - click passes flags so
    as_json: bool,  # noqa: FBT001
) -> int:
    """Decode the sources of the library, or those at or below PATHS, to their ends, and list the
    damaged ones.

    Runs at the lowest priority. Can be interrupted with Ctrl-C at any time: finished files are not
    decoded again. A run may be active.
    """
    wanted = absolute_paths(paths)
    with (
        open_workspace(rules_file, write=True) as workspace,
        stop_on_signals(workspace.children),
        event_sink() as sink,
    ):
        report = check_health(workspace, wanted, jobs=jobs, again=again, sink=sink)
    click.echo(sources_json(report) if as_json else sources_text(report))
    is_well = len(report.of(SourceHealth.WELL)) == len(report.checks)
    return EXIT_DONE if is_well and not report.problems else EXIT_FAILED
