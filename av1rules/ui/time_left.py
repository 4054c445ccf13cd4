"""How long the rest takes: the forecast at first, more and more the pace so far. Pure."""

from __future__ import annotations

from typing import NamedTuple

_FIRST_SHARE = 0.02
"""Share of the work below which its own pace says nothing."""

_TRUSTED_SHARE = 0.5
"""Share of the work from which on its own pace alone counts."""


class TimeLeft(NamedTuple):
    """Seconds: the likely value, and the bounds that hold in 8 of 10 cases."""

    low_s: float
    mid_s: float
    high_s: float

    def scaled(self, by: float) -> TimeLeft:
        return TimeLeft(self.low_s * by, self.mid_s * by, self.high_s * by)


def time_left(share: float, elapsed_s: float, forecast: TimeLeft | None = None) -> TimeLeft | None:
    """What is left of work of which `share` (0..1) took `elapsed_s`. `forecast` is that of all of
    it. None while nothing is known."""
    share = min(max(share, 0.0), 1.0)
    left = None if forecast is None else forecast.scaled(1.0 - share)
    if share < _FIRST_SHARE:
        return left
    pace_s = elapsed_s * (1.0 - share) / share
    own = TimeLeft(pace_s, pace_s, pace_s)
    if left is None:
        return own
    weight = min(1.0, share / _TRUSTED_SHARE)
    return TimeLeft(*(a + (b - a) * weight for a, b in zip(left, own, strict=True)))
