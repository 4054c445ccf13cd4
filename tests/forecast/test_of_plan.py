"""Budgets: what is within, in which order, and when a run stops starting work."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from av1rules.execute.budget import BudgetScheduler
from av1rules.forecast.model import Forecast, Model
from av1rules.forecast.of_plan import Budget, PlanForecast, fit_to_budget, traits_of
from av1rules.plan.items import Encode
from tests.encode.make import source, video
from tests.forecast.past_encodes import traits_of_kind
from tests.plan_items import copy, encode, library_file, planned_encode

MODEL = Model(cores=2)
HOUR = 3600.0


def forecast_of(*forecasts: Forecast, budget: Budget = Budget(), unknown: int = 0) -> PlanForecast:
    """Of films a, b, c ..., as they would be found; the last `unknown` have no forecast."""
    by_path = {f"/films/{chr(97 + at)}": one for at, one in enumerate(forecasts)}
    raw = PlanForecast(by_path=by_path, within=tuple(by_path), unknown=unknown, budget=budget)
    return fit_to_budget(raw, rows_of(len(forecasts) + unknown))


def rows_of(count: int) -> tuple[Encode, ...]:
    return tuple(encode(chr(97 + at)) for at in range(count))


def film(minutes: float, *, rate: float = 1.0) -> Forecast:
    return MODEL.forecast(traits_of_kind(2, minutes=minutes, rate=rate))


LONG, SHORT, RICH = film(200), film(20), film(100, rate=3)


def test_without_a_budget_all_in_the_order_of_the_walk() -> None:
    found = forecast_of(LONG, SHORT, RICH)
    assert found.within == ("/films/a", "/films/b", "/films/c")
    assert found.beyond == frozenset()
    assert found.total.seconds.mid > LONG.seconds.mid + SHORT.seconds.mid


def test_best_saving_per_hour_comes_first() -> None:
    found = forecast_of(LONG, SHORT, RICH, budget=Budget(seconds=1e9))
    assert found.within[0] == "/films/c"
    rates = [found.by_path[path].saving_per_hour for path in found.within]
    assert rates == sorted(rates, reverse=True)


def test_what_does_not_fit_is_beyond_and_shorter_work_still_fits() -> None:
    budget = Budget(seconds=RICH.expected_seconds + SHORT.expected_seconds * 1.1)
    found = forecast_of(LONG, SHORT, RICH, budget=budget)
    assert set(found.within) == {"/films/b", "/films/c"}
    assert found.beyond == {"/films/a"}


def test_a_budget_for_nothing_at_all() -> None:
    found = forecast_of(LONG, SHORT, budget=Budget(seconds=1.0))
    assert found.within == ()
    assert found.beyond == {"/films/a", "/films/b"}
    assert found.total.seconds.mid == 0


def test_until_enough_is_saved() -> None:
    found = forecast_of(LONG, SHORT, RICH, budget=Budget(free_bytes=1))
    assert found.within == ("/films/c",), "one is enough, and it is the one that saves most"


def test_more_than_there_is_takes_all_that_saves() -> None:
    hopeless = MODEL.forecast(replace(traits_of_kind(2), max_size_ratio=0.0))
    found = forecast_of(LONG, hopeless, budget=Budget(free_bytes=10**15))
    assert found.within == ("/films/a",)


def test_work_without_a_forecast_is_beyond_any_budget() -> None:
    assert forecast_of(SHORT, unknown=1).beyond == frozenset()
    assert forecast_of(SHORT, unknown=1, budget=Budget(seconds=1e9)).beyond == {"/films/b"}


@given(st.lists(st.floats(1, 300), min_size=1, max_size=9), st.floats(1, 1e6), st.floats(1, 1e6))
def test_a_larger_budget_is_used_and_never_overspent(
    minutes: list[float], one_s: float, other_s: float
) -> None:
    films = [film(length) for length in minutes]
    for seconds in (one_s, other_s):
        found = forecast_of(*films, budget=Budget(seconds=seconds))
        used = sum(found.by_path[path].expected_seconds for path in found.within)
        assert used <= seconds
        assert len(found.within) + len(found.beyond) == len(films)
        left_out = [found.by_path[path].expected_seconds for path in found.beyond]
        assert all(used + cost > seconds for cost in left_out)


def test_what_tells_too_little_has_no_traits() -> None:
    assert traits_of(planned_encode(library_file("a"), source(video=(), main_index=None))) is None


# --- in a run


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def allowance(forecast: PlanForecast) -> tuple[BudgetScheduler, Clock]:
    clock = Clock()
    return BudgetScheduler(forecast, clock=clock), clock


def test_forecasts_go_by_the_length_of_the_pictures() -> None:
    """Joined recordings: the clock says 6.4 hours, the pictures last a minute."""
    joined = source(main=video(duration_s=60.0), duration_s=23_040.0)
    traits = traits_of(planned_encode(library_file("a.ts"), joined))
    assert traits is not None
    assert traits.frames == pytest.approx(60 * 24000 / 1001)


def test_without_a_budget_everything_may_start_as_it_comes() -> None:
    found, clock = allowance(forecast_of(LONG, SHORT))
    clock.now = 1e12
    rows = rows_of(3)
    assert found.in_order(rows) == rows
    assert all(found.may_start(one) for one in rows)


def test_time_is_what_the_clock_says() -> None:
    budget = Budget(seconds=LONG.seconds.mid + 100)
    found, clock = allowance(forecast_of(LONG, SHORT, budget=budget))
    long, short = rows_of(2)
    assert found.may_start(long)
    clock.now = 101.0
    assert not found.may_start(long)
    assert found.may_start(short)
    clock.now = budget.seconds or 0.0
    assert not found.may_start(short)


def test_samples_are_taken_while_there_is_time_for_the_encode_too() -> None:
    film = MODEL.forecast(replace(LONG.traits, first_frames=LONG.traits.frames / 2))
    budget = Budget(seconds=film.expected_seconds * 1.01)
    found, clock = allowance(forecast_of(film, budget=budget))
    (row,) = rows_of(1)
    assert found.may_prepare(row)
    clock.now = (budget.seconds or 0.0) - film.encode_seconds.mid
    assert not found.may_prepare(row)
    assert found.may_start(row), "its samples are taken: only the encode is left"


def test_beside_others_it_takes_longer() -> None:
    raw = forecast_of(SHORT, budget=Budget(seconds=SHORT.seconds.mid * 1.5))
    (short,) = rows_of(1)
    assert allowance(raw)[0].may_start(short)
    assert not allowance(replace(raw, stretch=2.0))[0].may_start(short)


def test_space_counts_what_is_saved_and_what_is_hoped_for() -> None:
    goal = int(SHORT.expected_saving * 1.5)
    found, _ = allowance(forecast_of(SHORT, SHORT, SHORT, SHORT, budget=Budget(free_bytes=goal)))
    first, second, third, fourth = rows_of(4)
    assert found.may_start(first)
    assert found.may_start(second)
    assert not found.may_start(third), "two at work will do"
    found.saved(first, 0)
    assert found.may_start(third), "one of them came to nothing"
    found.saved(second, goal)
    assert not found.may_start(fourth)


def test_order_of_a_run() -> None:
    budget = Budget(seconds=RICH.expected_seconds + SHORT.expected_seconds * 1.1)
    found, _ = allowance(forecast_of(LONG, SHORT, RICH, unknown=1, budget=budget))
    shared = copy("copy")
    order = found.in_order((*rows_of(4), shared))
    assert [one.file.relative_path for one in order] == ["copy", "c", "b", "a", "d"]
    assert not found.may_start(order[-1]), "no forecast"
    assert found.may_start(shared)


@pytest.mark.parametrize("budget", [Budget(seconds=5.0), Budget(free_bytes=5)])
def test_limits(budget: Budget) -> None:
    assert budget.is_limited
    assert not Budget().is_limited
