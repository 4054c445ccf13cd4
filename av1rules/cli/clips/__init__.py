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
from av1rules.cli.complete.values import complete_films
from av1rules.cli.conventions.examples import examples
from av1rules.cli.conventions.groups import CommandGroup
from av1rules.cli.conventions.names import name_argument, one_wanted_name, wanted_names
from av1rules.cli.conventions.options import conventions
from av1rules.cli.exit_codes import EXIT_DONE
from av1rules.cli.options import Screen, dry_run_option, json_option, rules_option, screen_options
from av1rules.ledger.clips import ClipStatus
from av1rules.operations.clips.review import (
    ClipView,
    decide_clip,
    find_clip,
    find_clips,
    list_clips,
)
from av1rules.plan.workspace import Workspace, open_workspace
from av1rules.policy.schema import crf_bounds
from av1rules.policy.settings import show_value
from av1rules.report.clip_page.gather import write_comparison
from av1rules.report.clips import (
    clip_json,
    clip_text,
    clips_json,
    clips_text,
    decided_clip,
    decisions_json,
)
from av1rules.report.documents.clips import ClipPlayedDocument, ComparisonDocument
from av1rules.report.json import json_document

_TRY = "try"

PLAYER_VARIABLE = "AV1RULES_PLAYER"
_PLAYERS = ("mpv", "vlc", "xdg-open", "open")
_HINT = f"set {PLAYER_VARIABLE}, such as {PLAYER_VARIABLE}='mpv --fs'"


class _Group(CommandGroup):
    """Loads `clips try` only when it is called, because it imports everything that a run needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), _TRY])

    def load_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name != _TRY:
            return super().load_command(ctx, name)
        found: click.Command = importlib.import_module("av1rules.cli.clips.variants").command
        return found


@click.group(
    "clips",
    cls=_Group,
    epilog=examples(
        ("av1rules clips list", "what waits for a decision"),
        ("av1rules clips compare movies/Film.mkv", "clip and source side by side, as a page"),
        ("av1rules clips approve movies/Film.mkv", "the next run encodes it"),
    ),
)
def command() -> None:
    """Test clips of films that are reviewed before they are encoded (review in the rules).

    NAME is a film, as for every command: as plans show it, by its path, or by a part of its name.
    """


variant_option = click.option(
    "--variant",
    type=click.IntRange(1),
    metavar="N",
    help="The variant with this number (see show).",
)


_dry_run = dry_run_option("Check the decision, but don't record it.")


@contextmanager
def _workspace(rules_file: Path) -> Iterator[Workspace]:
    with (
        open_workspace(rules_file, write=False) as workspace,
        stop_on_signals(workspace.children),
    ):
        yield workspace


@command.command(
    "list",
    epilog=examples(
        ("av1rules clips list", "films that wait for a decision"),
    ),
)
@rules_option
@json_option("Print it as JSON.")
@screen_options
def list_command(rules_file: Path, as_json: bool, screen: Screen) -> None:  # noqa: FBT001
    """List clips: waiting, void, due, rejected, approved; with the projected size of the film."""
    with _workspace(rules_file) as workspace:
        views = list_clips(workspace)
    if not as_json:
        screen.show(clips_text(views, screen.view).splitlines())
        return
    for part in clips_json(views):
        click.echo(part, nl=False)
    click.echo()


@command.command(
    "show",
    epilog=examples(
        ("av1rules clips show movies/Film.mkv", "its excerpts, sizes and scores"),
        ("av1rules clips show movies/Film.mkv --json", "the same for programs"),
    ),
)
@rules_option
@name_argument
@variant_option
@json_option("Print it as JSON.")
def show_command(rules_file: Path, name: str, variant: int | None, as_json: bool) -> None:  # noqa: FBT001
    """Show one clip: excerpts with reasons, settings, sizes, scores, command, variants."""
    with _workspace(rules_file) as workspace:
        view = find_clip(workspace, one_wanted_name(name), variant=variant)
    click.echo(clip_json(view) if as_json else clip_text(view))


@command.command(
    "open",
    epilog=examples(
        ("av1rules clips open movies/Film.mkv", "play the clip"),
    ),
)
@rules_option
@name_argument
@variant_option
@json_option("Print what was played as JSON.")
def open_command(rules_file: Path, name: str, variant: int | None, as_json: bool) -> None:  # noqa: FBT001
    """Play the clip with $AV1RULES_PLAYER, mpv, vlc, or the desktop's own player."""
    with _workspace(rules_file) as workspace:
        view = find_clip(workspace, one_wanted_name(name), variant=variant)
    path = view.made.path
    play(path)
    if as_json:
        click.echo(json_document(ClipPlayedDocument(library_path=view.source, clip=path)))


@command.command(
    "compare",
    epilog=examples(
        ("av1rules clips compare movies/Film.mkv", "an HTML page in the state folder"),
        ("av1rules clips compare movies/Film.mkv -o page.html", "the page in this folder"),
    ),
)
@rules_option
@name_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The page to write. Default: beside the clip, in the state folder.",
)
@json_option("Print it as JSON.")
def compare_command(rules_file: Path, name: str, output: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """Write an HTML page with source and encode under a slider, the clip, its scores, and its
    variants (clips try).

    The page needs no network. Prints its path.
    """
    with _workspace(rules_file) as workspace:
        view = find_clip(workspace, one_wanted_name(name))
        page = str(write_comparison(workspace, view, output=output))
    if as_json:
        click.echo(json_document(ComparisonDocument(library_path=view.source, page=page)))
    else:
        click.echo(printable(page))


@command.command(
    "approve",
    epilog=examples(
        ("av1rules clips approve movies/Film.mkv", "the next run encodes it"),
    ),
)
@rules_option
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=complete_films)
@_dry_run
@json_option("Print the decisions as JSON.")
def approve_command(
    rules_file: Path,
    names: tuple[str, ...],
    dry_run: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> int:
    """Approve clips: the next run encodes each film with the settings of its clip."""
    with _workspace(rules_file) as workspace:
        views = find_clips(workspace, wanted_names(names))
        for view in views:
            view.require_current()
        for view in views:
            decide_clip(workspace, view, Answer.APPROVED, is_dry=dry_run)
            if not as_json:
                done = "would approve" if dry_run else "approved"
                conventions().say(f"{done}: {printable(view.source)} ({_settings(view)})")
    if as_json:
        decided = (decided_clip(view, Answer.APPROVED) for view in views)
        click.echo(decisions_json(decided, is_dry=dry_run))
    return EXIT_DONE


def _settings(view: ClipView) -> str:
    settings = view.made.facts.settings
    grain = f", film_grain {settings.film_grain}" if settings.film_grain else ""
    return f"crf {show_value(settings.crf)}, preset {settings.preset}{grain}"


@command.command(
    "adjust",
    epilog=examples(
        ("av1rules clips adjust movies/Film.mkv", "better: CRF 2 less"),
        ("av1rules clips adjust movies/Film.mkv --slower", "better: the next slower preset"),
        ("av1rules clips adjust movies/Film.mkv --set film_grain=4", "another strength of grain"),
    ),
)
@rules_option
@name_argument
@click.option(
    "--crf", type=click.FloatRange(*crf_bounds()), help="The new CRF; the default is 2 less."
)
@click.option("--slower", is_flag=True, help="Use the next slower preset.")
@click.option("--set", "words", multiple=True, metavar="KEY=VALUE", help="Any other setting.")
@click.option("--reason", help="The reason, for approvals.yaml.")
@_dry_run
@json_option("Print the decision as JSON.")
def adjust_command(
    rules_file: Path,
    name: str,
    crf: float | None,
    slower: bool,  # noqa: FBT001
    words: tuple[str, ...],
    reason: str | None,
    dry_run: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> int:
    """Change settings for this film only. The next run makes a new clip."""
    with _workspace(rules_file) as workspace:
        view = find_clip(workspace, one_wanted_name(name))
        settings = view.require_current().facts.settings
        changes = requested_changes(settings, crf=crf, is_slower=slower, words=words)
        decide_clip(
            workspace, view, Answer.ADJUSTED, reason=reason, changes=changes, is_dry=dry_run
        )
    if as_json:
        decided = decided_clip(view, Answer.ADJUSTED, reason=reason, changes=changes)
        click.echo(decisions_json([decided], is_dry=dry_run))
        return EXIT_DONE
    text = ", ".join(
        f"{key} {show_value(getattr(settings, key))} -> {show_value(value)}"
        for key, value in changes.items()
    )
    done = "would adjust" if dry_run else "adjusted"
    conventions().say(f"{done}: {printable(view.source)}: {text}; a run makes a new clip")
    return EXIT_DONE


@command.command(
    "reject",
    epilog=examples(
        (
            "av1rules clips reject movies/Film.mkv --reason bands",
            "leave the film as it is",
        ),
    ),
)
@rules_option
@name_argument
@click.option("--reason", required=True, help="The reason, in a sentence.")
@_dry_run
@json_option("Print the decision as JSON.")
def reject_command(
    rules_file: Path,
    name: str,
    reason: str,
    dry_run: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> int:
    """Reject a clip: the film is not encoded until its settings change."""
    with _workspace(rules_file) as workspace:
        view = find_clip(workspace, one_wanted_name(name))
        decide_clip(workspace, view, Answer.REJECTED, reason=reason, is_dry=dry_run)
    if as_json:
        decided = decided_clip(view, Answer.REJECTED, reason=reason)
        click.echo(decisions_json([decided], is_dry=dry_run))
        return EXIT_DONE
    was = " (it was approved)" if view.status is ClipStatus.APPROVED else ""
    done = "would reject" if dry_run else "rejected"
    conventions().say(f"{done}: {printable(view.source)}{was}")
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
