"""`av1rules verify`: do the targets of the ledger still exist, and are they as written?"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from av1rules.base.errors import UsageError
from av1rules.base.signals import stop_on_signals
from av1rules.base.text import printable
from av1rules.base.units import UnitError, parse_duration
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED
from av1rules.cli.options import paths_argument, rules_option
from av1rules.cli.progress import event_sink
from av1rules.ledger.checks import CheckMethod
from av1rules.ledger.records import TargetRow
from av1rules.operations.verify_targets import (
    TargetHealth,
    VerifyOptions,
    check_targets,
    due_rows,
    selected_rows,
)
from av1rules.plan.workspace import Workspace, open_workspace
from av1rules.report.checks import targets_json, targets_text


@click.command("verify")
@rules_option
@paths_argument
@click.option("--digest", is_flag=True, help="Read every byte: finds bit rot.")
@click.option("--decode", is_flag=True, help="Decode every target to its end.")
@click.option(
    "--older-than",
    metavar="TIME",
    help="Skip targets that passed a check within this time, such as 30d.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    rules_file: Path,
    paths: tuple[str, ...],
    digest: bool,  # noqa: FBT001 - click passes flags so
    decode: bool,  # noqa: FBT001
    older_than: str | None,
    as_json: bool,  # noqa: FBT001
) -> int:
    """Check the targets of the library again, or those at or below PATHS (targets or sources): by
    size and time, and by content where a time differs.

    Can be interrupted with Ctrl-C: with --older-than the next one continues. A run may be active.
    """
    ways = {CheckMethod.DIGEST: digest, CheckMethod.DECODE: decode}
    request = VerifyOptions(
        paths=tuple(name for path in paths for name in _names(path)),
        ways=frozenset(way for way, is_wanted in ways.items() if is_wanted),
        older_than_s=None if older_than is None else _seconds(older_than),
    )
    with (
        open_workspace(rules_file, write=True) as workspace,
        stop_on_signals(workspace.children),
        event_sink() as sink,
    ):
        rows = selected_rows(workspace.ledger.rows(), request)
        _require_some(rows, paths, workspace)
        due = due_rows(rows, workspace.ledger.checks.all(), request, now=datetime.now(UTC))
        skipped = len(rows) - len(due)
        checks = tuple(check_targets(due, workspace, request, known=skipped, sink=sink))
    show = targets_json if as_json else targets_text
    click.echo(show(checks, skipped=skipped))
    is_well = all(check.health is TargetHealth.WELL for check in checks)
    return EXIT_DONE if is_well else EXIT_FAILED


def _names(path: str) -> tuple[str, ...]:
    """The names that a path may have in the ledger. It need not exist, since a missing target is a
    finding; folders on the way may be links."""
    whole = os.path.abspath(path)
    folder, name = os.path.split(whole)
    real = os.path.realpath(folder)
    return tuple(dict.fromkeys((whole, os.path.join(real, name), os.path.realpath(whole))))


def _require_some(
    rows: tuple[TargetRow, ...], paths: tuple[str, ...], workspace: Workspace
) -> None:
    if paths and not rows:
        raise UsageError(
            "the ledger has no target of this name, and none that was made from it",
            where=", ".join(map(printable, paths)),
            hint=f"its targets are listed by `av1rules plan --all`; it is in {workspace.state_dir}",
        )


def _seconds(text: str) -> float:
    try:
        return parse_duration(text)
    except UnitError as problem:
        raise UsageError(str(problem), where="--older-than", hint=problem.hint) from problem
