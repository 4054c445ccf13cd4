"""A plan as a table grouped by action, as JSON (exact) and as CSV with a line a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from av1rules.base.text import counted, plural, printable
from av1rules.base.units import format_size
from av1rules.plan.items import (
    ActiveItem,
    Orphan,
    Plan,
    PlanAction,
    PlanItem,
    PlannedEncode,
    Prerequisite,
    clip_of,
    total_bytes,
)
from av1rules.policy.settings import show_value
from av1rules.report.json import json_document
from av1rules.report.table import Column, Section, csv_lines, records, section_text, table_of


class ForecastColumns(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan shows of forecasts. By path of the source: a cell of the table, cells of a CSV
    line by column, a JSON record. `lines` and `total` cover the whole plan."""

    cells: Mapping[str, str] = msgspec.field(default_factory=dict)
    csv_cells: Mapping[str, Mapping[str, object]] = msgspec.field(default_factory=dict)
    records: Mapping[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    lines: tuple[str, ...] = ()
    total: dict[str, Any] | None = None


NO_FORECASTS = ForecastColumns()


CAUSE_WIDTH = 90

_SUMMARISED = (PlanAction.LEFT_ALONE, PlanAction.FRESH)
"""Groups that are only counted, by cause: they are most of a large library."""

_TITLES = {
    PlanAction.MEASURE: "To measure: a rule depends on their grain",
    PlanAction.ENCODE: "To encode",
    PlanAction.CLIP: "To make clips: review each before its source is encoded",
    PlanAction.MOVE: "To move: the target follows its source, nothing is encoded",
    PlanAction.COPY: "To link or copy: the same content is encoded only once",
    PlanAction.BLOCKED: "Blocked: something is wrong with these",
    PlanAction.HELD: "Held: a user must decide",
    PlanAction.LEFT_ALONE: "Left alone",
    PlanAction.FRESH: "Fresh: up to date",
}


def plan_text(
    plan: Plan, *, every_row: bool = False, forecasts: ForecastColumns = NO_FORECASTS
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
        files = counted(plan.kept.files, "file")
        verb = plural(plan.kept.files, "holds", "hold")
        parts.append(
            f"{files} in the trash {verb} {format_size(plan.kept.size_bytes)} "
            "(`av1rules originals list`)"
        )
    parts += plan.notes
    if plan.other_tools:
        made = plural(plan.other_tools, "target was made", "targets were made")
        parts.append(
            f"{plan.other_tools} fresh {made} with other tool versions "
            "(tools.on_change: redo would redo them)"
        )
    parts.append("\n".join((totals_line(plan), *forecasts.lines)))
    return "\n\n".join(parts)


def totals_line(plan: Plan) -> str:
    counts = Counter(row.action for row in plan.rows)
    shown = ", ".join(f"{counts[action]} {action.value}" for action in PlanAction if counts[action])
    work = format_size(total_bytes(plan.of(PlanAction.ENCODE)))
    return f"{counted(len(plan.rows), 'file')}: {shown or 'none'}; {work} to encode"


def _group(
    action: PlanAction, rows: Sequence[PlanItem], forecasts: ForecastColumns, *, every_row: bool
) -> str:
    title = f"{_TITLES[action]} ({counted(len(rows), 'file')}, {format_size(total_bytes(rows))})"
    if action in _SUMMARISED and not every_row:
        causes = Counter("; ".join(row.causes) for row in rows).most_common()
        return section_text(Section(title=title, table=table_of(_CAUSES, causes)))
    return section_text(
        Section(title=title, table=table_of(_columns(action, rows, forecasts), rows))
    )


ORPHANS_SHOWN = 20

_ORPHANS: tuple[Column[Orphan], ...] = (
    Column(header="target", value=lambda orphan: orphan.row.target, is_name=True),
    Column(header="size", value=lambda orphan: orphan.row.target_bytes, show=format_size),
    Column(header="why", value=lambda orphan: orphan.cause),
)


def _orphans(orphans: tuple[Orphan, ...], *, every_row: bool) -> str:
    """Targets without a source, which can't be made again."""
    to_trash = sum(orphan.to_trash for orphan in orphans)
    fate = f"{to_trash} to move to the trash" if to_trash else "left alone"
    files = counted(len(orphans), "file")
    size = format_size(sum(orphan.row.target_bytes for orphan in orphans))
    table = table_of(_ORPHANS, orphans, limit=None if every_row else ORPHANS_SHOWN)
    title = f"Orphans: targets whose source is gone ({files}, {size}; {fate})"
    return section_text(Section(title=title, table=table)) + (" (--all)" if table.more else "")


_CAUSES: tuple[Column[tuple[str, int]], ...] = (
    Column(header="files", value=lambda found: found[1], is_number=True),
    Column(
        header="why",
        value=lambda found: found[0],
        show=lambda why: printable(why, limit=CAUSE_WIDTH),
    ),
)


def _columns(
    action: PlanAction, rows: Iterable[PlanItem], forecasts: ForecastColumns
) -> tuple[Column[PlanItem], ...]:
    is_work = action in (PlanAction.ENCODE, PlanAction.CLIP)
    has_forecast = any(row.file.path in forecasts.cells for row in rows)
    return (
        Column(header="file", value=lambda row: row.file.library_path, is_name=True),
        Column(header="size", value=lambda row: row.size_bytes, show=format_size),
        Column(header="tier", value=lambda row: row.source_tier),
        Column(
            header="rule",
            value=lambda row: row.rule or "",
            show=lambda rule: printable(rule, limit=24),
        ),
        Column(header="settings" if is_work else None, value=settings_text),
        Column(
            header="forecast" if has_forecast else None,
            value=lambda row: forecasts.cells.get(row.file.path, ""),
            show=str,
        ),
        Column(header="why", value=_why, show=str),
    )


def _why(row: PlanItem) -> str:
    lines = [*row.causes, *(f"note: {note}" for note in row.notes)]
    return "\n".join(printable(line, limit=CAUSE_WIDTH * 2) for line in lines)


def settings_text(row: PlanItem) -> str:
    """The settings that matter most, in one short cell."""
    if not isinstance(row, ActiveItem):
        return ""
    settings, due, name = row.work.recipe.settings, row.work.pending, row.work.encoder.name
    crf = "by target" if Prerequisite.SEARCH in due else show_value(settings.crf)
    grain = f" grain {settings.film_grain}" if settings.film_grain else ""
    grain = " grain auto" if Prerequisite.MEASURE in due else grain
    return f"{name} crf {crf} p{settings.preset}{grain} {settings.bit_depth}-bit"


def plan_json(plan: Plan, forecasts: ForecastColumns = NO_FORECASTS) -> str:
    """The plan as one JSON document."""
    document = {
        "totals": {
            action.value: {"files": len(rows), "size_bytes": total_bytes(rows)}
            for action in PlanAction
            for rows in (plan.of(action),)
        },
        "problems": plan.problems,
        "brakes": [safety_stop.text for safety_stop in plan.safety_stops],
        "orphans": [
            {
                "target": orphan.row.target,
                "source": orphan.row.source,
                "size_bytes": orphan.row.target_bytes,
                "cause": orphan.cause,
                "to_trash": orphan.to_trash,
            }
            for orphan in plan.orphans
        ],
        "notes": plan.notes,
        "kept": {"files": plan.kept.files, "size_bytes": plan.kept.size_bytes},
        "made_with_other_tools": plan.other_tools,
        "forecast": forecasts.total,
        "rows": [row_record(row) | forecasts.records.get(row.file.path, {}) for row in plan.rows],
    }
    return json_document(document)


def row_record(row: PlanItem) -> dict[str, Any]:
    """One row as plain data; settings only for rows with an encode."""
    record: dict[str, Any] = {
        "action": row.action.value,
        "library_path": row.file.library_path,
        "path": row.file.path,
        "target": row.target,
        "size_bytes": row.size_bytes,
        "source_tier": row.source_tier,
        "rule": row.rule,
        "causes": row.causes,
        "notes": row.notes,
    }
    if isinstance(row, ActiveItem):
        record["encoder"] = row.work.encoder.name
        record["settings"] = row.work.recipe.settings
        record["origins"] = {name: str(one) for name, one in row.work.recipe.origins}
        record["content_key"] = row.work.content_key
        record["fingerprint"] = row.work.fingerprint
        record["first"] = [step.value for step in row.work.pending]
    if (clip := clip_of(row)) is not None:
        record["clip"] = {
            "path": clip.path,
            "state": clip.review_state.kind.value,
            "text": clip.review_state.text,
            "review": clip.review.text,
            "is_made": clip.is_made,
        }
    return record


def _work(row: PlanItem) -> PlannedEncode | None:
    return row.work if isinstance(row, ActiveItem) else None


def _crf(work: PlannedEncode) -> object:
    """None until a search has found it."""
    return None if Prerequisite.SEARCH in work.pending else work.recipe.settings.crf


def _film_grain(work: PlannedEncode) -> object:
    """None until it has been measured."""
    return None if Prerequisite.MEASURE in work.pending else work.recipe.settings.film_grain


_CSV: tuple[Column[PlanItem], ...] = (
    Column(key="action", value=lambda row: row.action),
    Column(key="path", value=lambda row: row.file.path),
    Column(key="target", value=lambda row: row.target),
    Column(key="size_bytes", value=lambda row: row.size_bytes),
    Column(key="source_tier", value=lambda row: row.source_tier),
    Column(key="rule", value=lambda row: row.rule),
    Column(key="encoder", value=lambda row: (work := _work(row)) and work.encoder.name),
    Column(key="crf", value=lambda row: (work := _work(row)) and _crf(work)),
    Column(key="preset", value=lambda row: (work := _work(row)) and work.recipe.settings.preset),
    Column(key="film_grain", value=lambda row: (work := _work(row)) and _film_grain(work)),
    Column(key="causes", value=lambda row: "; ".join(row.causes)),
    Column(key="notes", value=lambda row: "; ".join(row.notes)),
)

_CSV_FORECAST = (
    "seconds", "seconds_low", "seconds_high", "saved_bytes", "saved_bytes_low", "saved_bytes_high",
    "forecast_from", "beyond_budget",
)  # fmt: skip


def plan_csv(plan: Plan, forecasts: ForecastColumns = NO_FORECASTS) -> str:
    """One line per file; several causes or notes are joined by "; "."""
    keys = [column.key for column in _CSV if column.key is not None]
    rows = (
        record | dict(forecasts.csv_cells.get(row.file.path, {}))
        for row, record in zip(plan.rows, records(_CSV, plan.rows), strict=True)
    )
    return "".join(csv_lines([*keys, *_CSV_FORECAST], rows))
