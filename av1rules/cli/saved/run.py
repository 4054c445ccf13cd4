"""`av1rules run PLAN`: the rows of a saved plan that still hold, and nothing else."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from msgspec import UNSET, Struct, UnsetType

from av1rules.base.errors import UsageError
from av1rules.base.events import Note, Sink
from av1rules.base.files import is_at_or_below
from av1rules.base.findings import FilmFinding, FindingKind
from av1rules.base.signals import end_on_signals
from av1rules.base.text import counted, printable
from av1rules.base.units import UnitError
from av1rules.cli.backend import DoitOnDemand
from av1rules.cli.conventions.options import conventions
from av1rules.cli.exit_codes import EXIT_DONE, EXIT_FAILED
from av1rules.cli.options import is_rules_file_named
from av1rules.execute.run import measure_grain, require_no_safety_stop
from av1rules.execute.session import Session
from av1rules.plan.items import Plan, coming_encode
from av1rules.plan.saved.origin import PlanOrigin, origin_of
from av1rules.plan.saved.recheck import Recheck, recheck
from av1rules.plan.saved.rows import OutdatedRow, SavedRow
from av1rules.plan.workspace import Workspace, open_workspace
from av1rules.policy.redo.choice import Redo, parse_redo
from av1rules.report.documents.plan import plan_json
from av1rules.report.plan import ForecastColumns
from av1rules.report.plan_text import plan_lines, shown_plan
from av1rules.report.saved.read import PlanReader
from av1rules.report.saved.rows import saved_rows
from av1rules.report.saved.text import (
    done_lines,
    measured_line,
    next_step,
    origin_lines,
    outdated_line,
    outdated_reason,
    recheck_line,
    refusal,
    unlike_rules,
)
from av1rules.report.view import fit, in_batches
from av1rules.ui.pager import show
from av1rules.ui.sinks import counter_sink
from av1rules.ui.terminal import view_of


class SavedPlan(Struct, frozen=True, kw_only=True):
    """A plan in a file: the rows that a run does, and where they come from. `is_strict`: all of
    them or none."""

    path: str
    rows: Sequence[SavedRow]
    origin: PlanOrigin | UnsetType
    is_strict: bool

    @property
    def redo(self) -> Redo | None:
        """What the plan was told of finished work. Raises UsageError."""
        if self.origin is UNSET or self.origin.redo is UNSET:
            return None
        try:
            return parse_redo(self.origin.redo)
        except UnitError as problem:
            raise UsageError(
                f"the plan has a wrong `redo`: {problem}", where=self.path
            ) from problem

    def recheck(self, workspace: Workspace, sink: Sink, *, accept_missing: bool) -> Recheck:
        """Compare it with a plan of now. Raises UsageError for a plan of another library, for
        outdated rows where none may be left out; SafetyStopError if a disk seems to be missing."""
        roots = tuple(workspace.ruleset.library.root_paths.values())
        inside = (is_at_or_below(row.path, root) for row in self.rows for root in roots)
        if self.rows and not any(inside):
            raise UsageError(
                "this is the plan of another library: none of its "
                f"{counted(len(self.rows), 'film')} is below a root of these rules",
                where=printable(self.path),
                hint=f"the roots are {', '.join(map(printable, roots))}",
            )
        checked = recheck(
            workspace,
            self.rows,
            force=self.origin is not UNSET and self.origin.forced,
            redo=self.redo,
            accept_missing=accept_missing,
            sink=sink,
        )
        require_no_safety_stop(checked.plan)
        if self.is_strict and checked.outdated:
            raise UsageError(
                refusal(checked, self.origin),
                where=printable(self.path),
                hint="plan anew, or leave out --strict to do the other rows",
            )
        return checked

    def plan_of_now(self, session: Session, *, accept_missing: bool, jobs: int) -> Plan:
        """The plan to run. The rows that are left out are told and recorded. Rows to measure are
        measured here: what becomes of their films was no part of the plan."""
        sink = session.sink
        checked = self.recheck(session.workspace, sink, accept_missing=accept_missing)
        for row in checked.outdated:
            message = f"outdated: {outdated_reason(row)}"
            sink(Note(source=row.library_path, message=message, is_problem=True))
        session.recorder.tell_all([(_finding(row), "") for row in checked.outdated])
        if (line := recheck_line(checked, self.origin)) is not None:
            sink(Note(message=line, is_problem=True))
        for line in done_lines(checked):
            sink(Note(message=line))
        if count := measure_grain(checked.plan, session, DoitOnDemand(), jobs=jobs):
            sink(Note(message=measured_line(count)))
        return checked.plan

    def show(self, rules_file: Path, *, as_json: bool, accept_missing: bool, **budget: Any) -> int:
        """The dry run: what still holds, as a plan, and what does not."""
        is_forced = self.origin is not UNSET and self.origin.forced
        with (
            open_workspace(rules_file, write=False) as workspace,
            end_on_signals(workspace.children),
            counter_sink(sys.stderr) as sink,
        ):
            checked = self.recheck(workspace, sink, accept_missing=accept_missing)
            origin = origin_of(workspace, forced=is_forced, redo=self.redo)
            plan, forecasts = checked.plan, ForecastColumns()
            if any(coming_encode(row) is not None for row in plan.rows.in_full):
                # Tens of ms to import: only if there is something to forecast.
                from av1rules.cli.plan_ahead import plan_forecast  # noqa: PLC0415

                plan, forecasts = plan_forecast(plan, workspace, **budget)
        if as_json:
            pieces = plan_json(plan, forecasts, origin=origin, outdated=checked.outdated)
            for piece in in_batches(pieces):
                click.echo(piece, nl=False)
            click.echo()
        else:
            self._show(checked, plan, forecasts)
        return EXIT_FAILED if checked.outdated else EXIT_DONE

    def _show(self, checked: Recheck, plan: Plan, forecasts: ForecastColumns) -> None:
        view = view_of(sys.stdout, colours=conventions().color)
        lines = [*origin_lines(self.origin), *done_lines(checked)]
        if (line := recheck_line(checked, self.origin)) is not None:
            lines += [line, *(f"  {outdated_line(row)}" for row in checked.outdated)]
        shown = shown_plan(plan, forecasts=forecasts, next_step=next_step(self.path))
        show((*fit(lines, view), "", *plan_lines(shown, view)), view, pager=True)


def _finding(row: OutdatedRow) -> FilmFinding:
    return FilmFinding(
        film=row.library_path, kind=FindingKind.OUTDATED, detail=outdated_reason(row)
    )


def open_saved_plan(path: str, rules_file: Path, *, is_strict: bool) -> SavedPlan:
    """Read a plan. Raises UsageError for a file that is none, and for one that was made by another
    rules file than the one that was found: whoever means that names it."""
    reader = PlanReader(path)
    rows = saved_rows(reader)
    origin = reader.document.origin
    unlike = unlike_rules(origin, os.path.realpath(rules_file))
    if (
        origin is not UNSET
        and unlike is not None
        and not is_rules_file_named(click.get_current_context())
    ):
        raise UsageError(
            f"this plan is not of these rules: {unlike}",
            where=printable(path),
            hint="name the rules file that you mean, such as "
            f"-f {printable(shlex.quote(origin.rules.file))}",
        )
    return SavedPlan(path=path, rows=rows, origin=origin, is_strict=is_strict)


def require_no_choice(path: str, *, force: bool, redo: Redo | None, only: tuple[str, ...]) -> None:
    """Raise UsageError for options that say which films: the rows of the plan say that."""
    for option, is_given in (
        ("--force", force),
        ("--redo", redo is not None),
        ("--only", bool(only)),
    ):
        if is_given:
            raise UsageError(
                f"{option} is for a plan that is made now: a saved one says which films",
                where=printable(path),
                hint=f"`av1rules plan {option} ... -o {path}` saves one",
            )
