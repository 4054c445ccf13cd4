"""Forecasts: beside each row of a plan, in total, and past ones beside actual results."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from av1rules.base.text import counted, plural, printable
from av1rules.base.units import format_duration, format_size
from av1rules.forecast.calibration import Calibration, ErrorStats
from av1rules.forecast.model import Forecast
from av1rules.forecast.of_plan import PlanForecast, RuleForecast, cheapest_encode
from av1rules.ledger.records import SAMPLED, Basis, Interval
from av1rules.plan.items import Plan, PlanAction, PlanItem, coming_encode
from av1rules.report.documents.calibration import ForecastDocument, ForecastOfRule
from av1rules.report.documents.forecast import ForecastRecord, ForecastTotals, WaitingForecast
from av1rules.report.format import rule_name, size_text, time_text
from av1rules.report.json import json_document
from av1rules.report.plan import ForecastColumns
from av1rules.report.table import Column, number, table_of
from av1rules.report.table_text import table_text
from av1rules.report.view import PLAIN, View, fit

NEEDED = 20
"""The number of encodes from which on the share inside the interval is meaningful."""


def forecast_columns(forecast: PlanForecast) -> ForecastColumns:
    """What a plan shows of its forecast."""
    return ForecastColumns(
        csv_cells=lambda row: _csv_cells(row, forecast) if coming_encode(row) else {},
        record=lambda row: _record(row, forecast) if coming_encode(row) else {},
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


def forecast_record(one: Forecast) -> ForecastRecord:
    """One forecast for programs."""
    return ForecastRecord(
        seconds=_rounded(one.seconds),
        target_bytes=_rounded(one.size_bytes),
        saved_bytes=_rounded(one.saved_bytes),
        basis=one.basis_text,
        encodes=one.basis.encodes,
    )


def forecast_totals(forecast: PlanForecast) -> ForecastTotals:
    """The totals for programs."""
    return ForecastTotals(
        encodes=len(forecast.within),
        unknown=forecast.unknown,
        beyond_budget=len(forecast.beyond),
        jobs=forecast.jobs,
        seconds=_rounded(forecast.total.seconds),
        saved_bytes=_rounded(forecast.total.saved_bytes),
        waiting=WaitingForecast(
            encodes=len(forecast.later),
            seconds=_rounded(forecast.later_total.seconds),
            saved_bytes=_rounded(forecast.later_total.saved_bytes),
        ),
        budget_s=forecast.budget.seconds,
        free_bytes=forecast.budget.free_bytes,
        lines=tuple(forecast_lines(forecast)),
    )


def _rounded(found: Interval) -> Interval:
    return Interval(low=round(found.low, 1), mid=round(found.mid, 1), high=round(found.high, 1))


def _quality_columns(
    name: str, quality: Callable[[Calibration], ErrorStats]
) -> tuple[Column[Calibration], ...]:
    return (
        Column(header=f"{name} off by", value=quality, show=_off_by),
        Column(
            header=f"{name} inside", value=lambda one: quality(one).inside, show="{:.0%}".format
        ),
    )


def _off_by(quality: ErrorStats) -> str:
    bias = "" if 0.98 < quality.bias < 1.02 else " (too low)" if quality.bias > 1 else " (too high)"
    return f"{quality.median_error:.0%}{bias}"


_CHECKED: tuple[Column[Calibration], ...] = (
    Column(header="forecasts", value=lambda one: one.name),
    Column(header="encodes", value=lambda one: one.count, is_number=True),
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
    return json_document(ForecastDocument(groups=tuple(checked)))


def nothing_fits(plan: Plan, forecast: PlanForecast) -> str | None:
    """Why no encode of a plan fits into its budget, and what would; None if one does."""
    budget = forecast.budget
    if not budget.is_limited or forecast.within:
        return None
    nothing = f"nothing fits into the budget of {_budget_text(forecast)}"
    cheapest = cheapest_encode(forecast)
    if cheapest is None:
        return f"{nothing}: no film has a forecast, so none can be fitted in; leave the budget out"
    if budget.seconds is None or budget.seconds >= cheapest.budget_s:
        return f"{nothing}: no encode is expected to save space"
    names = {row.file.path: row.file.library_path for row in plan.of(PlanAction.ENCODE)}
    film = printable(names[cheapest.path])
    takes = time_text(forecast.by_path[cheapest.path].seconds)
    least = duration_option(cheapest.budget_s)
    return f"{nothing}: {film} takes least, about {takes}; --budget {least} is enough for it"


def duration_option(duration_s: float) -> str:
    """A duration as options take it, rounded up."""
    if duration_s <= 100:
        return f"{math.ceil(duration_s / 5) * 5}s"
    if duration_s <= 100 * 60:
        return f"{math.ceil(duration_s / 60)}min"
    return f"{math.ceil(duration_s / 3600)}h"


NO_WORK = "nothing to encode: a run would take no time"

_RULES: tuple[Column[RuleForecast], ...] = (
    Column(header="rule", value=lambda one: one.rule, show=rule_name),
    number("encodes", "films", lambda one: one.encodes),
    number("source_bytes", "source", lambda one: one.source_bytes, format_size),
    Column(header="time", value=lambda one: one.total.seconds, show=time_text, is_number=True),
    Column(header="saves", value=lambda one: one.total.saved_bytes, show=size_text, is_number=True),
)


def forecast_text(rules: Sequence[RuleForecast], forecast: PlanForecast, view: View = PLAIN) -> str:
    """What a run would take, by rule and in total."""
    lines = [*forecast_lines(forecast)]
    if not lines:
        return NO_WORK
    table = [table_text(table_of(_RULES, rules), view), ""] if rules else []
    return "\n".join([*table, *fit(lines, view)])


def forecast_json(rules: Sequence[RuleForecast], forecast: PlanForecast) -> str:
    """The document of `forecast`."""
    return json_document(
        ForecastDocument(
            total=forecast_totals(forecast),
            rules=tuple(
                ForecastOfRule(
                    rule=one.rule,
                    encodes=one.encodes,
                    source_bytes=one.source_bytes,
                    seconds=_rounded(one.total.seconds),
                    saved_bytes=_rounded(one.total.saved_bytes),
                )
                for one in rules
            ),
        )
    )
