"""Options that several commands share, declared once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from av1rules.base.errors import UsageError
from av1rules.base.text import printable
from av1rules.base.units import UnitError, parse_duration, parse_size

DEFAULT_RULES = "rules.yaml"


_Command = TypeVar("_Command", bound=Callable[..., Any])


def rules_option(command: _Command) -> _Command:
    return click.option(
        "-f",
        "--rules",
        "rules_file",
        type=click.Path(path_type=Path),
        default=DEFAULT_RULES,
        show_default=True,
        envvar="AV1RULES_FILE",
        help="The rules file.",
    )(command)


def paths_argument(command: _Command) -> _Command:
    return click.argument("paths", nargs=-1, type=click.Path())(command)


def force_option(command: _Command) -> _Command:
    return click.option(
        "--force",
        is_flag=True,
        help="Redo fresh targets, ignore earlier failures and discards.",
    )(command)


def accept_missing_option(command: _Command) -> _Command:
    return click.option(
        "--accept-missing",
        is_flag=True,
        help="Believe that a whole output that is missing or empty is really gone.",
    )(command)


def _with_unit(parse: Callable[[str], float]) -> Callable[..., float | None]:
    """A callback that reads text with one of the parsers of `base.units`."""

    def read(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
        if value is None:
            return None
        try:
            found = parse(value)
        except UnitError as problem:
            hint = f" ({problem.hint})" if problem.hint else ""
            raise click.BadParameter(f"{problem}{hint}") from problem
        if found <= 0:
            raise click.BadParameter(f"expected more than nothing, found {value!r}")
        return found

    return read


def budget_options(command: _Command) -> _Command:
    budget = click.option(
        "--budget",
        "budget_s",
        metavar="TIME",
        callback=_with_unit(parse_duration),
        help="Spend this much time, such as 200h, where it saves most.",
    )
    free = click.option(
        "--free",
        "free_bytes",
        metavar="SIZE",
        callback=_with_unit(parse_size),
        help="Do only what it takes to save this much, such as 4TB.",
    )
    return budget(free(command))


def absolute_paths(paths: tuple[str, ...]) -> tuple[str, ...]:
    """Existing files or folders as absolute real paths. Raises UsageError for one that is not."""
    for path in paths:
        if not os.path.lexists(path):
            raise UsageError(
                "no such file or folder",
                where=printable(path),
                hint="paths are those of sources on disk, relative to the current folder",
            )
    return tuple(os.path.realpath(path) for path in paths)
