"""`av1rules originals`: lists and purges the trash, and takes files out of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import click

from av1rules.base.errors import UsageError
from av1rules.base.units import UnitError, format_size, parse_duration
from av1rules.cli.backend import command_line
from av1rules.cli.complete.values import complete_runs_and_films
from av1rules.cli.conventions.examples import examples
from av1rules.cli.conventions.groups import CommandGroup
from av1rules.cli.conventions.names import wanted_names
from av1rules.cli.conventions.options import conventions
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED
from av1rules.cli.options import Screen, dry_run_option, json_option, rules_option, screen_options
from av1rules.execute.recorder import RunCounters, RunRecorder
from av1rules.execute.resources.run_lock import run_lock
from av1rules.execute.trash import (
    Purged,
    TrashItem,
    TrashSelection,
    list_trash,
    purge,
    purged_line,
    record_purge,
)
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.runs import RunKind
from av1rules.ledger.trash_table import TrashEntry, TrashKind
from av1rules.operations.restore import Restored, restore
from av1rules.operations.trash_names import places_in_trash
from av1rules.policy.load import load_rules
from av1rules.policy.model import RuleSet
from av1rules.report.trash import (
    foreseen_lines,
    originals_json,
    originals_lines,
    purge_json,
    restore_json,
    to_go_text,
)
from av1rules.report.view import fit
from av1rules.ui.terminal import view_of

NONE_CHOSEN = "no file in the trash matches"


@click.group(
    "originals",
    cls=CommandGroup,
    epilog=examples(
        ("av1rules originals list", "what is in the trash"),
        ("av1rules originals purge --older-than 30d", "free space, after a question"),
        ("av1rules originals restore 1 --to restored", "take files out of it"),
    ),
)
def command() -> None:
    """The trash: replaced originals, undone results, and targets without a source."""


@command.command(
    "list",
    epilog=examples(
        ("av1rules originals list", "what is in the trash, and its size"),
    ),
)
@rules_option
@json_option("Print the list as JSON.")
@screen_options
def list_command(rules_file: Path, as_json: bool, screen: Screen) -> None:  # noqa: FBT001
    """List the trash: since when, until when, the former place, the place in the trash."""
    ruleset = load_rules(rules_file)
    with closing(Ledger.read(ruleset.run.state_dir)) as ledger:
        items = list_trash(ledger, ruleset)
        if not as_json:
            screen.show(originals_lines(items, screen.view))
            return
        for part in originals_json(items):
            click.echo(part, nl=False)
    click.echo()


def _seconds(_ctx: click.Context, _param: click.Parameter, text: str | None) -> float | None:
    try:
        return None if text is None else parse_duration(text)
    except UnitError as problem:
        raise click.BadParameter(str(problem)) from problem


@command.command(
    "purge",
    epilog=examples(
        ("av1rules originals purge --older-than 30d", "what has been there for a month"),
        ("av1rules originals purge 12", "what run 12 put there"),
        ("av1rules originals purge --all --yes", "all originals, without a question"),
    ),
)
@rules_option
@click.argument("what", nargs=-1, metavar="[RUN|NAME]...", shell_complete=complete_runs_and_films)
@click.option(
    "--older-than",
    callback=_seconds,
    metavar="TIME",
    help="Only files in the trash for longer than this: 30d, 12h.",
)
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in TrashKind]),
    help="Only these; orphans go only if they are named here.",
)
@click.option("--all", "every_one", is_flag=True, help="All originals and undone results.")
@click.option(
    "--unverified", is_flag=True, help="Compare sizes only, don't read the other file of each pair."
)
@click.option(
    "--last-copy",
    is_flag=True,
    help="Give up files too whose other file of the pair is not there: nothing is left of them.",
)
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@dry_run_option("Delete nothing; list what would be deleted.")
@json_option("Print the outcome as JSON.")
def purge_command(
    rules_file: Path,
    what: tuple[str, ...],
    older_than: float | None,
    kind: str | None,
    every_one: bool,  # noqa: FBT001
    unverified: bool,  # noqa: FBT001
    last_copy: bool,  # noqa: FBT001
    yes: bool,  # noqa: FBT001
    dry_run: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> int:
    """Delete files in the trash for good: those of a RUN by its number, of films NAMEd (write
    a name of digits as ./7), or those that the options select.

    An original is deleted only if its target is in place with all bytes as written, an undone
    result only if its original is; a user may have renamed either. Refused files stay and are
    listed with the reason and the way out.
    """
    if not what and older_than is None and kind is None and not every_one:
        raise UsageError(
            "no files chosen",
            hint="name runs or films, or give --older-than, --kind or --all; "
            "`av1rules originals list` shows the trash",
        )
    ruleset = load_rules(rules_file)
    now = datetime.now(UTC)
    with closing(Ledger.read(ruleset.run.state_dir)) as ledger:
        choice = _choice(ledger, ruleset, what, older_than_s=older_than, kind=kind)
        items = [item for item in list_trash(ledger, ruleset) if choice.holds(item.kept, now)]
    chosen = _without_orphans(items, choice)
    left = len(items) - len(chosen)
    if left and not as_json:
        click.echo(f"orphans stay (only --kind orphan deletes them): {left}")
    if not chosen:
        none = purge_json((), orphans_left=left, is_dry=dry_run)
        click.echo(none if as_json else NONE_CHOSEN)
        return EXIT_DONE
    if dry_run:
        results = _foreseen(ruleset, chosen, with_last_copies=last_copy)
        if as_json:
            click.echo(purge_json(results, orphans_left=left, is_dry=True))
        else:
            _show_foreseen(chosen, results)
            click.echo(f"would delete {to_go_text(results)} for good")
        return EXIT_DONE
    if not yes:
        _ask(chosen, _foreseen(ruleset, chosen, with_last_copies=last_copy), on_stderr=as_json)
    purged = _purge(ruleset, chosen, is_verified=not unverified, with_last_copies=last_copy)
    if as_json:
        results = tuple(purged)
        click.echo(purge_json(results, orphans_left=left, is_dry=False))
    else:
        results = tuple(map(_shown, purged))
        click.echo(_summary(results))
    return EXIT_FAILED if any(one.refusal is not None for one in results) else EXIT_DONE


def _without_orphans(items: list[TrashItem], choice: TrashSelection) -> list[TrashItem]:
    """Orphans may be the last copy of a film: they are deleted only with --kind orphan."""
    if choice.kind is not None:
        return items
    return [item for item in items if item.kept.kind is not TrashKind.ORPHAN]


def _shown(purged: Purged) -> Purged:
    click.echo(purged_line(purged))
    return purged


def _summary(results: Sequence[Purged]) -> str:
    freed = format_size(sum(one.freed_bytes for one in results))
    refused = sum(one.refusal is not None for one in results)
    return f"{freed} freed{f', {refused} refused' if refused else ''}"


def _choice(
    ledger: Ledger,
    ruleset: RuleSet,
    what: tuple[str, ...],
    *,
    older_than_s: float | None = None,
    kind: str | None = None,
) -> TrashSelection:
    """What the words and options of a command select. Raises UsageError for a name of nothing, so
    that no name selects all."""
    names = wanted_names(tuple(word for word in what if not word.isdecimal()))
    entries, roots = ledger.kept.listed(), ruleset.library.root_paths
    return TrashSelection(
        runs=frozenset(int(word) for word in what if word.isdecimal()),
        paths=places_in_trash(entries, names, roots=roots),
        kind=None if kind is None else TrashKind(kind),
        older_than_s=older_than_s,
    )


def _foreseen(
    ruleset: RuleSet, chosen: list[TrashItem], *, with_last_copies: bool
) -> tuple[Purged, ...]:
    """What would become of each file, as far as sizes tell: the purge itself compares contents."""
    with closing(Ledger.read(ruleset.run.state_dir)) as ledger:
        return tuple(
            purge(
                ledger,
                ruleset,
                [item.kept for item in chosen],
                is_verified=False,
                with_orphans=True,
                with_last_copies=with_last_copies,
                is_dry=True,
            )
        )


def _show_foreseen(
    chosen: list[TrashItem], results: Sequence[Purged], *, on_stderr: bool = False
) -> None:
    stream = sys.stderr if on_stderr else sys.stdout
    view = view_of(stream, colours=conventions().color)
    for line in chain(originals_lines(chosen, view), fit(foreseen_lines(results), view)):
        click.echo(line, err=on_stderr)


def _ask(chosen: list[TrashItem], results: Sequence[Purged], *, on_stderr: bool) -> None:
    if not sys.stdin.isatty():
        raise UsageError(
            "deleting these files for good needs a confirmation, and there is no terminal to ask",
            hint="give --yes",
        )
    _show_foreseen(chosen, results, on_stderr=on_stderr)
    click.confirm(f"Delete {to_go_text(results)} for good?", abort=True, err=on_stderr)


def _purge(
    ruleset: RuleSet, chosen: list[TrashItem], *, is_verified: bool, with_last_copies: bool
) -> Iterator[Purged]:
    counters, is_refused = RunCounters(), False
    with _locked(ruleset) as ledger:
        recorder = RunRecorder(ledger, RunKind.PURGE, command_line())
        for purged in purge(
            ledger,
            ruleset,
            _entries(ledger, chosen),
            is_verified=is_verified,
            with_orphans=True,
            with_last_copies=with_last_copies,
        ):
            record_purge(purged, recorder, counters)
            is_refused = is_refused or purged.refusal is not None
            yield purged
        recorder.exit_code = EXIT_FAILED if is_refused else EXIT_DONE
        recorder.end(counters)


@contextmanager
def _locked(ruleset: RuleSet) -> Iterator[Ledger]:
    state_dir = ruleset.run.state_dir
    with run_lock(state_dir), closing(Ledger.open(state_dir)) as ledger:
        yield ledger


def _entries(ledger: Ledger, chosen: list[TrashItem]) -> list[TrashEntry]:
    """Read again: a run or an undo may have ended since the question."""
    wanted = {(item.kept.id, item.kept.kind, item.kept.path) for item in chosen}
    return [
        kept
        for kept in ledger.kept.entries()
        if (kept.id, kept.kind, kept.path) in wanted and kept.gone_at is None
    ]


@command.command(
    "restore",
    epilog=examples(
        ("av1rules originals restore 1 --to restored", "what run 1 put there"),
    ),
)
@rules_option
@click.argument(
    "what", nargs=-1, required=True, metavar="RUN|NAME...", shell_complete=complete_runs_and_films
)
@click.option(
    "--to",
    "folder",
    required=True,
    type=click.Path(file_okay=False),
    metavar="FOLDER",
    help="The folder for the files; it is made if it is missing.",
)
@dry_run_option("Only show what would be taken out.")
@json_option("Print the outcome as JSON.")
def restore_command(
    rules_file: Path,
    what: tuple[str, ...],
    folder: str,
    dry_run: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> int:
    """Take files out of the trash into a FOLDER, under their former names: those of a RUN by its
    number, or of films NAMEd (by their places in the trash, too).

    For an original whose film was replaced by another since; `undo` puts the others back in their
    places. av1rules forgets what is taken out. Nothing is overwritten.
    """
    ruleset = load_rules(rules_file)
    now = datetime.now(UTC)
    with closing(Ledger.read(ruleset.run.state_dir)) as ledger:
        choice = _choice(ledger, ruleset, what)
        chosen = [item for item in list_trash(ledger, ruleset) if choice.holds(item.kept, now)]
    if not chosen:
        raise UsageError(NONE_CHOSEN, hint="`av1rules originals list` shows the trash")
    results: list[Restored] = []
    with _locked(ruleset) as ledger:
        entries = _entries(ledger, chosen)
        for result in restore(ledger, entries, os.path.abspath(folder), is_dry=dry_run):
            results.append(result)
            if not as_json:
                click.echo(result.text)
    if as_json:
        click.echo(restore_json(results))
    return EXIT_FAILED if any(one.refusal is not None for one in results) else EXIT_DONE
