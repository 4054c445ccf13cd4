"""`av1rules service`: has a service manager start the watcher, or runs."""

from __future__ import annotations

import importlib

import click

from av1rules.cli.conventions.examples import examples
from av1rules.cli.conventions.groups import CommandGroup

_COMMANDS = {
    "check": "check", "install": "install", "print": "show", "status": "status",
    "uninstall": "uninstall",
}  # fmt: skip


class _Group(CommandGroup):
    """Loads each command only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def load_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module = importlib.import_module("av1rules.cli.service.commands")
        found: click.Command = getattr(module, _COMMANDS[name])
        return found


@click.group(
    "service",
    cls=_Group,
    epilog=examples(
        ("av1rules service print", "the unit, without writing it"),
        ("av1rules service install", "write and start it, after a question"),
        ("av1rules service status", "every instance, and its last run"),
    ),
)
def command() -> None:
    """Have systemd, launchd or cron start av1rules: a watcher that stays, or runs at their times.

    Each policy can be an instance of its own, by --name.
    """
