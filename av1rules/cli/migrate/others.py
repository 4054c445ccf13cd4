"""`av1rules migrate handbrake`, `tdarr` and `unmanic`: rules files from exports."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from av1rules.base.errors import UsageError
from av1rules.base.text import printable
from av1rules.cli.conventions.examples import examples
from av1rules.cli.options import Screen, dry_run_option, json_option, screen_options
from av1rules.operations.migrate.files import FileState, put_file, require_valid
from av1rules.operations.migrate.others.handbrake import import_handbrake
from av1rules.operations.migrate.others.imported import ImportedPolicy
from av1rules.operations.migrate.others.tdarr import import_tdarr
from av1rules.operations.migrate.others.unmanic import import_unmanic
from av1rules.policy.find_rules import DEFAULT_RULES
from av1rules.report.migration.imports import import_json, import_lines

_Command = TypeVar("_Command", bound=Callable[..., Any])

_export = click.argument("export", type=click.Path(dir_okay=False))


def _output(command: _Command) -> _Command:
    return click.option(
        "-o",
        "--output",
        "goal",
        default=DEFAULT_RULES,
        show_default=True,
        type=click.Path(dir_okay=False),
        metavar="FILE",
        help="The rules file.",
    )(command)


_dry_run = dry_run_option("Write nothing; show what becomes of each key.")
_json = json_option("Print all of it as JSON.")


@click.command(
    "handbrake",
    epilog=examples(
        ("av1rules migrate handbrake presets.json --root movies -o rules.yaml", "of an export"),
        ("av1rules migrate handbrake presets.json -n", "only what becomes of each key"),
    ),
)
@_export
@click.option(
    "--root",
    default="movies",
    show_default=True,
    metavar="FOLDER",
    help="The folder of your films, which a preset does not know.",
)
@_output
@_dry_run
@_json
@screen_options
def handbrake(
    export: str,
    root: str,
    goal: str,
    dry_run: bool,  # noqa: FBT001 - click passes flags so
    as_json: bool,  # noqa: FBT001
    screen: Screen,
) -> None:
    """Make profiles from the presets in an EXPORT of HandBrake (JSON).

    CRF, preset and options are taken over for SVT-AV1 only: those of other encoders are on another
    scale. The rest is listed key by key. Nothing is overwritten.
    """
    _finish(import_handbrake(export, root), export, goal, screen, is_dry=dry_run, as_json=as_json)


@click.command(
    "tdarr",
    epilog=examples(
        ("av1rules migrate tdarr libraries.json -o rules.yaml", "of library settings"),
        ("av1rules migrate tdarr libraries.json -n", "only what becomes of each key"),
    ),
)
@_export
@_output
@_dry_run
@_json
@screen_options
def tdarr(
    export: str,
    goal: str,
    dry_run: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    screen: Screen,
) -> None:
    """Make roots and skips from an EXPORT of Tdarr's library settings (JSON).

    Plugins and flows are listed: rules decide in their place. Nothing is overwritten.
    """
    _finish(import_tdarr(export), export, goal, screen, is_dry=dry_run, as_json=as_json)


@click.command(
    "unmanic",
    epilog=examples(
        ("av1rules migrate unmanic library.json -o rules.yaml", "of a library"),
        ("av1rules migrate unmanic library.json -n", "only what becomes of each key"),
    ),
)
@_export
@_output
@_dry_run
@_json
@screen_options
def unmanic(
    export: str,
    goal: str,
    dry_run: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    screen: Screen,
) -> None:
    """Make roots and skips from an EXPORT of libraries of Unmanic (JSON).

    Plugins are listed: rules decide in their place. Nothing is overwritten.
    """
    _finish(import_unmanic(export), export, goal, screen, is_dry=dry_run, as_json=as_json)


def _finish(
    imported: ImportedPolicy,
    export: str,
    goal: str,
    screen: Screen,
    *,
    is_dry: bool,
    as_json: bool,
) -> None:
    require_valid(imported.text, origin=export)
    path = os.path.abspath(goal)
    file = put_file(path, imported.text, is_dry=is_dry)
    if file.state is FileState.KEPT:
        raise UsageError(
            "a file with another text is there; nothing was written",
            where=printable(path),
            hint="give another file with -o",
        )
    if as_json:
        click.echo(import_json(imported, file, is_dry=is_dry))
    else:
        screen.show(import_lines(imported, file, is_dry=is_dry, view=screen.view))
