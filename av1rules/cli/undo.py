"""`av1rules undo`: put back what was replaced or moved to the trash."""

from __future__ import annotations

import os
from pathlib import Path

import click

from av1rules.base.errors import UsageError
from av1rules.base.signals import stop_on_signals
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED
from av1rules.cli.options import rules_option
from av1rules.cli.progress import event_sink
from av1rules.execute.startup import start_session
from av1rules.operations.undo import Undone, find_entries, undo
from av1rules.plan.workspace import open_workspace
from av1rules.report.trash import undo_json


@click.command("undo")
@rules_option
@click.argument("what", nargs=-1, metavar="RUN|FILE...")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def command(rules_file: Path, what: tuple[str, ...], as_json: bool) -> int:  # noqa: FBT001
    """Put the originals of a RUN (its number, or "last") or of single FILEs back in their places.

    Each is first read whole and compared with its digest. The file in its place goes to the trash,
    so an undo can be undone. Later runs leave what was undone alone until its source or settings
    change.
    """
    if not what:
        raise UsageError(
            "undo needs a run or a file",
            hint="`av1rules status` shows the last runs, `av1rules originals list` shows the trash",
        )
    words = [_word(word) for word in what]
    results: list[Undone] = []
    with (
        open_workspace(rules_file, write=False) as workspace,
        stop_on_signals(workspace.children),
        event_sink(as_json=as_json) as sink,
        start_session(workspace, sink) as session,
    ):
        for result in undo(session, find_entries(session.workspace.ledger, words)):
            results.append(result)
            if not as_json:
                click.echo(result.text)
    if as_json:
        click.echo(undo_json(results))
    return EXIT_FAILED if any(result.refusal for result in results) else EXIT_DONE


def _word(word: str) -> str:
    """A run stays as it is, unless a file of just that name is here; a file becomes a path."""
    is_run = word == "last" or word.removeprefix("r").isdecimal()
    if is_run and not os.path.lexists(word):
        return word
    if os.path.isdir(word):
        return os.path.realpath(word)
    folder, name = os.path.split(os.path.abspath(word))
    return os.path.join(os.path.realpath(folder), name)
