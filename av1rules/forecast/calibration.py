"""Accuracy of past forecasts: how far off they were, and how often the interval held. Pure."""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
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
    every = _Errors()
    groups: defaultdict[tuple[int, str], _Errors] = defaultdict(_Errors)
    for one in past:
        if one.actual_s <= 0 or one.actual_bytes <= 0:
            continue
        level = one.basis.level
        basis = "built-in figures" if level is None else f"own encodes: {LEVELS[level]}"
        basis = "samples of the film" if level == SAMPLED else basis
        for errors in (
            every,
            groups[(-1 if level is None else level, basis)],
            groups[(len(LEVELS), _kind(one))],
        ):
            errors.time.add(one.seconds, one.actual_s)
            errors.size.add(one.size_bytes, float(one.actual_bytes))
    if not every.time.logs:
        return ()
    named = ((name, errors) for (_, name), errors in sorted(groups.items(), key=itemgetter(0)))
    return (every.calibration("all"), *(errors.calibration(name) for name, errors in named))


@dataclass(slots=True)
class _ErrorsOfOne:
    """The errors of one quantity: eight bytes for each forecast."""

    logs: array[float] = field(default_factory=lambda: array("d"))
    inside: int = 0

    def add(self, forecast: Interval, actual: float) -> None:
        self.logs.append(math.log(actual / forecast.mid))
        self.inside += forecast.low <= actual <= forecast.high

    def stats(self) -> ErrorStats:
        return ErrorStats(
            median_error=math.expm1(median(map(abs, self.logs))),
            bias=math.exp(median(self.logs)),
            inside=self.inside / len(self.logs),
        )


@dataclass(slots=True)
class _Errors:
    time: _ErrorsOfOne = field(default_factory=_ErrorsOfOne)
    size: _ErrorsOfOne = field(default_factory=_ErrorsOfOne)

    def calibration(self, name: str) -> Calibration:
        return Calibration(
            name=name, count=len(self.time.logs), time=self.time.stats(), size=self.size.stats()
        )


def _kind(one: PastForecast) -> str:
    parts = (one.encoder, f"p{one.preset}", one.resolution or "?", one.source_tier or "?")
    return " ".join(parts)


def error_stats(pairs: Sequence[tuple[Interval, float]]) -> ErrorStats:
    """The errors of at least one pair of forecast and actual value."""
    errors = _ErrorsOfOne()
    for forecast, actual in pairs:
        errors.add(forecast, actual)
    return errors.stats()
