"""Made-up films and what became of them, in a world with a machine and a taste of its own."""

from __future__ import annotations

import math
import random

from av1rules.forecast.model import PastEncode
from av1rules.forecast.priors import Traits, prior_bytes, prior_seconds

KINDS = (
    ("remux", "2160p", 3840 * 2160, 3, 20.0, 55e6),
    ("remux", "1080p", 1920 * 1080, 3, 18.0, 25e6),
    ("web-dl", "1080p", 1920 * 1080, 5, 26.0, 6e6),
    ("web-dl", "720p", 1280 * 720, 5, 26.0, 3e6),
    ("low-quality", "sd", 720 * 576, 6, 30.0, 1.5e6),
)
"""Tier, resolution, pixels, preset, CRF, bits per second."""


def traits_of_kind(kind: int, *, minutes: float = 100.0, rate: float = 1.0) -> Traits:
    tier, resolution, pixels, preset, crf, bps = KINDS[kind]
    return Traits(
        encoder="libsvtav1", preset=preset, crf=crf, film_grain=8 if tier == "remux" else 0,
        bit_depth=10, resolution=resolution, source_tier=tier, frames=minutes * 60 * 24,
        pixels=pixels, source_bytes=int(minutes * 60 * bps * rate / 8),
    )  # fmt: skip


class SharedLibrary:
    """The machine is so much slower, kinds and films differ: all as the model supposes, but not by
    the same figures."""

    def __init__(self, dice: random.Random, *, cores: int) -> None:
        self._dice = dice
        self._cores = cores
        self._slower = dice.gauss(0, 0.5)
        self._kinds = [dice.gauss(0, 0.2) for _ in KINDS]
        self._sizes = [dice.gauss(0, 0.4) for _ in KINDS]

    def films(self, count: int) -> list[PastEncode]:
        return [self._film() for _ in range(count)]

    def _film(self) -> PastEncode:
        dice = self._dice
        (kind,) = dice.choices(range(len(KINDS)), (1, 2, 4, 3, 2))
        traits = traits_of_kind(kind, minutes=dice.uniform(20, 150), rate=dice.uniform(0.4, 1.8))
        seconds = prior_seconds(traits, self._cores)
        seconds *= math.exp(self._slower + self._kinds[kind] + dice.gauss(0, 0.2))
        size = prior_bytes(traits) * math.exp(self._sizes[kind] + dice.gauss(0, 0.5))
        return PastEncode(traits=traits, seconds=seconds, size_bytes=int(size))
