"""The search for a CRF. (the lead's place-holder until the real one lands)"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from av1rules.rules.quality import QualityTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    crf: float
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    crf: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotReached:
    text: str


def next_step(
    target: QualityTarget, probes: Sequence[Probe], *, start: float
) -> float | Found | NotReached:
    low, high = target.crf_min, target.crf_max
    good = [p.crf for p in probes if p.value >= target.floor.value]
    bad = [p.crf for p in probes if p.value < target.floor.value]
    lo = max(good, default=None)
    hi = min(bad, default=None)
    if lo is not None and (lo == high or (hi is not None and hi - lo <= 1)):
        return Found(crf=lo, text=f"CRF {lo:g}")
    if hi is not None and hi == low:
        return NotReached(text="no CRF is good enough")
    if lo is None and hi is None:
        return min(max(start, low), high)
    if hi is None:
        return high
    if lo is None:
        return low
    return round((lo + hi) / 2 * 4) / 4
