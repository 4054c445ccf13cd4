"""Groups of commands: each takes the options of every command, and a slip of the hand is named."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

import click

from av1rules.cli.conventions.options import with_conventions


class CommandGroup(click.Group):
    """A group whose commands take the options of every command."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = self.load_command(ctx, cmd_name)
        return None if found is None else with_conventions(found)

    def load_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of this name; to be overridden where it is imported when it is called."""
        return super().get_command(ctx, name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name[:1] != "-" and not ctx.resilient_parsing and self.get_command(ctx, name) is None:
            meant = nearest_commands(name, self.names_meant(ctx))
            raise click.UsageError(no_command_text(name, meant), ctx)
        return super().resolve_command(ctx, args)

    def names_meant(self, ctx: click.Context) -> Iterable[str]:
        """What a mistyped name may mean."""
        return self.list_commands(ctx)


def nearest_commands(given: str, names: Iterable[str]) -> list[str]:
    """The names most like `given`, the nearest first; of `clips approve` its last word counts."""
    by_word: dict[str, list[str]] = {}
    for name in names:
        by_word.setdefault(name.rpartition(" ")[2], []).append(name)
    near = get_close_matches(given, by_word, n=3, cutoff=0.6)
    return [name for word in near for name in by_word[word]]


def no_command_text(given: str, meant: list[str]) -> str:
    question = f" Did you mean {' or '.join(meant)}?" if meant else ""
    return f"There is no command {given!r}.{question}"
