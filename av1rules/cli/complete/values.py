"""What may stand in an argument or an option, as click's `shell_complete` asks for it.

The modules that read rules and the ledger load only when somebody completes.
"""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from av1rules.cli.conventions.options import of_context
from av1rules.policy.find_rules import DEFAULT_RULES, find_rules

Items = list[CompletionItem[str]]

_PLACES = ("/", ".", "~")
"""How a path on disk begins that is none of the library."""


def complete_films(context: click.Context, _param: click.Parameter, incomplete: str) -> Items:
    """Library names, a folder at a time, as paths; or paths on disk."""
    from av1rules.cli.complete.library import film_names  # noqa: PLC0415 - see above

    place = CompletionItem(incomplete, type="file")
    if incomplete.startswith(_PLACES):
        return [place]
    names = film_names(_rules_file(context), incomplete)
    found = [
        CompletionItem(name, type="folder" if name.endswith("/") else "name") for name in names
    ]
    return found or [place]


def complete_plans(_context: click.Context, _param: click.Parameter, incomplete: str) -> Items:
    """Saved plans in the folder that is typed, or paths on disk."""
    from av1rules.cli.complete.library import plan_names  # noqa: PLC0415 - see above

    found = [CompletionItem(name, type="name") for name in plan_names(incomplete)]
    return found or [CompletionItem(incomplete, type="file")]


def complete_films_and_plans(
    context: click.Context, param: click.Parameter, incomplete: str
) -> Items:
    """Films, then saved plans."""
    films = complete_films(context, param, incomplete)
    plans = [one for one in complete_plans(context, param, incomplete) if one.type != "file"]
    return [*(film for film in films if not plans or film.type != "file"), *plans]


def complete_runs(context: click.Context, _param: click.Parameter, incomplete: str) -> Items:
    """The last runs by number."""
    from av1rules.cli.complete.library import run_numbers  # noqa: PLC0415 - see above

    return [
        CompletionItem(number, help=about)
        for number, about in run_numbers(_rules_file(context))
        if number.startswith(incomplete)
    ]


def complete_runs_and_films(
    context: click.Context, param: click.Parameter, incomplete: str
) -> Items:
    """The last runs by number, then films."""
    runs = complete_runs(context, param, incomplete)
    films = complete_films(context, param, incomplete)
    return [*runs, *(film for film in films if not runs or film.type != "file")]


def complete_rules(context: click.Context, _param: click.Parameter, incomplete: str) -> Items:
    """The names of rules."""
    from av1rules.cli.complete.library import rule_names  # noqa: PLC0415 - see above

    return _beginning(rule_names(_rules_file(context)), incomplete)


def _rules_file(context: click.Context) -> Path:
    """The rules file that is typed after the command or before it, or that would be found."""
    typed = context.params.get("rules_file")
    if typed and str(typed) != DEFAULT_RULES:
        return Path(typed)
    named = of_context(context).rules_file or os.environ.get("AV1RULES_FILE")
    return Path(named) if named else find_rules(Path.cwd()) or Path(DEFAULT_RULES)


def _beginning(names: tuple[str, ...], incomplete: str) -> Items:
    return [CompletionItem(name, type="name") for name in names if name.startswith(incomplete)]
