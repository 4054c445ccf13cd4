"""`av1rules clips try`: makes variants of a test clip for comparison."""

from __future__ import annotations

from pathlib import Path

import click

from av1rules.approvals.adjust import requested_variants
from av1rules.base.events import Note, Outcome, RunFinished
from av1rules.base.signals import stop_on_signals
from av1rules.cli.backend import recorded_session
from av1rules.cli.conventions.examples import examples
from av1rules.cli.conventions.names import name_argument, one_wanted_name
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED
from av1rules.cli.options import dry_run_option, json_option, rules_option
from av1rules.cli.progress import event_sink
from av1rules.ledger.runs import RunKind
from av1rules.operations.clips.review import find_clip
from av1rules.operations.clips.variants import (
    settings_of,
    source_for_variants,
    try_variants,
    variant_row,
)
from av1rules.plan.items import MakeClip
from av1rules.plan.names.match import WantedName
from av1rules.plan.review_gate import display_name
from av1rules.plan.workspace import Workspace, open_workspace
from av1rules.policy.schema import crf_bounds
from av1rules.report.clips import variants_text

_NOT_MADE = (Outcome.FAILED, Outcome.NOT_ATTEMPTED)


@click.command(
    "try",
    epilog=examples(
        ("av1rules clips try movies/Film.mkv --crf 22 --crf 26", "two other CRFs"),
        ("av1rules clips try movies/Film.mkv --set film_grain=4", "another strength of grain"),
    ),
)
@rules_option
@name_argument
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
@dry_run_option("Make nothing; say which variants would be made.")
@json_option("Print events as JSON, one per line.")
def command(
    rules_file: Path,
    name: str,
    sets: tuple[str, ...],
    crfs: tuple[float, ...],
    slower: bool,  # noqa: FBT001 - click passes flags so
    dry_run: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> int:
    """Make variants of a clip now: the same excerpts with other settings, one variant per option.

    Rules and approvals don't change. `clips compare` then shows all variants, and how to choose
    one. They are deleted when the film is encoded.
    """
    wanted = one_wanted_name(name)
    with (
        open_workspace(rules_file, write=False) as workspace,
        stop_on_signals(workspace.children),
        event_sink(children=workspace.children, as_json=as_json) as sink,
    ):
        if dry_run:
            source, rows = _requested(workspace, wanted, sets, crfs, slower=slower)
            for row in rows:
                sink(Note(source=source.file.library_path, message=f"would make {row.causes[0]}"))
            return EXIT_DONE
        with recorded_session(workspace, sink, RunKind.VARIANTS) as session:
            source, rows = _requested(session.workspace, wanted, sets, crfs, slower=slower)
            finished = try_variants(source, rows, session)
            interrupted = workspace.children.is_stopping
            code = _exit_code(finished, interrupted=interrupted)
            session.recorder.exit_code = code
            view = (
                None
                if interrupted
                else find_clip(session.workspace, WantedName(source.file.library_path))
            )
    if view is not None and not as_json:
        click.echo(variants_text(view))
        click.echo(f"\nnext: av1rules clips compare {display_name(source)}")
    return code


def _requested(
    workspace: Workspace,
    wanted: WantedName,
    sets: tuple[str, ...],
    crfs: tuple[float, ...],
    *,
    slower: bool,
) -> tuple[MakeClip, list[MakeClip]]:
    """The clip of the film, and the variants that the options ask for. Raises UsageError."""
    source = source_for_variants(workspace, wanted)
    requests = requested_variants(settings_of(source), sets=sets, crfs=crfs, is_slower=slower)
    return source, [variant_row(workspace, source, changes) for changes in requests]


def _exit_code(finished: RunFinished, *, interrupted: bool) -> int:
    if interrupted:
        return EXIT_INTERRUPTED
    return EXIT_FAILED if any(finished.counts[one] for one in _NOT_MADE) else EXIT_DONE
