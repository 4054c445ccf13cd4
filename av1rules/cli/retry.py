"""`av1rules retry`: retries files that failed too often."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click

from av1rules.base.errors import UsageError
from av1rules.base.text import plural, printable
from av1rules.cli.options import paths_argument, rules_option
from av1rules.execute.resources.run_lock import run_lock
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import Attempt, AttemptResult
from av1rules.policy.load import load_rules
from av1rules.policy.model import Root, RuleSet

NOTHING = "no failures to forget: the next run tries everything"


@click.command("retry")
@rules_option
@paths_argument
def command(rules_file: Path, paths: tuple[str, ...]) -> None:
    """Forget the failures of all sources, or of PATHS (files or folders, existing or not): the
    next run tries them again.

    This doesn't affect sources whose targets came out too large or were undone by a user: use
    `av1rules run --force PATH` for those.
    """
    ruleset = load_rules(rules_file)
    wanted = [_library_paths(path, ruleset) for path in paths]
    with closing(Ledger.read(ruleset.run.state_dir)) as ledger:
        if not _matching(ledger, wanted):
            click.echo(NOTHING)
            return
    state_dir = ruleset.run.state_dir
    with run_lock(state_dir), closing(Ledger.open(state_dir)) as ledger:
        freed = _matching(ledger, wanted)
        ledger.free_failures(tuple(dict.fromkeys(attempt.source for attempt in freed)))
    for attempt in freed:
        times = plural(attempt.count, "once", f"{attempt.count} times")
        click.echo(
            f"freed {printable(attempt.source)}, failed {times}: {printable(attempt.detail)}"
        )
    click.echo(f"{len(freed)} freed: the next run tries again")


def _matching(ledger: Ledger, wanted: list[tuple[str, ...]]) -> tuple[Attempt, ...]:
    """Failures of the wanted files and folders, by library path; all failures if none is named."""
    names = [name for ways in wanted for name in ways]
    return tuple(
        attempt
        for attempt in ledger.attempts(AttemptResult.FAILED)
        if not wanted
        or any(attempt.source == name or attempt.source.startswith(f"{name}/") for name in names)
    )


def _library_paths(path: str, ruleset: RuleSet) -> tuple[str, ...]:
    """The library paths of a path on disk, which need not exist. Raises UsageError if it is
    neither below a root nor above one."""
    found = tuple(
        dict.fromkeys(
            name
            for root in ruleset.library.roots
            for way in (os.path.abspath(path), os.path.realpath(path))
            for name in _below(way, root)
        )
    )
    if not found:
        raise UsageError(
            "the path is not below any root of the library",
            where=printable(path),
            hint="name sources by their place on disk, relative to the current folder",
        )
    return found


def _below(path: str, root: Root) -> Iterator[str]:
    for top in {str(root.path), os.path.realpath(root.path)}:
        if path == top or top.startswith(f"{path.rstrip('/')}/"):
            yield root.name
        elif path.startswith(f"{top.rstrip('/')}/"):
            yield f"{root.name}/{path[len(top.rstrip('/')) + 1 :]}"
