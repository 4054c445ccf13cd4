"""Films as users name them on the command line, or in a list on standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from av1rules.base.errors import UsageError
from av1rules.cli.complete.values import complete_films, complete_films_and_plans
from av1rules.plan.names.find import wanted_name
from av1rules.plan.names.match import WantedName

STANDARD_INPUT = "-"

_Command = TypeVar("_Command", bound=Callable[..., Any])


def names_argument(command: _Command) -> _Command:
    """Any number of films or folders; none means all."""
    return click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_films)(
        command
    )


def names_or_plan_argument(command: _Command) -> _Command:
    """The same, or a saved plan in their place."""
    return click.argument(
        "names", nargs=-1, metavar="[NAME]...", shell_complete=complete_films_and_plans
    )(command)


def name_argument(command: _Command) -> _Command:
    """One film."""
    return click.argument("name", metavar="NAME", shell_complete=complete_films)(command)


def one_wanted_name(word: str) -> WantedName:
    """The one film that a user names, or that standard input names for `-`. Raises UsageError."""
    found = wanted_names((word,))
    if len(found) > 1:
        raise UsageError(
            f"standard input names {len(found)} films, and this takes one",
            hint="xargs calls a command for each: xargs -d '\\n' -n 1 av1rules ...",
        )
    return found[0]


def wanted_names(words: tuple[str, ...]) -> tuple[WantedName, ...]:
    """The films that a user names; for `-` those that standard input lists, one a line, or ended
    by NULs if it has any.

    Ends the command with exit code 0 if there are words, but none is left: an empty list must not
    mean the whole library. Raises UsageError.
    """
    texts: list[str] = []
    for word in words:
        texts += _listed() if word == STANDARD_INPUT else [word]
    if any(not text for text in texts):
        raise UsageError("an empty name means no film", hint="check the variable behind it")
    if words and not texts:
        click.echo("no names on standard input: nothing to do", err=True)
        raise click.exceptions.Exit(0)
    return tuple(map(wanted_name, texts))


def _listed() -> list[str]:
    if sys.stdin.isatty():
        click.echo("reading names from the terminal, one a line; Ctrl-D ends", err=True)
    raw = sys.stdin.buffer.read()
    lines = raw.split(b"\0") if b"\0" in raw else raw.replace(b"\r\n", b"\n").split(b"\n")
    return [os.fsdecode(line) for line in lines if line]
