"""`av1rules plan -o FILE`: the plan in a file, to be read, or to be run later."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

from av1rules.base.errors import UsageError
from av1rules.base.files import publish, temp_name
from av1rules.base.text import printable
from av1rules.cli.conventions.options import conventions
from av1rules.plan.items import Plan
from av1rules.plan.saved.origin import PlanOrigin
from av1rules.report.documents.plan import plan_json
from av1rules.report.plan import ForecastColumns, plan_csv
from av1rules.report.plan_text import shown_plan
from av1rules.report.saved.forms import PlanForm, form_of, is_plan
from av1rules.report.saved.text import saved_line
from av1rules.report.view import in_batches

_Command = TypeVar("_Command", bound=Callable[..., Any])


def save_option(command: _Command) -> _Command:
    """`-o FILE`. What stands there is looked at before any work is done."""
    return click.option(
        "-o",
        "--output",
        metavar="FILE",
        type=click.Path(path_type=Path),
        callback=_goal,
        help="Also save the plan: .json for `av1rules run FILE`, .md or .csv to read.",
    )(command)


def _goal(_context: click.Context, _param: click.Parameter, value: Path | None) -> Path | None:
    """The file behind all links. Raises UsageError for a file that is no plan: a mistyped name must
    not overwrite anything else."""
    if value is None:
        return None
    form = form_of(value)
    goal = Path(os.path.realpath(value))
    try:
        is_free = not os.path.lexists(goal) or (goal.is_file() and not goal.stat().st_size)
        if is_free or is_plan(goal, form):
            return goal
    except OSError as problem:
        raise UsageError(
            f"this file exists, and can't be read: {problem.strerror}",
            where=printable(str(value)),
            hint="use another name",
        ) from problem
    raise UsageError(
        "this file exists, and it is no plan of this form",
        where=printable(str(value)),
        hint="use another name, or remove the file first",
    )


def save_plan(
    goal: Path, plan: Plan, forecasts: ForecastColumns, origin: PlanOrigin, *, every_row: bool
) -> None:
    """Write the plan atomically, piece by piece, and say so on standard error. Raises
    UsageError."""
    form = form_of(goal)
    temp = temp_name(goal)
    try:
        with open(temp, "x", encoding="utf-8", newline="") as file:
            file.writelines(in_batches(_pieces(form, plan, forecasts, origin, every_row=every_row)))
        publish(temp, goal)
    except OSError as problem:
        raise UsageError(
            f"the plan could not be saved: {problem.strerror}", where=printable(str(goal))
        ) from problem
    finally:
        temp.unlink(missing_ok=True)
    can_run = form is PlanForm.JSON and plan.has_work
    if not conventions().is_quiet:
        click.echo(saved_line(os.path.relpath(goal), can_run=can_run), err=True)


def _pieces(
    form: PlanForm,
    plan: Plan,
    forecasts: ForecastColumns,
    origin: PlanOrigin,
    *,
    every_row: bool,
) -> Iterator[str]:
    if form is PlanForm.JSON:
        yield from plan_json(plan, forecasts, origin=origin)
        yield "\n"
    elif form is PlanForm.CSV:
        yield from plan_csv(plan, forecasts)
    else:
        # Takes tens of ms to import.
        from av1rules.report.saved.markdown import plan_markdown  # noqa: PLC0415

        yield from plan_markdown(
            shown_plan(plan, every_row=every_row, forecasts=forecasts, origin=origin)
        )
