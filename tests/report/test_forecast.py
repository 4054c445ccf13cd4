"""Forecasts as people read them."""

from __future__ import annotations

import csv
import io
import json

import pytest

from av1rules.base.units import parse_duration
from av1rules.forecast.calibration import check_forecasts
from av1rules.forecast.model import Model
from av1rules.forecast.of_plan import Budget, PlanForecast, fit_to_budget, forecast_by_rule
from av1rules.ledger.records import Interval
from av1rules.plan.items import Plan
from av1rules.plan.rows import PlanRows
from av1rules.report.documents.plan import plan_json
from av1rules.report.forecast import (
    NO_WORK,
    check_json,
    check_text,
    duration_option,
    forecast_columns,
    forecast_json,
    forecast_text,
    nothing_fits,
)
from av1rules.report.format import size_text, time_text
from av1rules.report.plan import plan_csv
from av1rules.report.plan_text import plan_text
from av1rules.report.view import ROWS_IN_A_PIPE
from tests.conftest import Golden
from tests.forecast.past_encodes import traits_of_kind
from tests.forecast.test_model import encodes
from tests.forecast.test_of_plan import forecast_of, rows_of
from tests.forecast.test_training import PAST
from tests.plan_items import fresh

GIB = 1024.0**3
WEB, REMUX = traits_of_kind(2), traits_of_kind(1)
MODEL = Model(encodes(WEB, 37, slower=1.3), cores=2)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (Interval(low=2, mid=3.04, high=12.2), "3.0 s (2.0-12)"),
        (Interval(low=60, mid=600, high=1200), "10 min (1.0-20)"),
        (Interval(low=28 * 3600, mid=41 * 3600, high=63 * 3600), "41 h (28-63)"),
        (Interval(low=10 * 86400, mid=20 * 86400, high=30 * 86400), "20 days (10-30)"),
    ],
)
def test_times(seconds: Interval, text: str) -> None:
    assert time_text(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (Interval(low=920 * GIB, mid=1230 * GIB, high=1430 * GIB), "1.2 TiB (0.9-1.4)"),
        (Interval(low=1 * GIB, mid=2 * GIB, high=30 * GIB), "2.0 GiB (1.0-30)"),
        (Interval(low=0, mid=0, high=2 * GIB), "0.0 MiB (0.0-2048)"),
        (Interval(low=-1 * GIB, mid=1 * GIB, high=2 * GIB), "1.0 GiB (-1.0 to 2.0)"),
        (Interval(low=0, mid=0, high=0), "0 B (0-0)"),
    ],
)
def test_sizes(size: Interval, text: str) -> None:
    assert size_text(size) == text


def plan_of(count: int) -> Plan:
    return Plan(rows=PlanRows.of((*rows_of(count), fresh("z"))))


def shown(count: int, forecast: PlanForecast) -> str:
    plan = plan_of(count)
    return plan_text(plan, forecasts=forecast_columns(forecast))


def test_a_plan_with_its_forecast(golden: Golden) -> None:
    forecast = forecast_of(MODEL.forecast(WEB), MODEL.forecast(REMUX), unknown=1)
    golden(
        "plan-forecast.txt",
        shown(3, forecast) + "\n",
    )


def test_a_plan_with_a_budget(golden: Golden) -> None:
    budget = Budget(seconds=7 * 3600.0, free_bytes=4 * 10**12)
    forecast = forecast_of(MODEL.forecast(WEB), MODEL.forecast(REMUX), budget=budget, unknown=1)
    golden(
        "plan-budget.txt",
        shown(3, forecast) + "\n",
    )


def test_a_plan_without_work_says_nothing_of_it() -> None:
    plan = Plan(rows=PlanRows.of((fresh("z"),)))
    for forecast in (PlanForecast(), PlanForecast(budget=Budget(seconds=5.0))):
        assert plan_text(plan, forecasts=forecast_columns(forecast)) == plan_text(plan)


def test_nothing_fits() -> None:
    forecast = forecast_of(MODEL.forecast(WEB), budget=Budget(seconds=1.0))
    lines = plan_text(plan_of(1), forecasts=forecast_columns(forecast)).splitlines()
    at = lines.index("Forecast: nothing fits into the budget")
    assert lines[at + 1] == "  budget 1.00 s: 1 beyond the budget"


def test_for_programs() -> None:
    forecast = forecast_of(MODEL.forecast(WEB), unknown=1, budget=Budget(seconds=1e7))
    forecasts = forecast_columns(forecast)
    output = json.loads("".join(plan_json(plan_of(2), forecasts)))
    assert output["forecast"]["encodes"] == output["forecast"]["beyond_budget"] == 1
    assert output["forecast"]["seconds"]["low"] < output["forecast"]["seconds"]["high"]
    known, unknown, fresh = output["rows"]
    assert known["forecast"]["basis"] == "from 37 encodes like it"
    assert (unknown["forecast"], unknown["beyond_budget"]) == (None, True)
    assert "forecast" not in fresh
    lines = list(csv.DictReader(io.StringIO("".join(plan_csv(plan_of(2), forecasts)))))
    assert [line["beyond_budget"] for line in lines] == ["", "yes", ""]
    assert lines[0]["forecast_from"] == "from 37 encodes like it"
    assert float(lines[0]["seconds_low"]) < float(lines[0]["seconds"])
    assert lines[1]["seconds"] == ""


def test_how_they_came_out(golden: Golden) -> None:
    checked = check_forecasts([PAST] * 30)
    golden("forecast-check.txt", check_text(checked) + "\n")
    assert "not yet meaningful" in check_text(check_forecasts([PAST]))
    assert "no forecasts to check yet" in check_text(())
    (first, *_) = json.loads(check_json(checked))["groups"]
    assert (first["name"], first["count"]) == ("all", 30)
    assert first["time"]["median_error"] == pytest.approx(0.2)
    assert json.loads(check_json(()))["groups"] == []


def test_several_at_a_time_are_named() -> None:
    raw = PlanForecast(by_path={"/films/a": MODEL.forecast(WEB)}, within=("/films/a",), jobs=3)
    found = forecast_columns(fit_to_budget(raw, rows_of(1)))
    assert found.total is not None
    assert "1 encode, 3 at a time" in found.total.lines[0]


def test_a_long_group_is_cut_and_all_shows_the_rest() -> None:
    plan = Plan(rows=PlanRows.of(rows_of(ROWS_IN_A_PIPE + 3)))
    cut, whole = plan_text(plan), plan_text(plan, every_row=True)
    assert "... and 3 more: --all" in cut
    assert "more: --all" not in whole
    assert len(whole.splitlines()) - len(cut.splitlines()) == 3 - 1  # the line that counts the rest
    assert cut.splitlines()[:3] == whole.splitlines()[:3]  # totals are of all files
    assert len(json.loads("".join(plan_json(plan)))["rows"]) == ROWS_IN_A_PIPE + 3


# --- what a run would take


def test_by_rule_and_in_total() -> None:
    forecast = forecast_of(MODEL.forecast(WEB), MODEL.forecast(REMUX), unknown=1)
    rules = forecast_by_rule(plan_of(3), forecast)
    assert [(one.rule, one.encodes) for one in rules] == [(rows_of(1)[0].rule, 2)]
    assert rules[0].total == forecast.total
    text = forecast_text(rules, forecast)
    assert time_text(forecast.total.seconds) in text.splitlines()[2]
    assert "1 encode has no forecast" in text
    document = json.loads(forecast_json(rules, forecast))
    assert document["total"]["encodes"] == document["rules"][0]["encodes"] == 2
    assert "groups" not in document


def test_nothing_to_encode_takes_no_time() -> None:
    assert forecast_text((), forecast_of()) == NO_WORK


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (Budget(seconds=1), "takes least"),
        (Budget(seconds=1, free_bytes=10), "takes least"),
        (Budget(), None),
        (Budget(seconds=10**9), None),
    ],
)
def test_a_budget_for_nothing_says_what_would_be_enough(budget: Budget, words: str | None) -> None:
    forecast = forecast_of(MODEL.forecast(WEB), MODEL.forecast(REMUX), budget=budget)
    why = nothing_fits(plan_of(2), forecast)
    assert (why is None) is (words is None)
    if why is not None:
        assert "films/" in why
        enough = parse_duration(why.partition("--budget ")[2].partition(" ")[0])
        better = forecast_of(
            MODEL.forecast(WEB), MODEL.forecast(REMUX), budget=Budget(seconds=enough)
        )
        assert len(better.within) == 1


def test_a_budget_without_forecasts_says_so() -> None:
    forecast = forecast_of(budget=Budget(seconds=1), unknown=1)
    assert "no film has a forecast" in (nothing_fits(plan_of(1), forecast) or "")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.7, "5s"), (11, "15s"), (101, "2min"), (5999, "100min"), (6001, "2h"), (90_000, "25h")],
)
def test_a_duration_as_an_option_is_rounded_up(seconds: float, text: str) -> None:
    assert duration_option(seconds) == text
    assert parse_duration(text) >= seconds
