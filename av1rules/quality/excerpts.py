"""What was measured of a film, and which passages of it become the test clip: frozen types. Pure.

Times are seconds on the film's own clock, as its file counts them: it may start after zero.
"""

from __future__ import annotations

from enum import Enum

import msgspec

SURVEY_VERSION = 1
"""Part of every cached survey: raised whenever something else is measured."""


NOISE_VERSION = 1
"""The same for estimates of noise."""


class ExcerptKind(Enum):
    """Why a passage is shown. `WHOLE` stands for a film that is no longer than its clip."""

    DARK = "dark"
    GRAIN = "grain"
    TEXTURE = "texture"
    FAST = "fast"
    BRIGHT = "bright"
    WHOLE = "whole"


class FrameSample(msgspec.Struct, frozen=True, kw_only=True):
    """One look at the film: about a quarter of a second from `time_s` on, the time of a picture.

    Levels go from 0 (black) to 1 (white), whatever the depth and range of the film. `peak` is what
    one in 200 areas of 8 to 16 pixels goes beyond, `dark_share` the share of areas below 0.1,
    `motion` the mean change of an area in 0.12 s. `noise` and `texture` are in steps of 8 bits:
    the deviation of fine detail in the calmest tenth of the picture (None: nothing bright enough
    to tell), and in half of it.
    """

    time_s: float
    luma: float
    dark_share: float
    peak: float
    motion: float
    noise: float | None = None
    texture: float | None = None


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """A film as measured: plain values, so that msgspec can keep it as JSON.

    `wanted` is how many looks were meant to be taken; fewer `samples` are a film whose places
    could not all be read, or a slow machine. `frame_rate` is numerator and denominator, None
    where pictures do not come evenly.
    """

    version: int = SURVEY_VERSION
    start_s: float
    duration_s: float
    frame_rate: tuple[int, int] | None
    transfer: str | None
    wanted: int
    samples: tuple[FrameSample, ...]  # by time

    @property
    def is_hdr(self) -> bool:
        return self.transfer in ("smpte2084", "arib-std-b67")

    @property
    def end_s(self) -> float:
        return self.start_s + self.duration_s


class Excerpt(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the clip. The cuts lie halfway between two pictures, so that rounded times can't
    move them by one; `frames` is how many lie between, None where pictures do not come evenly."""

    kind: ExcerptKind
    start_s: float
    end_s: float
    frames: int | None
    reason: str  # "dark: 00:41:10, mean luma 21"

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


class ClipPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The pieces of a clip in the order of the film."""

    pieces: tuple[Excerpt, ...]

    @property
    def duration_s(self) -> float:
        return sum(piece.duration_s for piece in self.pieces)

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(piece.reason for piece in self.pieces)


class NoiseEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """How noisy a film is: deviation of fine detail in steps of 8 bits, over `frames` pictures.

    `sigma_p10` is from the calmest tenth of each picture and is the noise; `sigma_p50` is from
    half of it and holds texture too. None: no picture had an area of usable brightness.
    """

    sigma_p10: float | None
    sigma_p50: float | None
    frames: int


_M1 = 2610 / 16384


_M2 = 2523 / 4096 * 128


_C1 = 3424 / 4096


_C2 = 2413 / 4096 * 32


_C3 = 2392 / 4096 * 32


_MOST_NITS = 10_000.0


def nits(signal: float) -> float:
    """The brightness in cd/m2 that a PQ signal from 0 to 1 stands for."""
    root = min(max(signal, 0.0), 1.0) ** (1 / _M2)
    return _MOST_NITS * float((max(root - _C1, 0.0) / (_C2 - _C3 * root)) ** (1 / _M1))
