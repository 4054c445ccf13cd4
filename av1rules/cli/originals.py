"""`av1rules originals`: lists and purges the trash."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import click

from av1rules.base.errors import UsageError
from av1rules.base.text import plural
from av1rules.base.units import UnitError, format_size, parse_duration
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED
from av1rules.cli.options import rules_option
from av1rules.execute.resources.run_lock import run_lock
from av1rules.execute.trash import TrashItem, TrashSelection, list_trash, purge, purged_line
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.trash_table import TrashKind
from av1rules.policy.load import load_rules
from av1rules.policy.model import RuleSet
from av1rules.report.trash import originals_json, originals_text

NONE_CHOSEN = "no file in the trash matches"


@click.group("originals")
def command() -> None:
    """The trash: replaced originals, undone results, and targets without a source."""


@command.command("list")
@rules_option
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def list_command(rules_file: Path, as_json: bool) -> None:  # noqa: FBT001 - click passes flags so
    """List the trash: since when, until when, the former place, the place in the trash."""
    items = _read(load_rules(rules_file))
    click.echo(originals_json(items) if as_json else originals_text(items))


def _read(ruleset: RuleSet) -> tuple[TrashItem, ...]:
    with closing(Ledger.read(ruleset.run.state_dir)) as ledger:
        return list_trash(ledger, ruleset)


def _seconds(_ctx: click.Context, _param: click.Parameter, text: str | None) -> float | None:
    try:
        return None if text is None else parse_duration(text)
    except UnitError as problem:
        raise click.BadParameter(str(problem)) from problem


@command.command("purge")
@rules_option
@click.argument("what", nargs=-1, metavar="[RUN|PATH]...")
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
@click.option("--yes", is_flag=True, help="Don't ask.")
def purge_command(
    rules_file: Path,
    what: tuple[str, ...],
    older_than: float | None,
    kind: str | None,
    every_one: bool,  # noqa: FBT001
    unverified: bool,  # noqa: FBT001
    yes: bool,  # noqa: FBT001
) -> int:
    """Delete files in the trash for good: those of a RUN by its number, of a file or folder by its
    PATH (write a path of digits as ./7), or those that the options select.

    An original is deleted only if its target is in place with all bytes as written, an undone
    result only if its original is. Refused files stay and are listed with the reason.
    """
    choice = _choice(what, older_than, kind)
    if choice == TrashSelection() and not every_one:
        raise UsageError(
            "no files chosen",
            hint="name runs or paths, or give --older-than, --kind or --all; "
            "`av1rules originals list` shows the trash",
        )
    ruleset = load_rules(rules_file)
    now = datetime.now(UTC)
    chosen = _without_orphans(
        [item for item in _read(ruleset) if choice.holds(item.kept, now)], choice
    )
    if not chosen:
        click.echo(NONE_CHOSEN)
        return EXIT_DONE
    _ask(chosen, yes=yes)
    return _purge(ruleset, chosen, is_verified=not unverified)


def _without_orphans(items: list[TrashItem], choice: TrashSelection) -> list[TrashItem]:
    """Orphans may be the last copy of a film: they are deleted only with --kind orphan."""
    if choice.kind is not None:
        return items
    others = [item for item in items if item.kept.kind is not TrashKind.ORPHAN]
    if len(others) < len(items):
        click.echo(f"orphans stay (only --kind orphan deletes them): {len(items) - len(others)}")
    return others


def _choice(what: tuple[str, ...], older_than_s: float | None, kind: str | None) -> TrashSelection:
    paths = [name for name in what if not name.isdecimal()]
    return TrashSelection(
        runs=frozenset(int(name) for name in what if name.isdecimal()),
        # As given and with links resolved: the ledger may have either path.
        paths=tuple(
            dict.fromkeys(
                way(path) for path in paths for way in (os.path.abspath, os.path.realpath)
            )
        ),
        kind=None if kind is None else TrashKind(kind),
        older_than_s=older_than_s,
    )


def _ask(chosen: list[TrashItem], *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            "deleting these files for good needs a confirmation, and there is no terminal to ask",
            hint="give --yes",
        )
    click.echo(originals_text(chosen))
    size = format_size(sum(item.frees_bytes for item in chosen))
    count = plural(len(chosen), "this file", f"these {len(chosen)} files")
    click.confirm(f"Delete {count} for good ({size})?", abort=True)


def _purge(ruleset: RuleSet, chosen: list[TrashItem], *, is_verified: bool) -> int:
    wanted = {(item.kept.id, item.kept.kind, item.kept.path) for item in chosen}
    freed = refused = 0
    state_dir = ruleset.run.state_dir
    with run_lock(state_dir), closing(Ledger.open(state_dir)) as ledger:
        # Read again: a run or an undo may have ended since the question.
        entries = [
            kept
            for kept in ledger.kept.entries()
            if (kept.id, kept.kind, kept.path) in wanted and kept.gone_at is None
        ]
        for purged in purge(ledger, ruleset, entries, is_verified=is_verified, with_orphans=True):
            click.echo(purged_line(purged))
            freed += purged.freed_bytes
            refused += purged.refusal is not None
    click.echo(f"{format_size(freed)} freed{f', {refused} refused' if refused else ''}")
    return EXIT_FAILED if refused else EXIT_DONE
