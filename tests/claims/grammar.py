"""Whether a command line is one that this version takes; nothing is run."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import click

from av1rules.cli.main import COMMANDS, cli

ROOT = Path(__file__).parents[2]

OTHERS = {"build", "venv"}
"""Modules of tools that a page names and that need not be installed."""


class NoCommandError(Exception):
    """A command that does not exist in this version, or not with these options."""


def require_command(argv: tuple[str, ...]) -> bool:
    """Whether the command is complete: `av1rules clips show` alone only names one. Raises
    NoCommandError."""
    program, *words = argv
    if program == "av1rules":
        return _is_complete(words)
    if program == "python" and words[:1] == ["-m"]:
        if words[1] not in OTHERS and importlib.util.find_spec(words[1]) is None:
            raise NoCommandError(f"no module {words[1]}")
        return words[1] not in OTHERS
    if program == "pytest":
        paths = [word for word in words if "/" in word]
        for path in paths:
            if not (ROOT / path).exists():
                raise NoCommandError(f"no tests at {path}")
        return bool(paths)
    return True


def _is_complete(words: list[str]) -> bool:
    command, rest = _found(words)
    try:
        command.make_context("av1rules", list(rest))
    except click.exceptions.Exit:  # --help, --version
        return True
    except (click.MissingParameter, click.exceptions.NoArgsIsHelpError):
        return False
    except click.BadOptionUsage as problem:
        if len(rest) == 1 and rest[0] in _options(command):
            return False  # an option that takes a value, named without one
        raise NoCommandError(problem.format_message()) from problem
    except click.ClickException as problem:
        raise NoCommandError(problem.format_message()) from problem
    return True


def _found(words: list[str]) -> tuple[click.Command, list[str]]:
    command: click.Command = cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        below = command.get_command(click.Context(command), words[0])
        if below is None:
            raise NoCommandError(f"no command {words[0]!r}")
        command, words = below, words[1:]
    return command, list(words)


def options_of(name: str) -> set[str]:
    """Of a command and its subcommands."""
    found: set[str] = set()
    waiting = [_found([name])[0]]
    while waiting:
        command = waiting.pop()
        found |= _options(command)
        if isinstance(command, click.Group):
            context = click.Context(command)
            below = (command.get_command(context, one) for one in command.list_commands(context))
            waiting += [one for one in below if one is not None]
    return found


def _options(command: click.Command) -> set[str]:
    return {name for one in command.params for name in (*one.opts, *one.secondary_opts)}


def every_option() -> set[str]:
    return {"--help", "--version"}.union(*map(options_of, COMMANDS))
