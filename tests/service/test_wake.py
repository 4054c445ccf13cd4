from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from av1rules.service.wake import (
    LONG_ROUND_S,
    MARGIN_S,
    REST_SHARE,
    SOON_S,
    Pace,
    WakeCause,
    Wakes,
    ends_round,
)

PACE = Pace(interval_s=900, settle_s=60)
IDLE = Wakes(pace=PACE)


def test_nothing_is_due_before_something_asks() -> None:
    assert IDLE.due == math.inf
    assert IDLE.causes(1e9) == ()


def test_the_interval_begins_with_the_end_of_a_round() -> None:
    after = IDLE.begin(0).end(100, plan_s=0, is_settling=False, has_rest=False)
    assert after.due == 1000
    assert after.causes(999) == ()
    assert after.causes(1000) == (WakeCause.INTERVAL,)


def test_files_that_go_on_changing_put_it_off_until_they_are_whole() -> None:
    wakes = IDLE.ask(WakeCause.FILES, 10).ask(WakeCause.FILES, 50)
    assert wakes.due == 50 + PACE.settle_s + MARGIN_S


def test_but_not_beyond_the_interval() -> None:
    wakes = IDLE.end(0, plan_s=0, is_settling=False, has_rest=False)
    for now in range(0, 2000, 10):
        wakes = wakes.ask(WakeCause.FILES, now)
    assert wakes.due == PACE.interval_s


def test_words_and_edits_are_soon_and_not_put_off() -> None:
    for cause in (WakeCause.SPOOL, WakeCause.RULES):
        wakes = IDLE.ask(cause, 10).ask(cause, 11)
        assert wakes.due == 10 + SOON_S


def test_files_that_may_still_grow_are_looked_at_when_they_are_whole() -> None:
    wakes = IDLE.end(100, plan_s=0, is_settling=True, has_rest=False)
    assert wakes.due == 100 + PACE.settle_s + MARGIN_S
    assert wakes.causes(wakes.due) == (WakeCause.SETTLED,)


def test_a_large_library_is_not_planned_all_the_time() -> None:
    wakes = IDLE.end(100, plan_s=5, is_settling=False, has_rest=False)
    assert wakes.ask(WakeCause.SPOOL, 101).due == 100 + 5 * REST_SHARE
    assert wakes.ask(WakeCause.SIGNAL, 101).due == 101


def test_films_that_were_left_are_done_at_once() -> None:
    assert IDLE.end(100, plan_s=9, is_settling=False, has_rest=True).due == 100


def test_what_keeps_it_from_a_round_is_asked_for_again() -> None:
    assert IDLE.ask(WakeCause.START, 0).wait(10).due == 10 + PACE.interval_s
    assert IDLE.wait(10, 2).causes(12) == (WakeCause.AGAIN,)


def test_a_long_round_ends_for_new_films_and_not_for_the_interval() -> None:
    news = IDLE.ask(WakeCause.SPOOL, 0)
    assert not ends_round(news, LONG_ROUND_S - 1, began=0)
    assert ends_round(news, LONG_ROUND_S, began=0)
    assert not ends_round(IDLE.ask_at(WakeCause.INTERVAL, 0), LONG_ROUND_S * 9, began=0)


@given(st.lists(st.tuples(st.sampled_from(WakeCause), st.floats(0, 1e6)), min_size=1))
def test_whatever_asks_is_answered_by_the_interval_or_its_own_time(
    asked: list[tuple[WakeCause, float]],
) -> None:
    wakes = IDLE
    for cause, now in sorted(asked, key=lambda one: one[1]):
        wakes = wakes.ask(cause, now)
    latest = max(now for _, now in asked) + PACE.settle_s + MARGIN_S
    assert wakes.due <= latest
    assert wakes.causes(latest)
    assert wakes.begin(latest).due == math.inf


def test_an_edit_just_before_a_round_is_not_lost() -> None:
    wakes = Wakes(pace=Pace(interval_s=900, settle_s=10)).ask(WakeCause.RULES, 100)
    begun = wakes.begin(101)
    assert begun.causes(102) == (WakeCause.RULES,)
    assert begun.wait(103, 60).causes(103) == (WakeCause.RULES,)
    assert wakes.begin(102).causes(200) == ()
