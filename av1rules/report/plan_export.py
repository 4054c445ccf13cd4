"""A plan for programs: one JSON document (exact), or CSV with one line a file (printable)."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from av1rules.base.text import printable_json
from av1rules.plan.items import Plan, PlanAction, PlannedEncode, PlanRow, Prerequisite, total_bytes
from av1rules.report.format import csv_cell, json_text

CSV_COLUMNS = (
    "action", "path", "target", "size_bytes", "source_tier", "rule", "encoder", "crf", "preset",
    "film_grain", "causes", "notes", "seconds", "seconds_low", "seconds_high", "saved_bytes",
    "saved_bytes_low", "saved_bytes_high", "forecast_from", "beyond_budget",
)  # fmt: skip


_NO_FORECAST = ("",) * 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastColumns:
    """By path of the source: a cell of the table, cells of a CSV line, a JSON record. `lines` and
    `total` are of the whole plan."""

    cells: Mapping[str, str] = field(default_factory=dict)
    csv_cells: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    records: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    total: dict[str, Any] | None = None


def plan_json(plan: Plan, forecasts: ForecastColumns = ForecastColumns()) -> str:
    """The plan as JSON. File names that are not UTF-8 have their odd bytes as `\\xNN`."""
    document = {
        "format": 1,
        "totals": {
            action.value: {"files": len(rows), "size_bytes": total_bytes(rows)}
            for action in PlanAction
            for rows in (plan.of(action),)
        },
        "problems": [json_text(problem) for problem in plan.problems],
        "brakes": [json_text(safety_stop.text) for safety_stop in plan.safety_stops],
        "orphans": [
            {
                "target": json_text(orphan.row.target),
                "source": json_text(orphan.row.source),
                "size_bytes": orphan.row.target_bytes,
                "cause": json_text(orphan.cause),
                "to_trash": orphan.to_trash,
            }
            for orphan in plan.orphans
        ],
        "notes": [json_text(note) for note in plan.notes],
        "kept": {"files": plan.kept.files, "size_bytes": plan.kept.size_bytes},
        "made_with_other_tools": plan.other_tools,
        "forecast": forecasts.total,
        "rows": [row_record(row) | forecasts.records.get(row.file.path, {}) for row in plan.rows],
    }
    text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
    return printable_json(text)


def row_record(row: PlanRow) -> dict[str, Any]:
    """One row as plain data; `settings` and `command` facts only for work."""
    record: dict[str, Any] = {
        "action": row.action.value,
        "library_path": json_text(row.file.library_path),
        "path": json_text(row.file.path),
        "target": None if row.target is None else json_text(row.target),
        "size_bytes": row.size_bytes,
        "source_tier": row.source_tier,
        "rule": row.rule,
        "causes": [json_text(cause) for cause in row.causes],
        "notes": [json_text(note) for note in row.notes],
    }
    if row.work is not None:
        record["encoder"] = row.work.encoder.name
        record["settings"] = msgspec.to_builtins(row.work.recipe.settings, order="deterministic")
        record["origins"] = dict(row.work.recipe.origins)
        record["content_key"] = row.work.content_key
        record["fingerprint"] = row.work.fingerprint
        record["first"] = [step.value for step in row.work.due]
    if row.clip is not None:
        record["clip"] = {
            "path": json_text(row.clip.path),
            "state": row.clip.kind.value,
            "text": json_text(row.clip.text),
            "review": row.clip.review.text,
            "is_made": row.clip.is_made,
        }
    return record


def plan_csv(plan: Plan, forecasts: ForecastColumns = ForecastColumns()) -> str:
    """One line a file; several causes or notes are joined by "; "."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for row in plan.rows:
        writer.writerow(
            (
                row.action.value,
                csv_cell(row.file.path),
                csv_cell(row.target or ""),
                row.size_bytes,
                row.source_tier or "",
                csv_cell(row.rule or ""),
                row.work.encoder.name if row.work else "",
                *_numbers(row.work),
                csv_cell("; ".join(row.causes)),
                csv_cell("; ".join(row.notes)),
                *forecasts.csv_cells.get(row.file.path, _NO_FORECAST),
            )
        )
    return out.getvalue()


def _numbers(work: PlannedEncode | None) -> tuple[object, object, object]:
    """CRF, preset and film grain; empty while they are still to be found out."""
    if work is None:
        return "", "", ""
    settings = work.recipe.settings
    crf: object = "" if Prerequisite.SEARCH in work.due else settings.crf
    grain: object = "" if Prerequisite.MEASURE in work.due else settings.film_grain
    return crf, settings.preset, grain
