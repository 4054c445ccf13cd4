"""`av1rules adopt`: adds targets found on disk to the ledger, by the tags inside them."""

from __future__ import annotations

from pathlib import Path

import click

from av1rules.base.events import Sink
from av1rules.base.signals import stop_on_signals
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED
from av1rules.cli.options import absolute_paths, paths_argument, rules_option
from av1rules.cli.progress import event_sink
from av1rules.execute.startup import start_session
from av1rules.operations.adopt.adopt import AdoptKind, AdoptOptions, AdoptReport, adopt
from av1rules.plan.workspace import Workspace, open_workspace
from av1rules.report.checks import adopt_json, adopt_text


@click.command("adopt")
@rules_option
@paths_argument
@click.option("--dry-run", is_flag=True, help="Only show what would be adopted.")
@click.option("--digest", is_flag=True, help="Compare whole sources, not samples of them.")
@click.option("--decode", is_flag=True, help="Decode every target to its end first.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    rules_file: Path,
    paths: tuple[str, ...],
    dry_run: bool,  # noqa: FBT001 - click passes flags so
    digest: bool,  # noqa: FBT001
    decode: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> int:
    """Add targets on disk, or those at or below PATHS, to the ledger: after the ledger was lost or
    restored, the library moved, or a target was edited or renamed.

    The tag inside a file is checked against its source; a file that fails is reported and left
    alone. No video is changed.
    """
    request = AdoptOptions(
        paths=absolute_paths(paths), digest=digest, decode=decode, is_dry=dry_run
    )
    with (
        open_workspace(rules_file, write=False) as workspace,
        stop_on_signals(workspace.children),
        event_sink() as sink,
    ):
        report = _adopt(workspace, request, sink)
    show = adopt_json if as_json else adopt_text
    click.echo(show(report, is_dry=dry_run))
    return EXIT_FAILED if report.problems or report.of(AdoptKind.REFUSED) else EXIT_DONE


def _adopt(workspace: Workspace, request: AdoptOptions, sink: Sink) -> AdoptReport:
    if request.is_dry:
        return adopt(workspace, request, sink=sink)
    with start_session(workspace, sink) as session:
        return adopt(session.workspace, request, sink=sink)
