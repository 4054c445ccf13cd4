"""The search for a CRF: chooses the next CRF to try from the earlier trials. Pure.

The logarithm of the damage grows nearly linearly with CRF, so the line through two trials usually
leads to the answer. The search relies on measurements only: the CRF found was tried and stayed
above the floor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from av1rules.base.text import counted
from av1rules.policy.quality_spec import BEST_POSSIBLE, CRF_STEP, Metric, QualityTarget, figure_name

MAX_TRIALS = 8
"""Limit for any search, however the scores jump. Real films take 2 to 4 (see docs/quality.md)."""

MAX_FAILED_TRIALS = 3
"""After this many trials below the floor and none above, the search tries the lowest CRF of the
range, which shows whether any CRF is good enough."""

MAX_INTERPOLATED = 5
"""This many trials interpolate; after them the search bisects."""

CLOSE_CRF = 0.5
"""A search ends when no CRF higher by more than this can pass: that is at most 4 % of the size,
less than the error of samples."""

WORTH_CRF = 0.25
"""A trial that would move the CRF by no more than this is not made: a step of the grid is some 2 %
of the size. Of 3,400 made-up films with noise in their scores: 3.05 trials instead of 3.32, and a
CRF that is lower by 0.06 in the mean (0.36 instead of 0.30 below the highest that passes, 0.96
instead of 0.84 in the worst of 100)."""

BELIEVED_SLOPE = 2.0
"""The line through two trials tells how far the next one would move only if it is no steeper than
this many times the usual one: on a cliff it tells nothing."""

SLOPES = {Metric.VMAF: 0.055, Metric.XPSNR: 0.055, Metric.SSIM: 0.06, Metric.PSNR: 0.06}
"""How much the logarithm of damage usually grows per CRF: decides the second trial. Three films of
`tests.bench.bench_search` from CRF 20 to 50: VMAF 0.046 to 0.051, XPSNR 0.053, SSIM 0.056; the
values here need the fewest trials. PSNR was not measured."""

MAX_SLOPE_RATIO = 3.0
"""Limits a measured slope to this many times the usual one, or to this fraction of it."""

MIN_DAMAGE = {Metric.VMAF: 0.3, Metric.SSIM: 0.001}
"""Below this a score is at the end of its scale and no longer shows differences."""

DIGITS = {Metric.VMAF: 1, Metric.XPSNR: 2, Metric.SSIM: 4, Metric.PSNR: 2}


class TrialPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A CRF that was tried, and its score in the metric and statistic of the floor."""

    crf: float
    value: float


class CrfFound(msgspec.Struct, frozen=True, kw_only=True):
    """The highest CRF that passed; `value` was measured with it."""

    crf: float
    value: float
    trials: tuple[TrialPoint, ...]
    text: str


class CrfNotReached(msgspec.Struct, frozen=True, kw_only=True):
    """No trial passed, not even the lowest CRF of the range; `best` came closest."""

    best: TrialPoint
    trials: tuple[TrialPoint, ...]
    text: str


def next_step(
    target: QualityTarget, trials: Sequence[TrialPoint], *, start: float
) -> float | CrfFound | CrfNotReached:
    """The CRF to try next, in quarter steps or an end of the range, or the result of the search.

    `trials` are those so far, in any order; `start` is tried first. The search ends at once if the
    highest CRF of the range passes, and never asks for more than `MAX_TRIALS` trials.
    """
    if not trials:
        return _on_grid(target, start)
    known = _worst_values(trials)
    passing = [crf for crf, value in known.items() if value >= target.floor.value]
    if not passing:
        return _lower_crf(target, known, tuple(trials))
    best = max(passing)
    above = [crf for crf in known if crf > best]
    high = min(above, default=None)
    if (
        _is_finished(target, TrialPoint(crf=best, value=known[best]), high)
        or len(known) >= MAX_TRIALS
    ):
        return _found(target, TrialPoint(crf=best, value=known[best]), tuple(trials))
    if high is None:
        return float(min(max(_extrapolated(target, known), best + 1.0), target.crf_max))
    crf = _interpolated(target, known, best, high)
    if crf - best <= WORTH_CRF and _is_believed(target, known, best, high):
        return _found(target, TrialPoint(crf=best, value=known[best]), tuple(trials))
    return crf


def _is_believed(target: QualityTarget, known: dict[float, float], low: float, high: float) -> bool:
    """Whether the damage grows between both trials as it does in films."""
    metric = target.floor.metric
    growth = _damage(metric, known[high]) - _damage(metric, known[low])
    return 0 < growth <= BELIEVED_SLOPE * SLOPES[metric] * (high - low)


def _worst_values(trials: Sequence[TrialPoint]) -> dict[float, float]:
    """The lowest score of each CRF: of two trials with one CRF the worse counts."""
    known: dict[float, float] = {}
    for trial in trials:
        known[trial.crf] = min(trial.value, known.get(trial.crf, math.inf))
    return known


def _is_finished(target: QualityTarget, best: TrialPoint, high: float | None) -> bool:
    """Whether no higher CRF is left, or none that is worth a trial."""
    floor = target.floor
    spare = _damage(floor.metric, floor.value) - _damage(floor.metric, best.value)
    is_close = spare <= CLOSE_CRF * SLOPES[floor.metric]
    is_tight = high is not None and high - best.crf <= CLOSE_CRF
    return best.crf >= target.crf_max or is_close or is_tight


def _lower_crf(
    target: QualityTarget, known: dict[float, float], trials: tuple[TrialPoint, ...]
) -> float | CrfNotReached:
    lowest = min(known)
    if lowest <= target.crf_min:
        return _not_reached(target, known, trials)
    if len(known) >= MAX_FAILED_TRIALS:
        return float(target.crf_min)
    return float(max(min(_extrapolated(target, known), lowest - 1.0), target.crf_min))


def _interpolated(
    target: QualityTarget, known: dict[float, float], low: float, high: float
) -> float:
    """Where the line between both trials meets the floor, or the middle; strictly inside."""
    crf = (low + high) / 2
    if len(known) < MAX_INTERPOLATED:
        goal = _goal(target)
        low_y, high_y = (_damage(target.floor.metric, known[end]) for end in (low, high))
        if high_y > low_y:
            crf = low + (goal - low_y) / (high_y - low_y) * (high - low)
    crf = _on_grid(target, crf)
    return crf if low < crf < high else _next_quarter(low, high)


def _next_quarter(low: float, high: float) -> float:
    """The quarter step just above `low`: they are more than `CLOSE_CRF` apart."""
    return min(math.floor(low / CRF_STEP + 1) * CRF_STEP, (low + high) / 2)


def _extrapolated(target: QualityTarget, known: dict[float, float]) -> float:
    """Where the line through the trials nearest to the floor meets it."""
    metric, goal = target.floor.metric, _goal(target)
    points = sorted(
        ((crf, _damage(metric, value)) for crf, value in known.items()),
        key=lambda point: (abs(point[1] - goal), point[0]),
    )
    crf, damage = points[0]
    slope = usual = SLOPES[metric]
    if len(points) > 1:
        slope = (points[1][1] - damage) / (points[1][0] - crf)
        slope = min(max(slope, usual / MAX_SLOPE_RATIO), usual * MAX_SLOPE_RATIO)
    return _on_grid(target, crf + (goal - damage) / slope)


def _goal(target: QualityTarget) -> float:
    """The damage to aim at: slightly above the floor, so that a hit passes."""
    metric = target.floor.metric
    return _damage(metric, target.floor.value) - CLOSE_CRF / 2 * SLOPES[metric]


def _damage(metric: Metric, value: float) -> float:
    """The logarithm of the damage; decibels are logarithmic already."""
    if metric in MIN_DAMAGE:
        return math.log(max(BEST_POSSIBLE[metric] - value, MIN_DAMAGE[metric]))
    return -value * math.log(10) / 10


def _on_grid(target: QualityTarget, crf: float) -> float:
    """Rounded down to a quarter step, within the range."""
    stepped = math.floor(crf / CRF_STEP + 1e-9) * CRF_STEP
    return float(min(max(stepped, target.crf_min), target.crf_max))


def _found(target: QualityTarget, best: TrialPoint, trials: tuple[TrialPoint, ...]) -> CrfFound:
    count = len(trials)
    return CrfFound(
        crf=best.crf,
        value=best.value,
        trials=trials,
        text=f"CRF {best.crf:g}: {_figure(target, best.value)}, {counted(count, 'trial encode')}",
    )


def _not_reached(
    target: QualityTarget, known: dict[float, float], trials: tuple[TrialPoint, ...]
) -> CrfNotReached:
    value, crf = max((value, crf) for crf, value in known.items())
    return CrfNotReached(
        best=TrialPoint(crf=crf, value=value),
        trials=trials,
        text=f"no CRF from {target.crf_min:g} to {target.crf_max:g}: "
        f"{_figure(target, value)} at {crf:g}",
    )


def _figure(target: QualityTarget, value: float) -> str:
    """The score, truncated and not rounded: 92.96 must not read as the 93.0 that was wanted."""
    floor = target.floor
    scale = 10 ** DIGITS[floor.metric]
    cut = math.floor(round(value * scale, 6)) / scale
    name = figure_name(floor.metric, floor.statistic)
    return f"{name} {cut:.{DIGITS[floor.metric]}f} (wanted {floor.value:g})"
