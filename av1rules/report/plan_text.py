"""A plan as text: how much of what, how long it takes, then the files of each group."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Protocol

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from av1rules.base.text import counted, plural, printable, printable_lines
from av1rules.base.units import format_size
from av1rules.plan.items import Plan, PlanAction, Prerequisite
from av1rules.plan.rows import PlanRows
from av1rules.plan.saved.origin import PlanOrigin
from av1rules.policy.match import PassedOver
from av1rules.policy.settings import show_value
from av1rules.report.documents.plan import (
    OrphanRecord,
    PlanDocument,
    PlanRow,
    plan_document,
    plan_row,
)
from av1rules.report.format import size_text, time_text
from av1rules.report.plan import NO_FORECASTS, ForecastColumns
from av1rules.report.rest.text import rest_lines
from av1rules.report.table import EXTRA, Column, Section, Table, table_of
from av1rules.report.table_text import section_lines, table_lines
from av1rules.report.view import PLAIN, Role, View, fit

CAUSE_WIDTH = 90

_REST = "--all"
"""The option that shows the rest of a group."""

SUMMARISED = (PlanAction.LEFT_ALONE, PlanAction.FRESH)
"""Groups that are only counted, by cause: they are most of a large library."""

_CAUSES_BESIDE = 3
"""Causes of a group that are named in its line of the summary; more get a table."""

_TITLES = {
    PlanAction.MEASURE: "To measure",
    PlanAction.ENCODE: "To encode",
    PlanAction.CLIP: "To make clips",
    PlanAction.MOVE: "To move",
    PlanAction.COPY: "To link or copy",
    PlanAction.BLOCKED: "Blocked",
    PlanAction.HELD: "Held",
    PlanAction.LEFT_ALONE: "Left alone",
    PlanAction.FRESH: "Fresh",
}

_MEANING = {
    PlanAction.MEASURE: "a rule depends on their grain",
    PlanAction.ENCODE: "their targets are new or stale",
    PlanAction.CLIP: "review each before its source is encoded",
    PlanAction.MOVE: "the target follows its source, nothing is encoded",
    PlanAction.COPY: "the same content is encoded only once",
    PlanAction.BLOCKED: "something is wrong with these",
    PlanAction.HELD: "a user must decide",
}

_ROLES = {
    PlanAction.MEASURE: Role.WORK,
    PlanAction.ENCODE: Role.WORK,
    PlanAction.CLIP: Role.WORK,
    PlanAction.MOVE: Role.WORK,
    PlanAction.COPY: Role.WORK,
    PlanAction.BLOCKED: Role.BAD,
    PlanAction.HELD: Role.WAITING,
    PlanAction.LEFT_ALONE: Role.QUIET,
    PlanAction.FRESH: Role.GOOD,
}


NEXT = "next: av1rules run; `av1rules explain FILE` says why for one file"
"""What a plan with work ends with."""


class RowSource(Protocol):
    """The rows of a plan: of one that was just made, or of one in a file."""

    def causes(self, action: PlanAction) -> Counter[tuple[str, ...]]:
        """How many rows of an action that is only counted have the same causes."""

    def of_action(self, action: PlanAction) -> Iterator[PlanRow]: ...

    def passed_over(self) -> Counter[PassedOver]:
        """For how many rows each rule was passed over."""


class ShownPlan(Struct, frozen=True, kw_only=True):
    """A plan as its texts show it. `every_row` lists all files; `next_step` is what a user can do
    with it."""

    document: PlanDocument
    rows: RowSource
    every_row: bool = False
    next_step: str = NEXT

    def count(self, action: PlanAction) -> int:
        """How many rows have this action."""
        total = self.document.totals.get(action.value)
        return 0 if total is None else total.files

    @property
    def actions(self) -> list[PlanAction]:
        """Those that some row has."""
        return [action for action in PlanAction if self.count(action)]


class _PlannedRows(Struct, frozen=True):
    rows: PlanRows
    forecasts: ForecastColumns

    def causes(self, action: PlanAction) -> Counter[tuple[str, ...]]:
        return self.rows.causes(action)

    def of_action(self, action: PlanAction) -> Iterator[PlanRow]:
        return (plan_row(row, self.forecasts) for row in self.rows.of_action(action))

    def passed_over(self) -> Counter[PassedOver]:
        return self.rows.passed_over()


def shown_plan(
    plan: Plan,
    *,
    every_row: bool = False,
    forecasts: ForecastColumns = NO_FORECASTS,
    origin: PlanOrigin | UnsetType = UNSET,
    next_step: str = NEXT,
) -> ShownPlan:
    """A plan that was just made."""
    return ShownPlan(
        document=plan_document(plan, forecasts, origin=origin),
        rows=_PlannedRows(plan.rows, forecasts),
        every_row=every_row,
        next_step=next_step,
    )


def plan_text(
    plan: Plan,
    *,
    every_row: bool = False,
    forecasts: ForecastColumns = NO_FORECASTS,
    view: View = PLAIN,
) -> str:
    """`plan_lines` as one text."""
    return "\n".join(plan_lines(shown_plan(plan, every_row=every_row, forecasts=forecasts), view))


def plan_lines(shown: ShownPlan, view: View = PLAIN) -> Iterator[str]:
    """A summary, then a table for each group with as many rows as the view shows; what is fresh or
    left alone is only counted, unless every row is asked for."""
    document = shown.document
    for lines in _alarms(document, view):
        yield from lines
        yield ""
    yield from _summary(shown, view)
    for action in shown.actions:
        section = group_section(shown, action, limit=view.rows_shown)
        if section is not None:
            yield ""
            yield from section_lines(section, view, roles=(Role.HEADING, _ROLES[action]))
    if document.orphans:
        yield ""
        yield from section_lines(orphan_section(shown, limit=view.rows_shown), view)
    yield from rest_lines(document.rest, view, every_row=shown.every_row)
    for remark in remarks(shown):
        yield ""
        yield from fit([remark], view)
    if document.has_work:
        yield ""
        yield from fit([shown.next_step], view)


def failure_lines(plan: Plan, view: View = PLAIN) -> Iterator[str]:
    """Only what a user has to mend: what would stop a run, what can't be read, what is blocked."""
    shown = shown_plan(plan, every_row=True)
    for lines in _alarms(shown.document, view):
        yield from lines
    section = group_section(shown, PlanAction.BLOCKED)
    if section is not None:
        yield from section_lines(section, view, roles=(Role.HEADING, Role.BAD))


def alarms(document: PlanDocument) -> Iterator[str]:
    """What would stop a run, and which part of the library could not be read."""
    yield from (f"A run would refuse: {printable_lines(one)}" for one in document.safety_stops)
    yield from (f"warning: {printable(problem)}" for problem in document.problems)


def _alarms(document: PlanDocument, view: View) -> Iterator[list[str]]:
    for number, alarm in enumerate(alarms(document)):
        roles = (Role.BAD,) if number < len(document.safety_stops) else ()
        yield [view.painted(line, *roles) for line in fit([alarm], view)]


def remarks(shown: ShownPlan) -> Iterator[str]:
    """What else to know of the whole plan."""
    document = shown.document
    if document.trash.files:
        files = counted(document.trash.files, "file")
        verb = plural(document.trash.files, "holds", "hold")
        size = format_size(document.trash.size_bytes)
        yield f"{files} in the trash {verb} {size} (`av1rules originals list`)"
    yield from map(printable_lines, document.notes)
    if lines := passed_over_lines(shown.rows.passed_over()):
        yield "\n".join(lines)
    if others := document.made_with_other_tools:
        made = plural(others, "target was made", "targets were made")
        yield (
            f"{others} fresh {made} with other tool versions "
            "(tools.on_change: redo would redo them)"
        )


def passed_over_lines(counts: Counter[PassedOver]) -> list[str]:
    """A line for each rule that nobody could decide on, that of most files first."""
    return [
        f"rule {printable(one.rule)} was passed over for {counted(files, 'file')}, where "
        f"{printable(' and '.join(one.facts))} {plural(len(one.facts), 'is', 'are')} unknown "
        "(`av1rules explain FILE`)"
        for one, files in counts.most_common()
    ]


# --- the summary


def title(document: PlanDocument) -> str:
    """How much of a library the plan is about."""
    totals = document.totals.values()
    files = counted(sum(total.files for total in totals), "file")
    return f"Plan: {files}, {format_size(sum(total.size_bytes for total in totals))}"


def summary_table(shown: ShownPlan) -> Table:
    """How much happens of what."""
    totals = shown.document.totals
    rows = tuple(
        (
            action.value,
            f"{totals[action.value].files:,}",
            format_size(totals[action.value].size_bytes),
            _meaning(shown, action),
        )
        for action in shown.actions
    )
    return Table(headers=("",) * 4, rows=rows, numbers=frozenset({1, 2}))


def _summary(shown: ShownPlan, view: View) -> Iterator[str]:
    """What happens, how much of it, and how long it takes."""
    yield view.painted(title(shown.document), Role.HEADING)
    yield ""
    for line in table_lines(summary_table(shown), view):
        action = next((one for one in shown.actions if line.startswith(f"{one.value} ")), None)
        if action is None:
            yield line
        else:
            yield view.painted(action.value, _ROLES[action]) + line[len(action.value) :]
    if (forecast := shown.document.forecast) is not None and forecast.lines:
        yield ""
        yield from fit(map(printable, forecast.lines), view)


def _meaning(shown: ShownPlan, action: PlanAction) -> str:
    if action not in SUMMARISED:
        return _MEANING[action]
    causes = _causes(shown, action)
    if len(causes) == 1:
        return printable(causes[0][0], limit=CAUSE_WIDTH)
    if len(causes) > _CAUSES_BESIDE:
        return f"for {len(causes)} reasons, see below"
    return "; ".join(f"{count:,} {printable(why, limit=CAUSE_WIDTH)}" for why, count in causes)


def _causes(shown: ShownPlan, action: PlanAction) -> list[tuple[str, int]]:
    counts = shown.rows.causes(action).most_common()
    return [("; ".join(causes), count) for causes, count in counts]


# --- groups


def group_section(
    shown: ShownPlan, action: PlanAction, *, limit: int | None = None
) -> Section | None:
    """The table of one group, of `limit` rows unless every row is asked for; None if it is empty,
    or its line of the summary says all of it."""
    count = shown.count(action)
    if not count:
        return None
    title = f"{_TITLES[action]} ({counted(count, 'file')})"
    if action in SUMMARISED and not shown.every_row:
        causes = _causes(shown, action)
        if len(causes) <= _CAUSES_BESIDE:
            return None
        table = table_of(_CAUSES, causes, limit=limit, rest=_REST)
        return Section(title=title, table=table)
    most = None if shown.every_row else limit
    rows = tuple(itertools.islice(shown.rows.of_action(action), most))
    table = table_of(_columns(action, rows), rows, rest=_REST)
    return Section(title=title, table=replace(table, more=count - len(rows)))


_ORPHANS: tuple[Column[OrphanRecord], ...] = (
    Column(header="target", value=lambda orphan: orphan.target, is_name=True),
    Column(header="size", value=lambda orphan: orphan.size_bytes, show=format_size),
    Column(header="why", value=lambda orphan: orphan.cause, is_detail=True),
)


def orphan_section(shown: ShownPlan, *, limit: int | None = None) -> Section:
    """Targets without a source, which can't be made again."""
    orphans = shown.document.orphans
    to_trash = sum(orphan.to_trash for orphan in orphans)
    fate = f"{to_trash} to move to the trash" if to_trash else "left alone"
    files = counted(len(orphans), "file")
    size = format_size(sum(orphan.size_bytes for orphan in orphans))
    most = None if shown.every_row else limit
    table = table_of(_ORPHANS, orphans, limit=most, rest=_REST)
    title = f"Orphans: targets whose source is gone ({files}, {size}; {fate})"
    return Section(title=title, table=table)


_CAUSES: tuple[Column[tuple[str, int]], ...] = (
    Column(header="files", value=lambda found: found[1], is_number=True),
    Column(
        header="why",
        value=lambda found: found[0],
        show=lambda why: printable(why, limit=CAUSE_WIDTH),
    ),
)


def _columns(action: PlanAction, shown: Sequence[PlanRow]) -> tuple[Column[PlanRow], ...]:
    is_work = action in (PlanAction.ENCODE, PlanAction.CLIP)
    has_time = any(_time(row) for row in shown)
    return (
        Column(header="file", value=lambda row: row.library_path, is_name=True),
        Column(header="size", value=lambda row: row.size_bytes, show=format_size, is_number=True),
        Column(
            header="tier" if any(row.source_tier for row in shown) else None,
            value=lambda row: row.source_tier,
            rank=EXTRA + 1,
        ),
        Column(
            header="rule" if any(row.rule for row in shown) else None,
            value=lambda row: row.rule or "",
            show=lambda rule: printable(rule, limit=24),
            rank=EXTRA,
        ),
        Column(header="settings" if is_work else None, value=settings_text, rank=EXTRA + 2),
        Column(header="time" if has_time else None, value=_time, rank=1),
        Column(
            header="saves" if any(row.forecast for row in shown) else None, value=_saving, rank=2
        ),
        Column(
            header="forecast" if has_time else None,
            value=lambda row: row.forecast.basis if row.forecast else "",
            rank=EXTRA + 3,
        ),
        Column(header="why", value=_why, show=str, is_detail=True),
    )


def _time(row: PlanRow) -> str:
    if not row.forecast:
        return "no forecast" if row.forecast is None else ""
    return time_text(row.forecast.seconds)


def _saving(row: PlanRow) -> str:
    return size_text(row.forecast.saved_bytes) if row.forecast else ""


def _why(row: PlanRow) -> str:
    beyond = ["beyond the budget"] if row.beyond_budget else []
    lines = [*row.causes, *beyond, *(f"note: {note}" for note in row.notes)]
    return "\n".join(printable(line, limit=CAUSE_WIDTH * 2) for line in lines)


def settings_text(row: PlanRow) -> str:
    """The settings that matter most, in one short cell."""
    if row.settings is UNSET or row.encoder is UNSET:
        return ""
    settings, due = row.settings, row.pending or ()
    crf = "by target" if Prerequisite.SEARCH.value in due else show_value(settings.crf)
    grain = f" grain {settings.film_grain}" if settings.film_grain else ""
    grain = " grain auto" if Prerequisite.MEASURE.value in due else grain
    return f"{row.encoder} crf {crf} p{settings.preset}{grain} {settings.bit_depth}-bit"
