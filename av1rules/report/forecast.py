"""Forecasts for people and programs: beside each row of a plan, in total, and how they came out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from tabulate import tabulate

from av1rules.base.units import format_duration, format_size
from av1rules.forecast.calibration import Calibration, ErrorStats
from av1rules.forecast.model import Forecast
from av1rules.forecast.of_plan import PlanForecast
from av1rules.ledger.records import SAMPLED, Basis, Interval
from av1rules.plan.items import PlanAction, PlanRow
from av1rules.report.plan_export import ForecastColumns

NEEDED = 20
"""From so many encodes on the share inside the interval says something."""


def time_text(seconds: Interval) -> str:
    """`"41 h (28-63 h)"`, in the unit of the middle."""
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
    """Two digits: more would promise too much."""
    if abs(value) >= 9.95:
        return f"{value:.0f}"
    return f"{value:.1f}"


def foretold_of(forecast: PlanForecast, rows: Iterable[PlanRow]) -> ForecastColumns:
    """All that a plan of these rows shows of it."""
    encodes = tuple(row for row in rows if row.action is PlanAction.ENCODE or row.later is not None)
    return ForecastColumns(
        cells={row.file.path: row_text(row, forecast) for row in encodes},
        csv_cells={row.file.path: _csv_cells(row, forecast) for row in encodes},
        records={row.file.path: _record(row, forecast) for row in encodes},
        lines=tuple(outlook_lines(forecast)),
        total=outlook_record(forecast),
    )


def _of(row: PlanRow, forecast: PlanForecast) -> Forecast | None:
    path = row.file.path
    return forecast.by_path.get(path) or forecast.later.get(path)


def _record(row: PlanRow, forecast: PlanForecast) -> dict[str, Any]:
    one = _of(row, forecast)
    return {
        "forecast": None if one is None else forecast_record(one),
        "beyond_budget": row.file.path in forecast.beyond,
    }


def _csv_cells(row: PlanRow, forecast: PlanForecast) -> tuple[object, ...]:
    one = _of(row, forecast)
    beyond = "yes" if row.file.path in forecast.beyond else ""
    if one is None:
        return ("",) * 7 + (beyond,)
    time, saved = one.seconds, one.saved_bytes
    seconds = (round(value, 1) for value in (time.mid, time.low, time.high))
    sizes = (round(value) for value in (saved.mid, saved.low, saved.high))
    return (*seconds, *sizes, one.basis_text, beyond)


def row_text(row: PlanRow, forecast: PlanForecast) -> str:
    """The cell of one row: time, what it saves, and what that rests on."""
    path = row.file.path
    one = _of(row, forecast)
    beyond = ("beyond the budget",) if path in forecast.beyond else ()
    if one is None:
        return "\n".join(("no forecast", *beyond))
    return "\n".join(
        (time_text(one.seconds), f"saves {size_text(one.saved_bytes)}", one.basis_text, *beyond)
    )


def outlook_lines(forecast: PlanForecast) -> Iterator[str]:
    """Below the plan; nothing where nothing is encoded."""
    if forecast.by_path:
        yield _total_line(forecast)
        if forecast.within:
            yield f"  {'; '.join(_basis_text(*found) for found in forecast.bases)}"
    if forecast.unknown:
        plural = "encode has" if forecast.unknown == 1 else "encodes have"
        yield f"  {forecast.unknown} {plural} no forecast: duration, rate or size is not known"
    if forecast.budget.is_limited and (forecast.by_path or forecast.unknown):
        yield f"  budget {_budget_text(forecast)}: {_budget_fate(forecast)}"
    if forecast.later:
        yield _later_line(forecast)


def _later_line(forecast: PlanForecast) -> str:
    films = "1 film" if len(forecast.later) == 1 else f"{len(forecast.later)} films"
    total = forecast.later_total
    return (
        f"Waiting for clips to be approved: {films}, about {time_text(total.seconds)} of encoding, "
        f"would save about {size_text(total.saved_bytes)}"
    )


def _total_line(forecast: PlanForecast) -> str:
    count = len(forecast.within)
    if not count:
        return "Forecast: nothing fits into the budget"
    verb = "frees" if forecast.frees else "saves"
    files = "1 encode" if count == 1 else f"{count} encodes"
    jobs = f", {forecast.jobs} at a time" if forecast.jobs > 1 else ""
    return (
        f"Forecast: about {time_text(forecast.total.seconds)}, {verb} about"
        f" {size_text(forecast.total.saved_bytes)}; {files}{jobs}, in 8 of 10 cases within the"
        " brackets"
    )


def _basis_text(basis: Basis, count: int) -> str:
    forecasts = "1 forecast" if count == 1 else f"{count} forecasts"
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
        parts.append(f"until {format_size(budget.free_bytes)} are saved")
    return ", ".join(parts)


def _budget_fate(forecast: PlanForecast) -> str:
    free = forecast.budget.free_bytes
    if free is not None and forecast.total.saved_bytes.mid < free:
        return f"not enough to save so much; {len(forecast.beyond)} beyond the budget"
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


def outlook_record(forecast: PlanForecast) -> dict[str, Any]:
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


def check_text(checked: Iterable[Calibration]) -> str:
    """How past forecasts came out, by group."""
    groups = tuple(checked)
    if not groups:
        return "no forecasts to check yet: a run notes what it foretold for each encode"
    table = [
        (one.name, one.count, *_quality_cells(one.time), *_quality_cells(one.size))
        for one in groups
    ]
    headers = (
        "forecasts", "encodes", "time off by", "time inside", "size off by", "size inside",
    )  # fmt: skip
    lines = [tabulate(table, headers=headers, tablefmt="simple", disable_numparse=True), ""]
    lines.append('"off by": half of them were off by at most so much, in the direction most were')
    lines.append('"inside": of the intervals that should hold in 80%')
    if groups[0].count < NEEDED:
        lines.append(f"fewer than {NEEDED} encodes: these figures say little yet")
    return "\n".join(lines)


def _quality_cells(quality: ErrorStats) -> tuple[str, str]:
    way = "" if 0.98 < quality.bias < 1.02 else " (too low)" if quality.bias > 1 else " (too high)"
    return f"{quality.median_error:.0%}{way}", f"{quality.inside:.0%}"


def check_json(checked: Iterable[Calibration]) -> str:
    document = {"format": 1, "groups": msgspec.to_builtins(tuple(checked))}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
