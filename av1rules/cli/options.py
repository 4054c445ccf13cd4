"""Options that several commands share, declared once."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import click
from click.core import ParameterSource

from av1rules.base.units import UnitError, parse_duration, parse_size
from av1rules.cli.complete.values import complete_rules
from av1rules.cli.conventions.options import conventions
from av1rules.policy.find_rules import DEFAULT_RULES, find_rules
from av1rules.policy.model import Order
from av1rules.policy.redo.choice import Redo, parse_redo
from av1rules.report.view import View
from av1rules.ui.pager import show
from av1rules.ui.terminal import view_of

if TYPE_CHECKING:
    from av1rules.plan.context import PlanRequest

_Command = TypeVar("_Command", bound=Callable[..., Any])


def rules_option(command: _Command) -> _Command:
    return click.option(
        "-f",
        "--rules",
        "rules_file",
        type=click.Path(path_type=Path),
        callback=_keep_or_find,
        help="The rules file. Default: $AV1RULES_FILE, else rules.yaml or rules.yml in the current "
        "folder or the nearest one above it.",
    )(command)


def json_option(help_text: str) -> Callable[[_Command], _Command]:
    """`--json`, which every command has: its document is described in docs/json.md."""
    return click.option("--json", "as_json", is_flag=True, help=help_text)


def _keep_or_find(context: click.Context, _param: click.Parameter, value: Path | None) -> Path:
    if value is None and context.resilient_parsing:
        return Path(DEFAULT_RULES)
    return value or found_rules()


def found_rules() -> Path:
    """The rules file named before the command or by the environment, or the one that is found.
    Where there is none, reading the default says so. Raises UsageError."""
    named = conventions().rules_file or _of_environment()
    return named or find_rules(Path.cwd()) or Path(DEFAULT_RULES)


def is_rules_file_named(context: click.Context) -> bool:
    """Whether a user named the rules file of this command, in any of the ways."""
    is_typed = context.get_parameter_source("rules_file") is not ParameterSource.DEFAULT
    return is_typed or conventions().rules_file is not None or _of_environment() is not None


def _of_environment() -> Path | None:
    """For a command that is called without the program, as by the demo."""
    named = os.environ.get("AV1RULES_FILE")
    return Path(named) if named else None


def facts_option(command: _Command) -> _Command:
    return click.option(
        "--facts",
        "facts_file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Take the library from a file that `av1rules facts export` wrote: needs neither films "
        "nor FFmpeg, and writes nothing.",
    )(command)


def dry_run_option(help_text: str) -> Callable[[_Command], _Command]:
    """`-n`, of every command that changes something."""
    return click.option("-n", "--dry-run", is_flag=True, help=help_text)


def force_option(command: _Command) -> _Command:
    return click.option(
        "--force",
        is_flag=True,
        help="Redo fresh targets, ignore earlier failures and discards.",
    )(command)


def redo_option(command: _Command) -> _Command:
    return click.option(
        "--redo",
        metavar="none|new|all|'gain > N%'",
        callback=_redo,
        help="What an edit of the policy redoes of finished work, in place of `on_change`: "
        "nothing, nothing that has a target, all, or what comes out smaller by more than N %.",
    )(command)


def plan_request(
    names: tuple[str, ...],
    only: tuple[str, ...],
    force: bool,  # noqa: FBT001 - as click passes them
    accept_missing: bool,  # noqa: FBT001
    redo: Redo | None,
) -> PlanRequest:
    """What these options ask of a plan."""
    # Not every command plans: `validate` starts without what names and plans need.
    from av1rules.cli.conventions.names import wanted_names  # noqa: PLC0415
    from av1rules.plan.context import PlanRequest  # noqa: PLC0415

    return PlanRequest(
        names=wanted_names(names),
        only=only,
        force=force,
        accept_missing=accept_missing,
        redo=redo,
    )


def _redo(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Redo | None:
    try:
        return None if value is None else parse_redo(value)
    except UnitError as problem:
        hint = f" ({problem.hint})" if problem.hint else ""
        raise click.BadParameter(f"{problem}{hint}") from problem


def accept_missing_option(command: _Command) -> _Command:
    return click.option(
        "--accept-missing",
        is_flag=True,
        help="Believe that a whole output that is missing or empty is really gone.",
    )(command)


def with_unit(parse: Callable[[str], float]) -> Callable[..., float | None]:
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
        callback=with_unit(parse_duration),
        help="Spend this much time, such as 200h, where it saves most.",
    )
    free = click.option(
        "--free",
        "free_bytes",
        metavar="SIZE",
        callback=with_unit(parse_size),
        help="Do only what it takes to save this much, such as 4TB.",
    )
    return budget(free(command))


class Screen(NamedTuple):
    """How a command shows its text: for what screen, and whether a pager may show it."""

    view: View
    pager: bool

    def show(self, lines: Iterable[str], *, is_well: bool = False) -> None:
        """Print `lines`, of which each may hold several. With --quiet, what says that all is well
        only goes to the log."""
        kept = conventions()
        if is_well and kept.is_quiet:
            kept.say("\n".join(lines))
        else:
            show(lines, self.view, pager=self.pager)


def screen_options(command: _Command) -> _Command:
    """`--wide` and `--no-pager`. The command gets a `screen` in their place."""

    @functools.wraps(command)
    def with_output(*given: Any, wide: bool, no_pager: bool, **options: Any) -> Any:
        screen = Screen(
            view_of(sys.stdout, is_wide=wide, colours=conventions().color), pager=not no_pager
        )
        return command(*given, screen=screen, **options)

    wide = click.option(
        "--wide", is_flag=True, help="Show all columns and whole names, however long the lines."
    )
    no_pager = click.option("--no-pager", is_flag=True, help="Don't show long output in a pager.")
    return cast("_Command", wide(no_pager(with_output)))


def order_options(command: _Command) -> _Command:
    only = click.option(
        "--only",
        multiple=True,
        metavar="RULE",
        shell_complete=complete_rules,
        help="Only films that this rule decides; may be given several times.",
    )
    order = click.option(
        "--order",
        type=click.Choice(Order, case_sensitive=False),
        help="What comes first: the most saved per hour, the largest, the newest, or by name.",
    )
    return only(order(command))
