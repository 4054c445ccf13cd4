"""`av1rules top`: the terminal monitor."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from av1rules.base.errors import ToolError, UsageError
from av1rules.cli.conventions.examples import examples
from av1rules.cli.options import json_option, rules_option
from av1rules.policy.load import load_rules
from av1rules.report.json import json_document
from av1rules.ui.terminal import can_redraw

if TYPE_CHECKING:
    from av1rules.ui.monitor.source import MonitorSource

NO_SCREEN = "no terminal that can be drawn on, so this is `av1rules status`:"


@click.command(
    "top",
    epilog=examples(
        ("av1rules top", "watch the run at work, and act on it"),
        ("av1rules top --replay run.ndjson --speed 60", "a recorded run, a minute a second"),
        ("av1rules top --json", "the state of this moment, for programs"),
    ),
)
@rules_option
@click.option(
    "--replay",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Show the events that `run --json` wrote, or an event log, in place of the library.",
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0.01, max=100_000),
    default=1.0,
    show_default=True,
    help="Play them so many times as fast as they happened.",
)
@json_option("Print the state of this moment as JSON, and end.")
@click.pass_context
def command(
    context: click.Context,
    rules_file: Path,
    replay: Path | None,
    speed: float,
    as_json: bool,  # noqa: FBT001 - click passes flags so
) -> None:
    """Watch the library and the run at work: jobs with their progress, the queue, clips to review,
    what was saved; pause, reorder, skip, retry, approve and undo by a key. `?` shows the keys.

    It reads the ledger and the event log in the state folder, so it works over ssh, beside a run
    and without one. A run goes on when you leave.
    """
    if as_json:
        click.echo(_state_json(rules_file, replay))
    elif not (can_redraw(sys.stdout) and sys.stderr.isatty() and sys.stdin.isatty()):
        if replay is not None:
            raise UsageError("a replay needs a terminal that can be drawn on", hint="or --json")
        click.echo(NO_SCREEN, err=True)
        # Only here: the monitor needs none of it.
        from av1rules.cli.status import command as status_command  # noqa: PLC0415

        context.invoke(status_command, rules_file=rules_file, as_json=False)
    else:
        require_textual()
        _show(rules_file, replay, speed)


def require_textual() -> None:
    """Raises ToolError where the extra is not installed."""
    if importlib.util.find_spec("textual") is None:
        raise ToolError("the monitor needs Textual", hint="pip install 'av1rules[top]'")


def _source(rules_file: Path, replay: Path | None, speed: float) -> MonitorSource:
    # Each only where it is needed.
    if replay is not None:
        from av1rules.ui.monitor.replay import ReplaySource, read_event_file  # noqa: PLC0415

        return ReplaySource(read_event_file(replay), speed=speed)
    from av1rules.ui.monitor.source import LibrarySource  # noqa: PLC0415

    return LibrarySource(load_rules(rules_file))


def _state_json(rules_file: Path, replay: Path | None) -> str:
    source = _source(rules_file, replay, float("inf"))
    try:
        return json_document(source.live())
    finally:
        source.close()


def _show(rules_file: Path, replay: Path | None, speed: float) -> None:
    from av1rules.ui.monitor.app import MonitorApp  # noqa: PLC0415 - 0.4 s that only it pays

    source = _source(rules_file, replay, speed)
    try:
        MonitorApp(source).run()
    finally:
        source.close()
