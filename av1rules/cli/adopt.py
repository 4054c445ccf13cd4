"""`av1rules adopt`: adds targets found on disk to the ledger, by the tags inside them."""

from __future__ import annotations

from pathlib import Path

import click

from av1rules.base.events import Sink
from av1rules.base.signals import stop_on_signals
from av1rules.cli.backend import recorded_session
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
from av1rules.ledger.runs import RunKind
from av1rules.operations.adopt.adopt import (
    AdoptKind,
    AdoptOptions,
    AdoptReport,
    adopt,
    record_adoptions,
)
from av1rules.operations.adopt.find import places_to_adopt
from av1rules.plan.workspace import Workspace, open_workspace
from av1rules.report.checks import adopt_json, adopt_text


@click.command(
    "adopt",
    epilog=examples(
        ("av1rules adopt --dry-run", "what would be added to the ledger"),
        ("av1rules adopt", "add all targets on disk"),
        ("av1rules adopt movies", "only those of one folder"),
    ),
)
@rules_option
@names_argument
@click.option("-n", "--dry-run", is_flag=True, help="Only show what would be adopted.")
@click.option("--digest", is_flag=True, help="Compare whole sources, not samples of them.")
@click.option("--decode", is_flag=True, help="Decode every target to its end first.")
@json_option("Print the result as JSON.")
@screen_options
def command(
    rules_file: Path,
    names: tuple[str, ...],
    dry_run: bool,  # noqa: FBT001 - click passes flags so
    digest: bool,  # noqa: FBT001
    decode: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    screen: Screen,
) -> int:
    """Add targets on disk, or those NAMEd, to the ledger: after the ledger was lost or
    restored, the library moved, or a target was edited or renamed.

    The tag inside a file is checked against its source; a file that fails is reported and left
    alone. No video is changed.
    """
    wanted = wanted_names(names)
    with (
        open_workspace(rules_file, write=False) as workspace,
        stop_on_signals(workspace.children),
        event_sink(children=workspace.children) as sink,
    ):
        paths = places_to_adopt(workspace.ruleset, wanted)
        request = AdoptOptions(paths=paths, digest=digest, decode=decode, is_dry=dry_run)
        report = _adopt(workspace, request, sink)
    is_well = not report.problems and not report.of(AdoptKind.REFUSED)
    if as_json:
        click.echo(adopt_json(report, is_dry=dry_run))
    else:
        text = adopt_text(report, is_dry=dry_run, view=screen.view)
        screen.show(text.splitlines(), is_well=is_well and not dry_run)
    return _exit_code(report)


def _adopt(workspace: Workspace, request: AdoptOptions, sink: Sink) -> AdoptReport:
    if request.is_dry:
        return adopt(workspace, request, sink=sink)
    with recorded_session(workspace, sink, RunKind.ADOPT) as session:
        report = adopt(session.workspace, request, sink=sink)
        record_adoptions(report, session)
        session.recorder.exit_code = _exit_code(report)
        return report


def _exit_code(report: AdoptReport) -> int:
    return EXIT_FAILED if report.problems or report.of(AdoptKind.REFUSED) else EXIT_DONE
