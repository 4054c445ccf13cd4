"""What a plan shows of forecasts, and the plan as CSV with a line a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from av1rules.plan.items import (
    ActiveItem,
    Plan,
    PlanItem,
    PlannedEncode,
    Prerequisite,
)
from av1rules.report.documents.forecast import ForecastTotals
from av1rules.report.table import Column, csv_lines, each_record


class ForecastColumns(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan shows of forecasts. Of a row, made when it is shown: cells of a CSV line by
    column, and a JSON record; empty for a row without an encode. `total` covers the whole plan."""

    csv_cells: Callable[[PlanItem], Mapping[str, object]] = lambda _row: {}
    record: Callable[[PlanItem], Mapping[str, object]] = lambda _row: {}
    total: ForecastTotals | None = None


NO_FORECASTS = ForecastColumns()


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


def plan_csv(plan: Plan, forecasts: ForecastColumns = NO_FORECASTS) -> Iterator[str]:
    """A header and one line per file; several causes or notes are joined by "; "."""
    keys = [column.key for column in _CSV if column.key is not None]
    rows = (
        {**record, **forecasts.csv_cells(row)}
        for row, record in zip(plan.rows, each_record(_CSV, plan.rows), strict=True)
    )
    return csv_lines([*keys, *_CSV_FORECAST], rows)
