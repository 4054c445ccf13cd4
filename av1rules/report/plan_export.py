"""A plan for programs: one JSON document (exact), or CSV with one line a file (printable)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from av1rules.plan.items import (
    ActiveItem,
    Plan,
    PlanAction,
    PlanItem,
    PlannedEncode,
    Prerequisite,
    clip_of,
    total_bytes,
)
from av1rules.report.json import json_document
from av1rules.report.table import Column, csv_lines, records


class Foretold(msgspec.Struct, frozen=True, kw_only=True):
    """By path of the source: a cell of the table, cells of a CSV line by column, a JSON record.
    `lines` and `total` are of the whole plan."""

    cells: Mapping[str, str] = msgspec.field(default_factory=dict)
    csv_cells: Mapping[str, Mapping[str, object]] = msgspec.field(default_factory=dict)
    records: Mapping[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    lines: tuple[str, ...] = ()
    total: dict[str, Any] | None = None


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """Files that a plan of today leaves as they are for the same reason."""

    action: str
    cause: str
    files: int
    size_bytes: int


def plan_json(plan: Plan, forecasts: Foretold = Foretold()) -> str:
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
    """One row as plain data; `settings` and `command` facts only for work."""
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
            "state": clip.verdict.kind.value,
            "text": clip.verdict.text,
            "review": clip.review.text,
            "is_made": clip.is_made,
        }
    return record


def _work(row: PlanItem) -> PlannedEncode | None:
    return row.work if isinstance(row, ActiveItem) else None


def _crf(work: PlannedEncode) -> object:
    """Empty while a search has yet to find it."""
    return None if Prerequisite.SEARCH in work.pending else work.recipe.settings.crf


def _film_grain(work: PlannedEncode) -> object:
    """Empty while it has yet to be measured."""
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


def plan_csv(plan: Plan, forecasts: Foretold = Foretold()) -> str:
    """One line a file; several causes or notes are joined by "; "."""
    keys = [column.key for column in _CSV if column.key is not None]
    rows = (
        record | dict(forecasts.csv_cells.get(row.file.path, {}))
        for row, record in zip(plan.rows, records(_CSV, plan.rows), strict=True)
    )
    return "".join(csv_lines([*keys, *_CSV_FORECAST], rows))
