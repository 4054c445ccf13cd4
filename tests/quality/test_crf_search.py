"""The search for a CRF, on curves of real films and on figures that no film has."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from av1rules.policy.quality_spec import CRF_STEP, Floor, Metric, QualityTarget, Statistic
from av1rules.quality.crf_search import (
    CLOSE_CRF,
    MAX_TRIALS,
    CrfFound,
    CrfNotReached,
    TrialPoint,
    next_step,
)

Curve = Callable[[float], float]

MIX = ((20, 96.74), (26, 95.87), (32, 94.44), (38, 92.49), (44, 90.06), (50, 87.03))
"""VMAF of two minutes of six clips at preset 8."""


def _mix(crf: float) -> float:
    for (low, high_value), (high, low_value) in pairwise(MIX):
        if crf <= high:
            return high_value + (crf - low) / (high - low) * (low_value - high_value)
    return MIX[-1][1]


def _target(
    value: float,
    *,
    metric: Metric = Metric.VMAF,
    statistic: Statistic = Statistic.MEAN,
    low: float = 20.0,
    high: float = 50.0,
) -> QualityTarget:
    floor = Floor(metric=metric, statistic=statistic, value=value)
    return QualityTarget(floor=floor, crf_min=low, crf_max=high)


def _search(curve: Curve, target: QualityTarget, start: float = 32.0) -> CrfFound | CrfNotReached:
    trials: list[TrialPoint] = []
    while True:
        step = next_step(target, trials, start=start)
        if isinstance(step, CrfFound | CrfNotReached):
            return step
        assert len(trials) < MAX_TRIALS, "asked for more than the bound"
        trials.append(TrialPoint(crf=step, value=curve(step)))


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (97, "no CRF from 20 to 50: VMAF mean 96.7 (wanted 97) at 20"),
        (96, "CRF 24.75: VMAF mean 96.0 (wanted 96), 3 trial encodes"),
        (95, "CRF 29.25: VMAF mean 95.0 (wanted 95), 4 trial encodes"),
        (94, "CRF 33: VMAF mean 94.1 (wanted 94), 2 trial encodes"),
        (93, "CRF 35.75: VMAF mean 93.2 (wanted 93), 3 trial encodes"),
        (88, "CRF 47.5: VMAF mean 88.2 (wanted 88), 3 trial encodes"),
        (86, "CRF 50: VMAF mean 87.0 (wanted 86), 3 trial encodes"),
    ],
)
def test_a_real_film(wanted: float, text: str) -> None:
    assert _search(_mix, _target(wanted)).text == text


@pytest.mark.parametrize("wanted", [87.5, 90.2, 91.7, 93.3, 95.4, 96.1])
@pytest.mark.parametrize("start", [20.0, 24.0, 32.0, 50.0])
def test_what_is_found_is_nearly_the_highest_wherever_it_starts(
    wanted: float, start: float
) -> None:
    found = _search(_mix, _target(wanted), start)
    assert isinstance(found, CrfFound)
    assert _mix(found.crf) >= wanted > _mix(found.crf + 2 * CLOSE_CRF)
    assert len(found.trials) <= 5


def test_a_start_outside_the_range_or_between_steps_is_moved() -> None:
    assert next_step(_target(95), [], start=12.0) == 20.0
    assert next_step(_target(95), [], start=60.0) == 50.0
    assert next_step(_target(95), [], start=27.9) == 27.75


def test_good_enough_at_the_highest_ends_at_once() -> None:
    found = _search(lambda crf: 99.0, _target(90), start=50.0)
    assert found.text == "CRF 50: VMAF mean 99.0 (wanted 90), 1 trial encode"


def test_perfect_pictures_go_straight_to_the_highest() -> None:
    found = _search(lambda crf: 100.0, _target(93))
    assert [trial.crf for trial in found.trials] == [32.0, 50.0]


def test_a_curve_that_leaves_the_end_of_its_scale() -> None:
    found = _search(lambda crf: min(100.0, 100 - (crf - 35) ** 3 / 200), _target(95))
    assert isinstance(found, CrfFound)
    assert 44.0 <= found.crf <= 45.0


def test_similarity_near_one() -> None:
    target = _target(0.985, metric=Metric.SSIM, statistic=Statistic.P5)
    found = _search(lambda crf: 1 - 0.004 * math.exp(0.06 * (crf - 20)), target)
    assert found.text == "CRF 41.75: SSIM p5 0.9852 (wanted 0.985), 2 trial encodes"


def test_decibels() -> None:
    target = _target(38.5, metric=Metric.XPSNR, statistic=Statistic.P1)
    found = _search(lambda crf: 47 - 0.35 * (crf - 16), target)
    assert isinstance(found, CrfFound)
    assert 39.75 <= found.crf <= 40.25
    assert len(found.trials) <= 3


def test_a_figure_just_below_is_not_shown_as_the_floor() -> None:
    missed = _search(lambda crf: 92.96, _target(93, low=16, high=40))
    assert missed.text == "no CRF from 16 to 40: VMAF mean 92.9 (wanted 93) at 32"
    assert isinstance(missed, CrfNotReached)
    assert missed.trials[-1].crf == 16


def test_a_range_of_one() -> None:
    target = _target(93, low=24, high=24)
    assert (
        _search(lambda crf: 94.0, target).text
        == "CRF 24: VMAF mean 94.0 (wanted 93), 1 trial encode"
    )
    assert isinstance(_search(lambda crf: 90.0, target), CrfNotReached)


def test_the_worse_of_two_tries_counts() -> None:
    twice = [TrialPoint(crf=50.0, value=96.0), TrialPoint(crf=50.0, value=80.0)]
    assert isinstance(next_step(_target(93), twice, start=32.0), float)


def test_order_of_probes_does_not_matter() -> None:
    trials = [TrialPoint(crf=crf, value=_mix(crf)) for crf in (24.0, 41.0, 30.0)]
    steps = {next_step(_target(93), order, start=32.0) for order in (trials, trials[::-1])}
    assert len(steps) == 1


@pytest.mark.parametrize("seed", range(20))
def test_noise_costs_few_probes_more(seed: int) -> None:
    noise = random.Random(seed)
    jitter = {crf / 4: noise.gauss(0, 0.15) for crf in range(400)}
    found = _search(lambda crf: _mix(crf) + jitter[crf], _target(93))
    assert isinstance(found, CrfFound)
    assert found.value >= 93
    assert abs(found.crf - 36.4) < 2


_SPANS = st.tuples(st.integers(40, 250), st.integers(0, 160)).map(
    lambda it: (it[0] / 4, (it[0] + it[1]) / 4)
)


@given(
    span=_SPANS,
    start=st.floats(0, 70),
    values=st.lists(st.floats(0, 100), min_size=1, max_size=60),
    wanted=st.floats(1, 100),
    metric=st.sampled_from(list(Metric)),
)
def test_any_figures_at_all(
    span: tuple[float, float], start: float, values: list[float], wanted: float, metric: Metric
) -> None:
    """Every search ends within the bound, tries nothing twice, and tells the truth."""
    ended = _search(
        lambda crf: values[int(crf * 4) % len(values)],
        _target(wanted, metric=metric, low=span[0], high=span[1]),
        start,
    )
    tried = [trial.crf for trial in ended.trials]
    assert len(set(tried)) == len(tried) <= MAX_TRIALS
    assert all(span[0] <= crf <= span[1] and (crf / CRF_STEP).is_integer() for crf in tried)
    if isinstance(ended, CrfFound):
        assert TrialPoint(crf=ended.crf, value=ended.value) in ended.trials
        assert ended.value >= wanted
        assert all(trial.value < wanted for trial in ended.trials if trial.crf > ended.crf)
    else:
        assert span[0] in tried
        assert all(trial.value < wanted for trial in ended.trials)
        assert ended.best.value == max(trial.value for trial in ended.trials)


@given(
    span=_SPANS,
    start=st.floats(0, 70),
    wanted=st.floats(80, 99),
    at_zero=st.floats(0.2, 3),
    growth=st.floats(0.025, 0.12),
)
def test_any_falling_curve(
    span: tuple[float, float], start: float, wanted: float, at_zero: float, growth: float
) -> None:
    """On a curve that falls as films do, the answer is close to the highest that there is."""

    def curve(crf: float) -> float:
        return 100 - at_zero * math.exp(growth * crf)

    ended = _search(curve, _target(wanted, low=span[0], high=span[1]), start)
    assert isinstance(ended, CrfNotReached) == (curve(span[0]) < wanted)
    if isinstance(ended, CrfFound) and ended.crf + 3 * CLOSE_CRF <= span[1]:
        assert curve(ended.crf + 3 * CLOSE_CRF) < wanted  # nearer to the end is close enough


FILM_A = ((26, 95.05), (38.5, 88.20), (35.75, 90.68), (36.25, 90.32))
FILM_B = ((26, 92.11), (30, 90.33), (31, 89.74))
"""VMAF of the worst twentieth of pictures, as a search recorded them."""


@pytest.mark.parametrize(("film", "crf"), [(FILM_A, 36.25), (FILM_B, 30.0)])
def test_a_last_step_of_the_grid_is_not_worth_a_trial(
    film: tuple[tuple[float, float], ...], crf: float
) -> None:
    target = _target(90, statistic=Statistic.P5)
    trials = [TrialPoint(crf=at, value=value) for at, value in film]
    found = next_step(target, trials, start=26.0)
    assert isinstance(found, CrfFound)
    assert found.crf == crf
    assert isinstance(next_step(target, trials[:-1], start=26.0), float)


@pytest.mark.parametrize(
    ("metric", "value", "shown"),
    [
        (Metric.VMAF, 93.19, "93.1"), (Metric.XPSNR, 38.129, "38.12"),
        (Metric.SSIM, 0.98559, "0.9855"), (Metric.PSNR, 41.005, "41.00"),
    ],
)  # fmt: skip
def test_scores_are_cut_to_the_digits_that_mean_something(
    metric: Metric, value: float, shown: str
) -> None:
    found = _search(lambda crf: value, _target(value, metric=metric, low=50, high=50))
    assert f" {shown} (wanted" in found.text


def test_a_quarter_step_is_tried_where_only_that_is_left() -> None:
    """Two trials 0.75 apart; closer ones end the search."""
    trials = [TrialPoint(crf=30.0, value=96.0), TrialPoint(crf=30.75, value=60.0)]
    assert next_step(_target(93.0, low=20, high=50), trials, start=32.0) == 30.25
    trials = [TrialPoint(crf=30.0, value=96.0), TrialPoint(crf=30.5, value=60.0)]
    assert isinstance(next_step(_target(93.0, low=20, high=50), trials, start=32.0), CrfFound)


@pytest.mark.parametrize("metric", [Metric.XPSNR, Metric.PSNR])
def test_decibels_are_searched_to_the_end(metric: Metric) -> None:
    found = _search(lambda crf: 47 - 0.25 * (crf - 16), _target(40.9, metric=metric), start=20.0)
    assert isinstance(found, CrfFound)
    assert 39.5 <= found.crf <= 40.25  # the floor is met at 40.4


def test_nearly_perfect_pictures_still_differ() -> None:
    found = _search(lambda crf: 100 - 0.4 * math.exp(0.06 * (crf - 20)), _target(99), start=22.0)
    assert isinstance(found, CrfFound)
    assert 34.5 <= found.crf <= 35.25  # the floor is met at 35.3


@pytest.mark.parametrize("cliff", [24.9, 33.3, 41.6, 45.1, 49.9])
def test_a_cliff_is_found_by_halves(cliff: float) -> None:
    """Figures that no line fits: what is left after the first trials is halved."""
    curve = _target(93, low=10, high=63)
    found = _search(lambda crf: 96.0 if crf <= cliff else 20.0, curve)
    assert isinstance(found, CrfFound)
    assert cliff - 0.75 <= found.crf <= cliff
