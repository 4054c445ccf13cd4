"""`av1rules clips`: lists, shows, plays and compares test clips, and records decisions."""

from __future__ import annotations

import importlib
import os
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from av1rules.approvals.adjust import requested_changes
from av1rules.approvals.model import Answer
from av1rules.base.errors import UsageError
from av1rules.base.process import run
from av1rules.base.signals import stop_on_signals
from av1rules.base.text import printable
from av1rules.cli.exit_codes import EXIT_DONE
from av1rules.cli.options import rules_option
from av1rules.ledger.clips import ClipStatus
from av1rules.operations.clips.review import ClipView, decide_clip, find_clip, list_clips
from av1rules.plan.workspace import Workspace, open_workspace
from av1rules.policy.schema import crf_bounds
from av1rules.policy.settings import show_value
from av1rules.report.clip_page.gather import write_comparison
from av1rules.report.clips import clip_json, clip_text, clips_json, clips_text

_TRY = "try"

PLAYER_VARIABLE = "AV1RULES_PLAYER"
_PLAYERS = ("mpv", "vlc", "xdg-open", "open")
_HINT = f"set {PLAYER_VARIABLE}, such as {PLAYER_VARIABLE}='mpv --fs'"


class _Group(click.Group):
    """Loads `clips try` only when it is called, because it imports everything that a run needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), _TRY])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name != _TRY:
            return super().get_command(ctx, cmd_name)
        found: click.Command = importlib.import_module("av1rules.cli.clips_try").command
        return found


@click.group("clips", cls=_Group)
def command() -> None:
    """Test clips of films that are reviewed before they are encoded (review in the rules).

    NAME is a film by its library path, as plans show it, or by its path on disk.
    """


name_argument = click.argument("name", type=click.Path())
variant_option = click.option(
    "--variant",
    type=click.IntRange(1),
    metavar="N",
    help="The variant with this number (see show).",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")


@contextmanager
def _workspace(rules_file: Path) -> Iterator[Workspace]:
    with (
        open_workspace(rules_file, write=False) as workspace,
        stop_on_signals(workspace.children),
    ):
        yield workspace


@command.command("list")
@rules_option
@json_option
def list_command(rules_file: Path, as_json: bool) -> None:  # noqa: FBT001 - click passes flags so
    """List clips: waiting, void, due, rejected, approved; with the projected size of the film."""
    with _workspace(rules_file) as workspace:
        views = list_clips(workspace)
    click.echo(clips_json(views) if as_json else clips_text(views))


@command.command("show")
@rules_option
@name_argument
@variant_option
@json_option
def show_command(rules_file: Path, name: str, variant: int | None, as_json: bool) -> None:  # noqa: FBT001
    """Show one clip: excerpts with reasons, settings, sizes, scores, command, variants."""
    with _workspace(rules_file) as workspace:
        view = find_clip(workspace, name, variant=variant)
    click.echo(clip_json(view) if as_json else clip_text(view))


@command.command("open")
@rules_option
@name_argument
@variant_option
def open_command(rules_file: Path, name: str, variant: int | None) -> None:
    """Play the clip with $AV1RULES_PLAYER, mpv, vlc, or the desktop's own player."""
    with _workspace(rules_file) as workspace:
        path = find_clip(workspace, name, variant=variant).made.path
    play(path)


@command.command("compare")
@rules_option
@name_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The page to write. Default: beside the clip, in the state folder.",
)
def compare_command(rules_file: Path, name: str, output: Path | None) -> None:
    """Write an HTML page with source and encode under a slider, the clip, its scores, and its
    variants (clips try).

    The page needs no network. Prints its path.
    """
    with _workspace(rules_file) as workspace:
        written = write_comparison(workspace, find_clip(workspace, name), output=output)
    click.echo(printable(str(written)))


@command.command("approve")
@rules_option
@click.argument("names", nargs=-1, required=True, type=click.Path(), metavar="NAME...")
def approve_command(rules_file: Path, names: tuple[str, ...]) -> int:
    """Approve clips: the next run encodes each film with the settings of its clip."""
    with _workspace(rules_file) as workspace:
        views = [find_clip(workspace, name) for name in names]
        for view in views:
            view.require_current()
        for view in views:
            decide_clip(workspace, view, Answer.APPROVED)
            click.echo(f"approved: {printable(view.source)} ({_settings(view)})")
    return EXIT_DONE


def _settings(view: ClipView) -> str:
    settings = view.made.facts.settings
    grain = f", film_grain {settings.film_grain}" if settings.film_grain else ""
    return f"crf {show_value(settings.crf)}, preset {settings.preset}{grain}"


@command.command("adjust")
@rules_option
@name_argument
@click.option(
    "--crf", type=click.FloatRange(*crf_bounds()), help="The new CRF; the default is 2 less."
)
@click.option("--slower", is_flag=True, help="Use the next slower preset.")
@click.option("--set", "words", multiple=True, metavar="KEY=VALUE", help="Any other setting.")
@click.option("--reason", help="The reason, for approvals.yaml.")
def adjust_command(
    rules_file: Path,
    name: str,
    crf: float | None,
    slower: bool,  # noqa: FBT001
    words: tuple[str, ...],
    reason: str | None,
) -> int:
    """Change settings for this film only. The next run makes a new clip."""
    with _workspace(rules_file) as workspace:
        view = find_clip(workspace, name)
        settings = view.require_current().facts.settings
        changes = requested_changes(settings, crf=crf, is_slower=slower, words=words)
        decide_clip(workspace, view, Answer.ADJUSTED, reason=reason, changes=changes)
    text = ", ".join(
        f"{key} {show_value(getattr(settings, key))} -> {show_value(value)}"
        for key, value in changes.items()
    )
    click.echo(f"adjusted: {printable(view.source)}: {text}; a run makes a new clip")
    return EXIT_DONE


@command.command("reject")
@rules_option
@name_argument
@click.option("--reason", required=True, help="The reason, in a sentence.")
def reject_command(rules_file: Path, name: str, reason: str) -> int:
    """Reject a clip: the film is not encoded until its settings change."""
    with _workspace(rules_file) as workspace:
        view = find_clip(workspace, name)
        decide_clip(workspace, view, Answer.REJECTED, reason=reason)
    was = " (it was approved)" if view.status is ClipStatus.APPROVED else ""
    click.echo(f"rejected: {printable(view.source)}{was}")
    return EXIT_DONE


def play(path: str) -> None:
    """Play a file and wait until the player ends. Raises UsageError if there is no player."""
    argv = [*_player(), path]
    try:
        done = run(argv)
    except OSError as problem:
        raise UsageError(
            f"the player can't be started: {problem.strerror}", where=printable(argv[0]), hint=_HINT
        ) from problem
    if not done.ok:
        output = f": {printable(done.stderr[-1])}" if done.stderr else ""
        raise UsageError(
            f"{printable(argv[0])} could not play the clip ({done.describe_exit()}){output}",
            where=printable(path),
            hint=_HINT,
        )


def _player() -> list[str]:
    try:
        wanted = shlex.split(os.environ.get(PLAYER_VARIABLE, ""))
    except ValueError as problem:
        raise UsageError(f"{PLAYER_VARIABLE} can't be read: {problem}", hint=_HINT) from problem
    if wanted:
        return wanted
    found = next((player for player in _PLAYERS if shutil.which(player)), None)
    if found is None:
        raise UsageError(f"no player found (tried {', '.join(_PLAYERS)})", hint=_HINT)
    return [found]
