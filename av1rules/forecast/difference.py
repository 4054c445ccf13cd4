"""What two policies cost: sums over films on either side, and the difference with its interval.

Pure.

A film that both sides encode is forecast twice from the same past encodes: what is off in one
forecast is off in the other. So only the difference of the two is unsure, not each of them anew.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

from av1rules.forecast.model import (
    Z80,
    Estimate,
    Forecast,
    level_keys,
    log_normal,
    saving_moments,
    sum_range,
    total_of,
)
from av1rules.ledger.records import Interval


class FinishedTarget(msgspec.Struct, frozen=True, kw_only=True):
    """A target that is there: it takes no time, and its size is known."""

    source_bytes: int
    target_bytes: int


Share = Forecast | FinishedTarget | None
"""What one film takes on one side: an encode, a target that is there, or nothing."""


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What one side takes: wall-clock seconds, bytes of targets, and bytes saved against the
    sources. `encodes` of them are still to be made, `unknown` of those have no forecast."""

    encodes: int
    unknown: int
    seconds: Interval
    target_bytes: Interval
    saved_bytes: Interval


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """How much more the other side takes; less is negative."""

    seconds: Interval
    target_bytes: Interval
    saved_bytes: Interval


def cost_of(shares: Sequence[Share], *, unknown: int = 0, gain: float = 1.0) -> Cost:
    """The sum of one side; `gain` is that of several encodes at a time."""
    forecasts = [one for one in shares if isinstance(one, Forecast)]
    there = [one for one in shares if isinstance(one, FinishedTarget)]
    total = total_of(forecasts, gain=gain)
    sizes = _sum_of_sizes(forecasts)
    return Cost(
        encodes=len(forecasts) + unknown,
        unknown=unknown,
        seconds=total.seconds,
        target_bytes=sizes.plus(sum(one.target_bytes for one in there)),
        saved_bytes=total.saved_bytes.plus(
            sum(one.source_bytes - one.target_bytes for one in there)
        ),
    )


def _sum_of_sizes(forecasts: Sequence[Forecast]) -> Interval:
    if len(forecasts) == 1:
        return forecasts[0].size_bytes
    return sum_range((expected(one.size_guess), one.size_guess) for one in forecasts)


def expected(guess: Estimate) -> float:
    """The mean of a log-normal quantity."""
    return math.exp(guess.mu + guess.sigma**2 / 2)


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """One quantity of one film: its mean, and the deviations that are its own and common to all."""

    mean: float = 0.0
    own: float = 0.0
    common: float = 0.0


_NOTHING = _Part()


def difference_of(pairs: Iterable[tuple[Share, Share]], *, gain: float = 1.0) -> Difference:
    """How much more the second side of each film takes than the first."""
    found = [(then, now, _is_of_one_kind(then, now)) for then, now in pairs]
    return Difference(
        seconds=_difference((_seconds(a), _seconds(b), same) for a, b, same in found).times(
            1 / gain
        ),
        target_bytes=_difference((_size(a), _size(b), same) for a, b, same in found),
        saved_bytes=_difference(
            ((_saving(a), _saving(b), same) for a, b, same in found), is_log_normal=False
        ),
    )


def _is_of_one_kind(then: Share, now: Share) -> bool:
    """Whether both rest on the same past encodes."""
    if not (isinstance(then, Forecast) and isinstance(now, Forecast)):
        return False
    return level_keys(then.traits) == level_keys(now.traits)


def _difference(
    parts: Iterable[tuple[_Part, _Part, bool]], *, is_log_normal: bool = True
) -> Interval:
    mean = own2 = together = common_then = common_now = 0.0
    signs: set[bool] = set()
    is_signed = is_log_normal
    for then, now, is_same in parts:
        mean += now.mean - then.mean
        if now != then:
            signs.add(now.mean > then.mean)
            is_signed &= is_same or _NOTHING in (then, now)
        if is_same:
            own2 += (now.own - then.own) ** 2
            together += now.common - then.common
        else:
            own2 += now.own**2 + then.own**2
            common_then += then.common
            common_now += now.common
    deviation = math.sqrt(own2 + together**2 + common_then**2 + common_now**2)
    if is_signed and len(signs) == 1 and mean:
        return _of_known_sign(mean, deviation)
    width = Z80 * deviation
    return Interval(low=mean - width, mid=mean, high=mean + width)


def _of_known_sign(mean: float, deviation: float) -> Interval:
    """A sum of log-normal quantities that are all more, or all less than nothing."""
    found = log_normal(abs(mean), deviation).range
    return found if mean > 0 else Interval(low=-found.high, mid=-found.mid, high=-found.low)


def _spread(mean: float, guess: Estimate) -> _Part:
    return _Part(
        mean=mean,
        own=mean * math.sqrt(math.expm1(guess.own**2)),
        common=mean * math.sqrt(math.expm1(guess.common**2)),
    )


def _seconds(share: Share) -> _Part:
    if not isinstance(share, Forecast):
        return _NOTHING
    return _spread(share.expected_seconds, share.time_guess)


def _size(share: Share) -> _Part:
    if isinstance(share, Forecast):
        return _spread(expected(share.size_guess), share.size_guess)
    return _NOTHING if share is None else _Part(mean=share.target_bytes)


def _saving(share: Share) -> _Part:
    if isinstance(share, Forecast):
        mean, deviation = saving_moments(share.size_guess, share.traits)
        common2 = share.size_guess.common**2 / max(share.size_guess.sigma**2, 1e-18)
        own, common = deviation * math.sqrt(1 - common2), deviation * math.sqrt(common2)
        return _Part(mean=mean, own=own, common=common)
    return _NOTHING if share is None else _Part(mean=share.source_bytes - share.target_bytes)
