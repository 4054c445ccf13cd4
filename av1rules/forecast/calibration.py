"""Accuracy of past forecasts: how far off they were, and how often the interval held. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import median

import msgspec

from av1rules.ledger.forecasts import PastForecast
from av1rules.ledger.records import LEVELS, SAMPLED, Interval


class ErrorStats(msgspec.Struct, frozen=True, kw_only=True):
    """Of one quantity. `median_error`: half of the forecasts were off by at most this: 0.2 is 1.2
    times too high or too low. `bias` above 1: results exceeded the forecasts. `inside`: the share
    within the 80 % interval."""

    median_error: float
    bias: float
    inside: float


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """A group of past forecasts."""

    name: str
    count: int
    time: ErrorStats
    size: ErrorStats


def check_forecasts(past: Iterable[PastForecast]) -> tuple[Calibration, ...]:
    """All forecasts first, then grouped by basis, then by encoder, preset, resolution and tier."""
    found = tuple(one for one in past if one.actual_s > 0 and one.actual_bytes > 0)
    if not found:
        return ()
    groups: defaultdict[tuple[int, str], list[PastForecast]] = defaultdict(list)
    for one in found:
        level = one.basis.level
        basis = "built-in figures" if level is None else f"own encodes: {LEVELS[level]}"
        basis = "samples of the film" if level == SAMPLED else basis
        groups[(-1 if level is None else level, basis)].append(one)
        groups[(len(LEVELS), _kind(one))].append(one)
    named = ((name, members) for (_, name), members in sorted(groups.items()))
    return (_calibration("all", found), *(_calibration(name, members) for name, members in named))


def _kind(one: PastForecast) -> str:
    parts = (one.encoder, f"p{one.preset}", one.resolution or "?", one.source_tier or "?")
    return " ".join(parts)


def _calibration(name: str, past: Sequence[PastForecast]) -> Calibration:
    return Calibration(
        name=name,
        count=len(past),
        time=error_stats([(one.seconds, one.actual_s) for one in past]),
        size=error_stats([(one.size_bytes, float(one.actual_bytes)) for one in past]),
    )


def error_stats(pairs: Sequence[tuple[Interval, float]]) -> ErrorStats:
    """The errors of at least one pair of forecast and actual value."""
    logs = [math.log(actual / forecast.mid) for forecast, actual in pairs]
    inside = sum(forecast.low <= actual <= forecast.high for forecast, actual in pairs)
    return ErrorStats(
        median_error=math.expm1(median(map(abs, logs))),
        bias=math.exp(median(logs)),
        inside=inside / len(pairs),
    )
