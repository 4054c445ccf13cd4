"""A limit acts after a while, and lets go after a longer one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from av1rules.execute.control.hold import HoldCause, HoldKind
from av1rules.execute.control.limits import (
    ACT_AFTER_S,
    GO_ON_AFTER_S,
    Hysteresis,
    LimitKeeper,
    Reading,
)
from av1rules.policy.schedule.hours import Outside
from av1rules.policy.schedule.limits import MachineLimits, Unknown


def acting(*readings: tuple[float, bool]) -> list[bool]:
    one = Hysteresis()
    return [one.feed(is_beyond, now) for now, is_beyond in readings]


def test_the_first_reading_counts_at_once() -> None:
    assert acting((0, True)) == [True]
    assert acting((0, False)) == [False]


def test_a_short_peak_does_nothing() -> None:
    assert (
        acting((0, False), (5, True), (34, True), (34.5, False), (40, True), (69, True))
        == [False] * 6
    )


def test_it_acts_after_half_a_minute_and_lets_go_after_two() -> None:
    found = acting(
        (0, False), (5, True), (35, True), (36, False), (100, True), (101, False), (220, False),
        (221, False),
    )  # fmt: skip
    assert found == [False, False, True, True, True, True, True, False]


@given(st.lists(st.tuples(st.floats(0.1, 60), st.booleans()), min_size=1, max_size=60))
def test_it_never_changes_before_its_time(steps: list[tuple[float, bool]]) -> None:
    one, now, changed_at = Hysteresis(), 0.0, 0.0
    was = one.feed(steps[0][1], now)
    for pause, is_beyond in steps[1:]:
        now += pause
        is_acting = one.feed(is_beyond, now)
        if is_acting != was:
            assert is_acting is is_beyond
            assert now - changed_at >= (ACT_AFTER_S if is_acting else GO_ON_AFTER_S)
            was, changed_at = is_acting, now


def reading(cause: HoldCause, is_beyond: bool | None, text: str = "why") -> Reading:
    return Reading(cause=cause, is_beyond=is_beyond, text=text)


@pytest.mark.parametrize(
    ("beyond", "kind"), [(Outside.PAUSE, HoldKind.PAUSE), (Outside.FINISH, HoldKind.FINISH)]
)
def test_each_limit_has_its_own_time(beyond: Outside, kind: HoldKind) -> None:
    keeper = LimitKeeper(MachineLimits(load=0.5, temperature=80, beyond=beyond))
    cool, hot = (reading(HoldCause.TEMPERATURE, one, "hot") for one in (False, True))
    calm, busy = (reading(HoldCause.LOAD, one, "busy") for one in (False, True))
    assert keeper.feed([cool, calm], 0) is None
    assert keeper.feed([cool, busy], 10) is None
    assert keeper.feed([hot, busy], 20) is None
    hold = keeper.feed([hot, busy], 40)
    assert hold is not None
    assert (hold.kind, hold.cause, hold.reason) == (kind, HoldCause.LOAD, "busy")
    hold = keeper.feed([hot, calm], 50)
    assert hold is not None
    assert (hold.cause, hold.reason) == (HoldCause.TEMPERATURE, "hot")


def test_the_words_are_those_of_the_last_passing() -> None:
    keeper = LimitKeeper(MachineLimits(load=0.5))
    keeper.feed([reading(HoldCause.LOAD, True, "use 90 %")], 0)
    hold = keeper.feed([reading(HoldCause.LOAD, False, "use 3 %")], 5)
    assert hold is not None
    assert hold.reason == "use 90 %"


def test_what_is_not_known_limits_nothing_unless_the_policy_says_so() -> None:
    unknown = reading(HoldCause.TEMPERATURE, None)
    assert LimitKeeper(MachineLimits(temperature=80)).feed([unknown], 0) is None
    strict = LimitKeeper(MachineLimits(temperature=80, unknown=Unknown.PAUSE))
    assert strict.feed([unknown], 0) is not None
