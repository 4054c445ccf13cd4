"""What two policies cost: sums, and differences that are as unsure as they are and no more."""

from __future__ import annotations

import math
import random

import pytest
from msgspec.structs import replace

from av1rules.forecast.difference import (
    FinishedTarget,
    Share,
    cost_of,
    difference_of,
    expected,
)
from av1rules.forecast.model import NOTHING, Forecast, Model, total_of
from tests.forecast.past_encodes import traits_of_kind

MODEL = Model(cores=2)
WEB, DVD = traits_of_kind(2), traits_of_kind(4)
MADE = FinishedTarget(source_bytes=10_000, target_bytes=4_000)


def forecast(crf: float = 28.0) -> Forecast:
    return MODEL.forecast(replace(WEB, crf=crf))


def test_a_finished_target_takes_no_time_and_its_size_is_known() -> None:
    cost = cost_of([MADE, MADE, None])
    assert (cost.encodes, cost.seconds) == (0, NOTHING.seconds)
    assert {cost.target_bytes.low, cost.target_bytes.mid, cost.target_bytes.high} == {8_000}
    assert {cost.saved_bytes.low, cost.saved_bytes.high} == {12_000}


def test_one_side_is_the_total_of_its_forecasts() -> None:
    films = [forecast(), forecast(30)]
    cost = cost_of([*films, MADE], unknown=1)
    assert (cost.encodes, cost.unknown) == (3, 1)
    assert cost.seconds == total_of(films).seconds
    assert cost.saved_bytes == total_of(films).saved_bytes.plus(6_000)
    alone = cost_of([films[0]])
    assert alone.target_bytes == films[0].size_bytes
    assert cost_of([*films], gain=2).seconds.high <= cost.seconds.high


def test_the_same_on_both_sides_makes_no_difference() -> None:
    found = difference_of([(forecast(), forecast()), (MADE, MADE), (None, None)])
    for one in (found.seconds, found.target_bytes, found.saved_bytes):
        assert (one.low, one.mid, one.high) == (0, 0, 0)


def test_what_is_off_on_both_sides_does_not_blur_the_difference() -> None:
    """A CRF two steps higher is smaller for sure, however wide each forecast is."""
    small, large = forecast(30), forecast(28)
    found = difference_of([(large, small)])
    assert found.target_bytes.high < 0
    assert small.size_bytes.high > large.size_bytes.low, "the intervals of both overlap"
    apart = difference_of([(None, small), (large, None)])
    assert apart.target_bytes.low < found.target_bytes.low
    assert apart.target_bytes.high > 0


def test_swapping_the_sides_swaps_the_sign() -> None:
    pairs: list[tuple[Share, Share]] = [(forecast(30), forecast(28)), (MADE, forecast())]
    found = difference_of(pairs)
    back = difference_of([(now, then) for then, now in pairs])
    for name in ("seconds", "target_bytes", "saved_bytes"):
        one, other = getattr(found, name), getattr(back, name)
        assert (one.low, one.mid, one.high) == pytest.approx((-other.high, -other.mid, -other.low))


def test_the_interval_holds_in_eight_of_ten_cases() -> None:
    """Sizes drawn as the model believes them: films share what is common and have their own."""
    rng, inside, trials = random.Random(14), 0, 2000
    pairs = [(MADE, forecast(crf)) for crf in (20, 24, 28, 32, 36, 40) * 3]
    found = difference_of(pairs).target_bytes
    for _ in range(trials):
        common, total = rng.gauss(0, 1), 0.0
        for then, now in pairs:
            guess = now.size_guess
            drawn = guess.mu + guess.common * common + guess.own * rng.gauss(0, 1)
            total += math.exp(drawn) - then.target_bytes
        inside += found.low <= total <= found.high
    assert 0.74 < inside / trials < 0.9
    assert found.mid == pytest.approx(
        sum(expected(now.size_guess) - then.target_bytes for then, now in pairs)
    )


def test_other_encoders_and_presets_are_unsure_apart() -> None:
    other = MODEL.forecast(replace(WEB, preset=3))
    found = difference_of([(forecast(), other)])
    assert found.seconds.low < other.seconds.mid - forecast().seconds.mid < found.seconds.high
    same = difference_of([(forecast(28), forecast(30))])
    assert found.seconds.high - found.seconds.low > same.seconds.high - same.seconds.low
