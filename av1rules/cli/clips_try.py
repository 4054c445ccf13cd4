"""`av1rules clips try`: makes variants of a test clip for comparison."""

from __future__ import annotations

from pathlib import Path

import click

from av1rules.approvals.adjust import requested_variants
from av1rules.base.events import Outcome
from av1rules.base.signals import stop_on_signals
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED
from av1rules.cli.options import rules_option
from av1rules.cli.progress import event_sink
from av1rules.execute.startup import start_session
from av1rules.operations.clips.review import find_clip
from av1rules.operations.clips.variants import (
    settings_of,
    source_for_variants,
    try_variants,
    variant_row,
)
from av1rules.plan.review_gate import display_name
from av1rules.plan.workspace import open_workspace
from av1rules.policy.schema import crf_bounds
from av1rules.report.clips import variants_text

_NOT_MADE = (Outcome.FAILED, Outcome.NOT_ATTEMPTED)


@click.command("try")
@rules_option
@click.argument("name", type=click.Path())
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="KEY=VALUE[,...]",
    help="One variant: film_grain=4, or several settings: film_grain=12,preset=5.",
)
@click.option(
    "--crf", "crfs", type=click.FloatRange(*crf_bounds()), multiple=True, help="Another CRF."
)
@click.option("--slower", is_flag=True, help="Use the next slower preset.")
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON, one per line.")
def command(
    rules_file: Path,
    name: str,
    sets: tuple[str, ...],
    crfs: tuple[float, ...],
    slower: bool,  # noqa: FBT001 - click passes flags so
    as_json: bool,  # noqa: FBT001
) -> int:
    """Make variants of a clip now: the same excerpts with other settings, one variant per option.

    Rules and approvals don't change. `clips compare` then shows all variants, and how to choose
    one. They are deleted when the film is encoded.
    """
    with (
        open_workspace(rules_file, write=False) as workspace,
        stop_on_signals(workspace.children),
        event_sink(as_json=as_json) as sink,
        start_session(workspace, sink) as session,
    ):
        source = source_for_variants(session.workspace, name)
        requests = requested_variants(settings_of(source), sets=sets, crfs=crfs, is_slower=slower)
        rows = [variant_row(session.workspace, source, changes) for changes in requests]
        finished = try_variants(source, rows, session)
        interrupted = workspace.children.is_stopping
        view = None if interrupted else find_clip(session.workspace, source.file.library_path)
    if view is not None and not as_json:
        click.echo(variants_text(view))
        click.echo(f"\nnext: av1rules clips compare {display_name(source)}")
    if interrupted:
        return EXIT_INTERRUPTED
    return EXIT_FAILED if any(finished.counts[one] for one in _NOT_MADE) else EXIT_DONE
