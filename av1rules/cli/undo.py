"""`av1rules undo`: put back what was replaced or moved to the trash."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from av1rules.base.errors import UsageError
from av1rules.base.signals import stop_on_signals
from av1rules.base.text import plural
from av1rules.cli.backend import recorded_session
from av1rules.cli.complete.values import complete_runs_and_films
from av1rules.cli.conventions.examples import examples
from av1rules.cli.conventions.names import wanted_names
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED
from av1rules.cli.options import json_option, rules_option
from av1rules.cli.progress import event_sink
from av1rules.ledger.runs import RunKind
from av1rules.ledger.trash_table import TrashEntry
from av1rules.operations.trash_names import places_in_trash
from av1rules.operations.undo import (
    LAST,
    Undone,
    find_entries_now,
    find_moved_entries,
    plan_undo,
    undo,
)
from av1rules.plan.workspace import Workspace, open_workspace
from av1rules.report.trash import undo_json, undo_preview, undone_line
from av1rules.ui.terminal import view_of


@click.command(
    "undo",
    epilog=examples(
        ("av1rules undo --dry-run last", "what would come back of the last run"),
        ("av1rules undo --yes last", "all that the last run replaced, without a question"),
        ("av1rules undo --yes movies/Short.mkv", "one film"),
    ),
)
@rules_option
@click.argument("what", nargs=-1, metavar="RUN|NAME...", shell_complete=complete_runs_and_films)
@click.option("-n", "--dry-run", is_flag=True, help="Only show what would be put back.")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@json_option("Print the outcome as JSON.")
def command(
    rules_file: Path,
    what: tuple[str, ...],
    dry_run: bool,  # noqa: FBT001 - click passes flags so
    yes: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> int:
    """Put the originals of a RUN (its number, or "last": the last run that encoded) or of single
    films (NAME) back in their places. Shows first what it will do, and asks.

    Each is read whole and compared with its digest. The file in its place goes to the trash, so an
    undo can be undone by its own number. Later runs leave what was undone alone until its source
    or settings change.
    """
    if not what:
        raise UsageError(
            "undo needs a run or a file",
            hint="`av1rules runs` lists the runs, `av1rules originals list` shows the trash",
        )
    with open_workspace(rules_file, write=False) as workspace:
        words = _words(workspace, what)
        planned = plan_undo(workspace.ledger, find_entries_now(workspace, words))
    ready = [result.kept for result in planned if result.refusal is None]
    if dry_run or not yes or not ready:
        click.echo(
            undo_json(planned, is_dry=True)
            if as_json
            else undo_preview(planned, view_of(sys.stdout))
        )
    if dry_run or not ready:
        return EXIT_DONE if len(ready) == len(planned) else EXIT_FAILED
    if not yes and not _agreed(len(ready)):
        click.echo("nothing was put back", err=True)
        return EXIT_FAILED
    chosen = [result.kept for result in planned]
    results = _undo(rules_file, words, chosen, as_json=as_json)
    if as_json:
        click.echo(undo_json(results))
    return EXIT_FAILED if any(result.refusal for result in results) else EXIT_DONE


def _agreed(count: int) -> bool:
    """Raises UsageError where nobody can be asked."""
    if not sys.stdin.isatty():
        raise UsageError(
            "nothing was put back: that needs a confirmation, and there is no terminal to ask",
            hint="give --yes",
        )
    files = plural(count, "this file", f"these {count} files")
    return click.confirm(f"Put {files} back?", err=True)


def _undo(
    rules_file: Path, words: Sequence[str], chosen: Sequence[TrashEntry], *, as_json: bool
) -> list[Undone]:
    results: list[Undone] = []
    wanted = {(kept.id, kept.kind) for kept in chosen}
    with (
        open_workspace(rules_file, write=False) as workspace,
        stop_on_signals(workspace.children),
        event_sink(children=workspace.children) as sink,
        recorded_session(workspace, sink, RunKind.UNDO) as session,
    ):
        # Found again: a run or another undo may have ended since the question.
        entries = [
            kept for kept in find_moved_entries(session, words) if (kept.id, kept.kind) in wanted
        ]
        for result in undo(session, entries):
            results.append(result)
            if not as_json:
                click.echo(undone_line(result))
        is_refused = any(result.refusal for result in results)
        session.recorder.exit_code = EXIT_FAILED if is_refused else EXIT_DONE
    return results


def _words(workspace: Workspace, what: Sequence[str]) -> tuple[str, ...]:
    """Runs as they are, unless a file of just that name is here, and the places of films that are
    named in any way. Raises UsageError."""
    runs = tuple(word for word in what if _is_run(word))
    names = wanted_names(tuple(word for word in what if not _is_run(word)))
    entries, roots = workspace.ledger.kept.entries(), workspace.ruleset.library.root_paths
    return (*runs, *places_in_trash(entries, names, roots=roots))


def _is_run(word: str) -> bool:
    return (word == LAST or word.removeprefix("r").isdecimal()) and not os.path.lexists(word)
