"""`av1rules migrate`: makes a policy from the configuration of another program."""

from __future__ import annotations

import importlib

import click

from av1rules.cli.conventions.examples import examples
from av1rules.cli.conventions.groups import CommandGroup

_MODULES = {"av1d": "av1d", "handbrake": "others", "tdarr": "others", "unmanic": "others"}


class _Group(CommandGroup):
    """Loads each command only when it is called: that of av1d imports all that a run needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_MODULES)

    def load_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _MODULES:
            return None
        module = importlib.import_module(f"av1rules.cli.migrate.{_MODULES[name]}")
        found: click.Command = getattr(module, name)
        return found


@click.group(
    "migrate",
    cls=_Group,
    epilog=examples(
        ("av1rules migrate av1d /etc/av1d/config.json -o av1", "of the predecessor"),
        ("av1rules migrate handbrake presets.json -n", "what becomes of each key of a preset"),
    ),
)
def command() -> None:
    """Make a policy from the configuration of another program: av1d, HandBrake, Tdarr, Unmanic.

    Every key is told: carried over, replaced, refused with the reason, or unknown.
    """
