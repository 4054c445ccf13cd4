"""A plan as a table for people, grouped by action, with causes and totals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tabulate import tabulate

from av1rules.base.text import printable
from av1rules.base.units import format_size
from av1rules.plan.items import Orphan, Plan, PlanAction, PlanRow, Prerequisite, total_bytes
from av1rules.policy.settings import show_value
from av1rules.report.format import short_name
from av1rules.report.model import Skipped
from av1rules.report.plan_export import ForecastColumns

CAUSE_WIDTH = 90


_SUMMARISED = (PlanAction.LEFT_ALONE, PlanAction.FRESH)
"""Groups that are counted by cause, since in a large library they are most of it."""


_TITLES = {
    PlanAction.MEASURE: "To measure: a rule asks for their grain",
    PlanAction.ENCODE: "To encode",
    PlanAction.CLIP: "To make clips: each is seen and approved before its film is encoded",
    PlanAction.MOVE: "To move: the target follows its source, nothing is encoded",
    PlanAction.COPY: "To link or copy: the same content is encoded once",
    PlanAction.BLOCKED: "Blocked: something is wrong with these",
    PlanAction.HELD: "Held: a person must decide",
    PlanAction.LEFT_ALONE: "Left alone",
    PlanAction.FRESH: "Fresh: up to date",
}


def plan_text(
    plan: Plan, *, every_row: bool = False, forecasts: ForecastColumns = ForecastColumns()
) -> str:
    """The whole plan. `every_row` lists fresh and left-alone files too, not only their counts."""
    parts = [f"A run would refuse: {safety_stop.text}" for safety_stop in plan.safety_stops]
    parts += [f"warning: {printable(problem)}" for problem in plan.problems]
    for action in PlanAction:
        rows = plan.of(action)
        if rows:
            parts.append(_group(action, rows, forecasts, every_row=every_row))
    if plan.orphans:
        parts.append(_orphans(plan.orphans, every_row=every_row))
    if plan.kept.files:
        parts.append(
            f"{_files(plan.kept.files)} lie aside and hold {format_size(plan.kept.size_bytes)} "
            "(`av1rules originals list`)"
        )
    parts += plan.notes
    if plan.other_tools:
        parts.append(
            f"{plan.other_tools} fresh targets were made with other tool versions "
            "(tools.on_change: redo would redo them)"
        )
    parts.append("\n".join((totals_line(plan), *forecasts.lines)))
    return "\n\n".join(parts)


def totals_line(plan: Plan) -> str:
    counts = Counter(row.action for row in plan.rows)
    shown = ", ".join(f"{counts[action]} {action.value}" for action in PlanAction if counts[action])
    work = format_size(total_bytes(plan.of(PlanAction.ENCODE)))
    return f"{_files(len(plan.rows))}: {shown or 'none'}; {work} to encode"


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _group(
    action: PlanAction, rows: tuple[PlanRow, ...], forecasts: ForecastColumns, *, every_row: bool
) -> str:
    title = f"{_TITLES[action]} ({_files(len(rows))}, {format_size(total_bytes(rows))})"
    if action in _SUMMARISED and not every_row:
        return f"{title}\n{_causes_table(rows)}"
    return f"{title}\n{_rows_table(action, rows, forecasts)}"


ORPHANS_SHOWN = 20


def _orphans(orphans: tuple[Orphan, ...], *, every_row: bool) -> str:
    """Targets without a source: they can't be made again."""
    to_trash = sum(orphan.to_trash for orphan in orphans)
    fate = f"{to_trash} to put aside" if to_trash else "left alone"
    size = format_size(sum(orphan.row.target_bytes for orphan in orphans))
    shown = orphans if every_row else orphans[:ORPHANS_SHOWN]
    table = [
        (short_name(orphan.row.target), format_size(orphan.row.target_bytes), orphan.cause)
        for orphan in shown
    ]
    lines = tabulate(
        table, headers=("target", "size", "why"), tablefmt="simple", disable_numparse=True
    )
    hidden = len(orphans) - len(shown)
    more = f"\n... and {hidden} more (--all)" if hidden else ""
    title = f"Orphans: targets whose source is gone ({_files(len(orphans))}, {size}; {fate})"
    return f"{title}\n{lines}{more}"


def _causes_table(rows: Iterable[PlanRow]) -> str:
    counts = Counter("; ".join(row.causes) for row in rows)
    table = [(count, printable(cause, limit=CAUSE_WIDTH)) for cause, count in counts.most_common()]
    return tabulate(table, headers=("files", "why"), tablefmt="simple", disable_numparse=True)


def _rows_table(action: PlanAction, rows: Iterable[PlanRow], forecasts: ForecastColumns) -> str:
    is_work = action in (PlanAction.ENCODE, PlanAction.CLIP)
    rows = tuple(rows)
    is_foretold = any(row.file.path in forecasts.cells for row in rows)
    headers = (
        *("file", "size", "tier", "rule"),
        *(("settings",) if is_work else ()),
        *(("forecast",) if is_foretold else ()),
        "why",
    )
    table = [
        (
            short_name(row.file.library_path),
            format_size(row.size_bytes),
            row.source_tier or "",
            printable(row.rule or "", limit=24),
            *((settings_text(row),) if is_work else ()),
            *((forecasts.cells.get(row.file.path, ""),) if is_foretold else ()),
            _why(row),
        )
        for row in rows
    ]
    return tabulate(table, headers=headers, tablefmt="simple", disable_numparse=True)


def _why(row: PlanRow) -> str:
    lines = [*row.causes, *(f"note: {note}" for note in row.notes)]
    return "\n".join(printable(line, limit=CAUSE_WIDTH * 2) for line in lines)


def settings_text(row: PlanRow) -> str:
    """The settings that matter most, in one short cell."""
    if row.work is None:
        return ""
    settings, due, name = row.work.recipe.settings, row.work.due, row.work.encoder.name
    crf = "by target" if Prerequisite.SEARCH in due else show_value(settings.crf)
    grain = f" grain {settings.film_grain}" if settings.film_grain else ""
    grain = " grain auto" if Prerequisite.MEASURE in due else grain
    return f"{name} crf {crf} p{settings.preset}{grain} {settings.bit_depth}-bit"


SKIPPED = (PlanAction.BLOCKED, PlanAction.HELD, PlanAction.LEFT_ALONE)


def skipped_of(rows: Iterable[PlanRow]) -> tuple[Skipped, ...]:
    """By action, then the reasons of most files; the first cause of a row is its reason."""
    counts: dict[tuple[PlanAction, str], tuple[int, int]] = {}
    for row in rows:
        if row.action in SKIPPED:
            # What to type about one film is no reason of its own.
            cause = row.causes[0].partition(": av1rules ")[0] if row.causes else ""
            key = row.action, cause
            files, size_bytes = counts.get(key, (0, 0))
            counts[key] = files + 1, size_bytes + row.file.stat.size_bytes
    order = sorted(counts, key=lambda key: (SKIPPED.index(key[0]), -counts[key][0], key[1]))
    return tuple(
        Skipped(action=key[0].value, cause=key[1], files=counts[key][0], size_bytes=counts[key][1])
        for key in order
    )
