"""Forecasts: beside each row of a plan, in total, and past ones beside actual results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from av1rules.base.text import counted, plural
from av1rules.base.units import format_duration, format_size
from av1rules.forecast.calibration import Calibration, ErrorStats
from av1rules.forecast.model import Forecast
from av1rules.forecast.of_plan import PlanForecast
from av1rules.ledger.records import SAMPLED, Basis, Interval
from av1rules.plan.items import PlanItem, coming_encode
from av1rules.report.json import json_document
from av1rules.report.plan import ForecastColumns
from av1rules.report.table import Column, records, table_of, table_text

NEEDED = 20
"""The number of encodes from which on the share inside the interval is meaningful."""


def time_text(seconds: Interval) -> str:
    """`"41 h (28-63)"`, in the unit of the middle value."""
    if seconds.mid < 90:
        scale, unit = 1.0, "s"
    elif seconds.mid < 90 * 60:
        scale, unit = 60.0, "min"
    elif seconds.mid < 14 * 86400:
        scale, unit = 3600.0, "h"
    else:
        scale, unit = 86400.0, "days"
    low, mid, high = (_short(value / scale) for value in (seconds.low, seconds.mid, seconds.high))
    return f"{mid} {unit} ({low}-{high})"


def size_text(size: Interval) -> str:
    """`"1.2 TiB (0.9-1.4)"`, in the unit of the largest bound."""
    largest = max(abs(size.low), abs(size.mid), abs(size.high))
    if largest < 1024:
        return f"{size.mid:.0f} B ({size.low:.0f}-{size.high:.0f})"
    unit = format_size(max(abs(size.mid), largest / 1024)).split()[1]
    scale = 1024.0 ** ("B", "KiB", "MiB", "GiB", "TiB").index(unit)
    low, mid, high = (_short(value / scale) for value in (size.low, size.mid, size.high))
    return f"{mid} {unit} ({low} to {high})" if size.low < 0 else f"{mid} {unit} ({low}-{high})"


def _short(value: float) -> str:
    """Two digits: more would claim too much precision."""
    if abs(value) >= 9.95:
        return f"{value:.0f}"
    return f"{value:.1f}"


def forecast_columns(forecast: PlanForecast, rows: Iterable[PlanItem]) -> ForecastColumns:
    """What a plan of these rows shows of its forecast."""
    encodes = tuple(row for row in rows if coming_encode(row) is not None)
    return ForecastColumns(
        cells={row.file.path: row_text(row, forecast) for row in encodes},
        csv_cells={row.file.path: _csv_cells(row, forecast) for row in encodes},
        records={row.file.path: _record(row, forecast) for row in encodes},
        lines=tuple(forecast_lines(forecast)),
        total=forecast_totals(forecast),
    )


def _of(row: PlanItem, forecast: PlanForecast) -> Forecast | None:
    path = row.file.path
    return forecast.by_path.get(path) or forecast.later.get(path)


def _record(row: PlanItem, forecast: PlanForecast) -> dict[str, Any]:
    one = _of(row, forecast)
    return {
        "forecast": None if one is None else forecast_record(one),
        "beyond_budget": row.file.path in forecast.beyond,
    }


def _csv_cells(row: PlanItem, forecast: PlanForecast) -> dict[str, object]:
    one = _of(row, forecast)
    beyond: dict[str, object] = {
        "beyond_budget": "yes" if row.file.path in forecast.beyond else None
    }
    if one is None:
        return beyond
    time, saved = one.seconds, one.saved_bytes
    return beyond | {
        "seconds": round(time.mid, 1),
        "seconds_low": round(time.low, 1),
        "seconds_high": round(time.high, 1),
        "saved_bytes": round(saved.mid),
        "saved_bytes_low": round(saved.low),
        "saved_bytes_high": round(saved.high),
        "forecast_from": one.basis_text,
    }


def row_text(row: PlanItem, forecast: PlanForecast) -> str:
    """The cell of one row: the time, what it saves, and the basis of the forecast."""
    path = row.file.path
    one = _of(row, forecast)
    beyond = ("beyond the budget",) if path in forecast.beyond else ()
    if one is None:
        return "\n".join(("no forecast", *beyond))
    return "\n".join(
        (time_text(one.seconds), f"saves {size_text(one.saved_bytes)}", one.basis_text, *beyond)
    )


def forecast_lines(forecast: PlanForecast) -> Iterator[str]:
    """The lines below a plan; none if nothing is to be encoded."""
    if forecast.by_path:
        yield _total_line(forecast)
        if forecast.within:
            yield f"  {'; '.join(_basis_text(*found) for found in forecast.bases)}"
    if forecast.unknown:
        have = plural(forecast.unknown, "encode has", "encodes have")
        yield f"  {forecast.unknown} {have} no forecast: duration, rate or size is unknown"
    if forecast.budget.is_limited and (forecast.by_path or forecast.unknown):
        yield f"  budget {_budget_text(forecast)}: {_budget_fate(forecast)}"
    if forecast.later:
        yield _later_line(forecast)


def _later_line(forecast: PlanForecast) -> str:
    total = forecast.later_total
    return (
        f"Waiting for approval of clips: {counted(len(forecast.later), 'film')}, about "
        f"{time_text(total.seconds)} of encoding, saves about {size_text(total.saved_bytes)}"
    )


def _total_line(forecast: PlanForecast) -> str:
    count = len(forecast.within)
    if not count:
        return "Forecast: nothing fits into the budget"
    verb = "frees" if forecast.frees else "saves"
    jobs = f", {forecast.jobs} at a time" if forecast.jobs > 1 else ""
    return (
        f"Forecast: about {time_text(forecast.total.seconds)}, {verb} about "
        f"{size_text(forecast.total.saved_bytes)}; {counted(count, 'encode')}{jobs}; the brackets "
        "hold in 8 of 10 cases"
    )


def _basis_text(basis: Basis, count: int) -> str:
    forecasts = counted(count, "forecast")
    if basis.level == SAMPLED:
        return f"{forecasts}: size {basis.text}"
    if basis.level is None or count == 1:
        return f"{forecasts}: {basis.text}"
    return f"{forecasts}: {basis.text.replace('from ', 'from up to ', 1)}"


def _budget_text(forecast: PlanForecast) -> str:
    budget = forecast.budget
    parts = []
    if budget.seconds is not None:
        parts.append(format_duration(budget.seconds))
    if budget.free_bytes is not None:
        parts.append(f"until {format_size(budget.free_bytes)} is saved")
    return ", ".join(parts)


def _budget_fate(forecast: PlanForecast) -> str:
    free = forecast.budget.free_bytes
    if free is not None and forecast.total.saved_bytes.mid < free:
        return f"too little work to save that much; {len(forecast.beyond)} beyond the budget"
    return f"{len(forecast.beyond)} beyond the budget"


def forecast_record(one: Forecast) -> dict[str, Any]:
    """One forecast as plain data: seconds and bytes."""
    return {
        "seconds": _range_record(one.seconds),
        "target_bytes": _range_record(one.size_bytes),
        "saved_bytes": _range_record(one.saved_bytes),
        "from": one.basis_text,
        "encodes": one.basis.encodes,
    }


def forecast_totals(forecast: PlanForecast) -> dict[str, Any]:
    """The totals as plain data."""
    return {
        "encodes": len(forecast.within),
        "unknown": forecast.unknown,
        "beyond_budget": len(forecast.beyond),
        "jobs": forecast.jobs,
        "seconds": _range_record(forecast.total.seconds),
        "saved_bytes": _range_record(forecast.total.saved_bytes),
        "waiting": {
            "encodes": len(forecast.later),
            "seconds": _range_record(forecast.later_total.seconds),
            "saved_bytes": _range_record(forecast.later_total.saved_bytes),
        },
        "budget_s": forecast.budget.seconds,
        "free_bytes": forecast.budget.free_bytes,
    }


def _range_record(found: Interval) -> dict[str, float]:
    return {
        "low": round(found.low, 1),
        "mid": round(found.mid, 1),
        "high": round(found.high, 1),
    }


def _quality_columns(
    name: str, quality: Callable[[Calibration], ErrorStats]
) -> tuple[Column[Calibration], ...]:
    return (
        Column(key=name, value=quality),
        Column(header=f"{name} off by", value=quality, show=_off_by),
        Column(
            header=f"{name} inside", value=lambda one: quality(one).inside, show="{:.0%}".format
        ),
    )


def _off_by(quality: ErrorStats) -> str:
    bias = "" if 0.98 < quality.bias < 1.02 else " (too low)" if quality.bias > 1 else " (too high)"
    return f"{quality.median_error:.0%}{bias}"


_CHECKED: tuple[Column[Calibration], ...] = (
    Column(key="name", header="forecasts", value=lambda one: one.name),
    Column(key="count", header="encodes", value=lambda one: one.count, is_number=True),
    *_quality_columns("time", lambda one: one.time),
    *_quality_columns("size", lambda one: one.size),
)


def check_text(checked: Sequence[Calibration]) -> str:
    """Past forecasts beside actual results, by group."""
    if not checked:
        return "no forecasts to check yet: each run records its forecast of every encode"
    lines = [table_text(table_of(_CHECKED, checked)), ""]
    lines.append('"off by": half of the forecasts were off by this much or less, most of them in')
    lines.append("  this direction")
    lines.append('"inside": share of actual results within the 80 % interval')
    if checked[0].count < NEEDED:
        lines.append(f"fewer than {NEEDED} encodes: not yet meaningful")
    return "\n".join(lines)


def check_json(checked: Sequence[Calibration]) -> str:
    """`{"format", "groups": [{name, count, time, size}, ...]}`."""
    return json_document({"groups": records(_CHECKED, checked)})
