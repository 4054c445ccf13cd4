"""Types for the measurements of a film and the excerpts of its test clip. Pure.

Times are seconds by the timestamps of the file, which may start after zero.
"""

from __future__ import annotations

from enum import Enum

import msgspec

SURVEY_VERSION = 1
"""Part of every cached survey; increment it whenever the measurements change."""


NOISE_VERSION = 2
"""The same for noise estimates."""


class ExcerptKind(Enum):
    """Why an excerpt is shown. `WHOLE`: the film is no longer than its clip."""

    DARK = "dark"
    GRAIN = "grain"
    TEXTURE = "texture"
    FAST = "fast"
    BRIGHT = "bright"
    WHOLE = "whole"


class FrameSample(msgspec.Struct, frozen=True, kw_only=True):
    """One reading of the film: about a quarter of a second from `time_s` on, the time of a frame.

    Levels go from 0 (black) to 1 (white) for any bit depth and range. One in 200 areas of 8 to 16
    pixels is brighter than `peak`; `dark_share` is the share of areas below 0.1; `motion` is the
    mean change of an area in 0.12 s. `noise` and `texture` are in 8-bit steps: the deviation of
    fine detail in the calmest tenth of the frame (None: nothing is bright enough), and its median.
    """

    time_s: float
    luma: float
    dark_share: float
    peak: float
    motion: float
    noise: float | None = None
    texture: float | None = None


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """The measurements of a film: plain values, so that msgspec can store them as JSON.

    `wanted` is the intended number of readings; there are fewer `samples` if some places could not
    be read, or on a slow machine. `frame_rate` is numerator and denominator, None if it varies.
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
    """One part of the clip. Cuts lie halfway between two frames, so that rounding can't move them
    by a frame; `frames` is the number of frames between them, None if the frame rate varies."""

    kind: ExcerptKind
    start_s: float
    end_s: float
    frames: int | None
    reason: str  # "dark: 00:41:10, mean luma 21"

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


class ClipPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The excerpts of a clip in film order."""

    excerpts: tuple[Excerpt, ...]

    @property
    def duration_s(self) -> float:
        return sum(excerpt.duration_s for excerpt in self.excerpts)

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(excerpt.reason for excerpt in self.excerpts)


class NoiseEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """The noise of a film: deviation of detail in 8-bit steps, over `frames` frames at `places`
    places.

    `sigma_p10`, from the calmest tenth of each frame, is the noise; `sigma_p50`, the median,
    includes texture. `coarse_p10` and `coarse_p50` are the same of coarse detail (see
    `frames.COARSE_STEP`). None: no frame had an area of usable brightness, or one too small.
    """

    sigma_p10: float | None
    sigma_p50: float | None
    coarse_p10: float | None = None
    coarse_p50: float | None = None
    frames: int
    places: int


_M1 = 2610 / 16384


_M2 = 2523 / 4096 * 128


_C1 = 3424 / 4096


_C2 = 2413 / 4096 * 32


_C3 = 2392 / 4096 * 32


_MOST_NITS = 10_000.0


def nits(signal: float) -> float:
    """The luminance in cd/m2 of a PQ signal from 0 to 1."""
    root = min(max(signal, 0.0), 1.0) ** (1 / _M2)
    return _MOST_NITS * float((max(root - _C1, 0.0) / (_C2 - _C3 * root)) ** (1 / _M1))
