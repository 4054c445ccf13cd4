"""The search for a CRF: which one to try next, from those that were tried. Pure.

Quality falls with CRF in a way that is nearly a straight line once damage is counted by its
logarithm, so that the line through two probes usually leads to the answer. No more is believed of
films than that they were measured: the CRF found is one that was tried and kept to the floor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from av1rules.base.text import counted
from av1rules.policy.quality_spec import BEST_POSSIBLE, CRF_STEP, Metric, QualityTarget, figure_name

MOST_TRIALS = 8
"""No search takes more, however the figures jump. Real films take 2 to 4 (see docs/quality.md)."""

MOST_IN_VAIN = 3
"""So many probes below the floor and none that keeps to it: then the lowest CRF of the range is
tried, which tells whether there is any."""

INTERPOLATED = 5
"""So many probes follow the line; where it has not led to the end by then, halves do."""

CLOSE_CRF = 0.5
"""A search ends when no CRF higher by more than this can keep to the floor: that is 4 % of the
size at most, while samples are off by more."""

SLOPES = {Metric.VMAF: 0.055, Metric.XPSNR: 0.055, Metric.SSIM: 0.06, Metric.PSNR: 0.06}
"""By how much the logarithm of damage usually grows with each CRF: what the second probe is led
by. Three films of `tests.bench.bench_search` from CRF 20 to 50: VMAF 0.046 to 0.051, XPSNR 0.053,
SSIM 0.056; these need the fewest probes. PSNR was not measured."""

STEEPEST = 3.0
"""Lines are at most so many times steeper than usual, or so many times flatter."""

LEAST_DAMAGE = {Metric.VMAF: 0.3, Metric.SSIM: 0.001}
"""Below it a figure is at the end of its scale and does not tell how good a picture is."""

DIGITS = {Metric.VMAF: 1, Metric.XPSNR: 2, Metric.SSIM: 4, Metric.PSNR: 2}


class TrialPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A CRF that was tried, and the figure (of the floor's metric and statistic) it came to."""

    crf: float
    value: float


class CrfFound(msgspec.Struct, frozen=True, kw_only=True):
    """The highest CRF that was seen to keep to the floor; `value` was measured at it."""

    crf: float
    value: float
    probes: tuple[TrialPoint, ...]
    text: str


class CrfNotReached(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing that was tried keeps to the floor, the lowest CRF of the range included; `best` came
    nearest."""

    best: TrialPoint
    probes: tuple[TrialPoint, ...]
    text: str


def next_step(
    target: QualityTarget, probes: Sequence[TrialPoint], *, start: float
) -> float | CrfFound | CrfNotReached:
    """The CRF to try next, in quarter steps or an end of the range, or how the search ended.

    `probes` are those made so far, in any order; `start` is tried first. Answers the highest CRF
    of the range at once if it keeps to the floor. No more than `MOST_PROBES` are ever asked for.
    """
    if not probes:
        return _on_grid(target, start)
    known = _known(probes)
    kept = [crf for crf, value in known.items() if value >= target.floor.value]
    if not kept:
        return _downwards(target, known, tuple(probes))
    best = max(kept)
    above = [crf for crf in known if crf > best]
    high = min(above, default=None)
    if _is_end(target, TrialPoint(crf=best, value=known[best]), high) or len(known) >= MOST_TRIALS:
        return _found(target, TrialPoint(crf=best, value=known[best]), tuple(probes))
    if high is None:
        return float(min(max(_led(target, known), best + 1.0), target.crf_max))
    return _between(target, known, best, high)


def _known(probes: Sequence[TrialPoint]) -> dict[float, float]:
    """The lowest figure of each CRF: what was tried twice is as good as its worse try."""
    known: dict[float, float] = {}
    for probe in probes:
        known[probe.crf] = min(probe.value, known.get(probe.crf, math.inf))
    return known


def _is_end(target: QualityTarget, best: TrialPoint, high: float | None) -> bool:
    """Nothing higher is left, or nothing that is worth a probe."""
    floor = target.floor
    spare = _damage(floor.metric, floor.value) - _damage(floor.metric, best.value)
    is_close = spare <= CLOSE_CRF * SLOPES[floor.metric]
    is_tight = high is not None and high - best.crf <= CLOSE_CRF
    return best.crf >= target.crf_max or is_close or is_tight


def _downwards(
    target: QualityTarget, known: dict[float, float], probes: tuple[TrialPoint, ...]
) -> float | CrfNotReached:
    lowest = min(known)
    if lowest <= target.crf_min:
        return _not_reached(target, known, probes)
    if len(known) >= MOST_IN_VAIN:
        return float(target.crf_min)
    return float(max(min(_led(target, known), lowest - 1.0), target.crf_min))


def _between(target: QualityTarget, known: dict[float, float], low: float, high: float) -> float:
    """Where the line between both sides meets the floor, or the middle; strictly inside."""
    crf = (low + high) / 2
    if len(known) < INTERPOLATED:
        goal = _goal(target)
        low_y, high_y = (_damage(target.floor.metric, known[end]) for end in (low, high))
        if high_y > low_y:
            crf = low + (goal - low_y) / (high_y - low_y) * (high - low)
    crf = _on_grid(target, crf)
    return crf if low < crf < high else _inside(low, high)


def _inside(low: float, high: float) -> float:
    """The quarter step just above `low`: they are more than `CLOSE_CRF` apart."""
    return min(math.floor(low / CRF_STEP + 1) * CRF_STEP, (low + high) / 2)


def _led(target: QualityTarget, known: dict[float, float]) -> float:
    """Where the line meets the floor that goes on from the probe nearest to it."""
    metric, goal = target.floor.metric, _goal(target)
    points = sorted(
        ((crf, _damage(metric, value)) for crf, value in known.items()),
        key=lambda point: (abs(point[1] - goal), point[0]),
    )
    crf, damage = points[0]
    slope = usual = SLOPES[metric]
    if len(points) > 1:
        slope = (points[1][1] - damage) / (points[1][0] - crf)
        slope = min(max(slope, usual / STEEPEST), usual * STEEPEST)
    return _on_grid(target, crf + (goal - damage) / slope)


def _goal(target: QualityTarget) -> float:
    """The damage aimed at: a hair's breadth above the floor, so that a hit counts as one."""
    metric = target.floor.metric
    return _damage(metric, target.floor.value) - CLOSE_CRF / 2 * SLOPES[metric]


def _damage(metric: Metric, value: float) -> float:
    """The logarithm of what is lost; decibels are one already."""
    if metric in LEAST_DAMAGE:
        return math.log(max(BEST_POSSIBLE[metric] - value, LEAST_DAMAGE[metric]))
    return -value * math.log(10) / 10


def _on_grid(target: QualityTarget, crf: float) -> float:
    """Rounded down to a quarter step, within the range."""
    stepped = math.floor(crf / CRF_STEP + 1e-9) * CRF_STEP
    return float(min(max(stepped, target.crf_min), target.crf_max))


def _found(target: QualityTarget, best: TrialPoint, probes: tuple[TrialPoint, ...]) -> CrfFound:
    count = len(probes)
    return CrfFound(
        crf=best.crf,
        value=best.value,
        probes=probes,
        text=f"CRF {best.crf:g}: {_figure(target, best.value)}, {counted(count, 'trial encode')}",
    )


def _not_reached(
    target: QualityTarget, known: dict[float, float], probes: tuple[TrialPoint, ...]
) -> CrfNotReached:
    value, crf = max((value, crf) for crf, value in known.items())
    return CrfNotReached(
        best=TrialPoint(crf=crf, value=value),
        probes=probes,
        text=f"no CRF from {target.crf_min:g} to {target.crf_max:g}: "
        f"{_figure(target, value)} at {crf:g}",
    )


def _figure(target: QualityTarget, value: float) -> str:
    """Figures are cut, not rounded: 92.96 is not said to be the 93.0 that was wanted."""
    floor = target.floor
    scale = 10 ** DIGITS[floor.metric]
    cut = math.floor(round(value * scale, 6)) / scale
    name = figure_name(floor.metric, floor.statistic)
    return f"{name} {cut:.{DIGITS[floor.metric]}f} (wanted {floor.value:g})"
