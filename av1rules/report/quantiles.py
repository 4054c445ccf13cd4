"""Quantiles of sorted values. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence


def quantile(ordered: Sequence[float], share: float) -> float:
    """Between the nearest two of the sorted values, which are one or more."""
    at = share * (len(ordered) - 1)
    below, above = math.floor(at), math.ceil(at)
    return ordered[below] + (ordered[above] - ordered[below]) * (at - below)
