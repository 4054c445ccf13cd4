"""Estimates the noise of a film and chooses the film grain strength that matches it.

The unit is the standard deviation of fine detail in 8-bit steps: below 0.75 films are clean, 1 is
light grain, 3 strong grain. The rule condition `grain` uses the same unit.

Measured with SVT-AV1 4.2, preset 8, CRF 24, `film-grain-denoise=1`, on three clips with FFmpeg's
`noise=alls=N:allf=t`: noise of the encode played with synthesis, and its size relative to one
without:

| N | estimate | strength chosen | noise at the nearest strength | size |
|---|---|---|---|---|
| 0 | 0.03-0.42 | 0 | - (8: 0.46-0.55, grain that the source lacks) | 1 (0.97-0.99) |
| 2 | 0.76-0.84 | 7-8 | 8: 0.63-0.70 | 0.97-0.98 |
| 4 | 1.72-1.80 | 15-16 | 16: 1.40-1.49 | 0.88-0.90 |
| 6 | 2.66-2.82 | 24-25 | 24: 2.10-2.18 | 0.47-0.63 |
| 8 | 3.69-3.93 | 33-35 | 36: 3.02-3.21 | 0.21-0.36 |
| 12 | 5.69-6.06 | 50 | 50: 4.49-4.70 | 0.14-0.23 |
| 16 | 7.75-8.20 | 50 | 50: 5.03-5.17 | 0.30-0.38 |

Only synthetic noise was measured: real grain is coarser, and no free scan was available.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from av1rules.base.errors import ProbeError
from av1rules.base.priority import USUAL, Priority
from av1rules.base.process import Children
from av1rules.base.text import printable
from av1rules.ffmpeg.tools import Tools
from av1rules.media.source import Source
from av1rules.quality.excerpts import NoiseEstimate
from av1rules.quality.frames import FrameRequest, FrameStats, open_frame_reader


def estimate_of(readings: Iterable[FrameStats]) -> NoiseEstimate:
    """The median of all frames: a few dark or blurred places don't shift it."""
    readings = tuple(readings)
    noises = [value for reading in readings for value in reading.noises]
    textures = [value for reading in readings for value in reading.textures]
    return NoiseEstimate(
        sigma_p10=round(median(noises), 2) if noises else None,
        sigma_p50=round(median(textures), 2) if textures else None,
        frames=len(noises),
    )


CLEAN = 0.75
"""Below this no grain is synthesised: clips without noise measured up to 0.42 (small ones up to
0.73), those with a trace of noise (N = 2) 0.76 and more."""


STRENGTH_PER_SIGMA = 9.0
"""Restores about four fifths of the noise. 12 would restore all of it, but the denoiser would then
remove texture too: at strength 24 a clean clip came out with a noise of 1.2."""


MAX_STRENGTH = 50
"""The maximum of SVT-AV1."""


_TEXTURE_RATIO = 2.0


_CERTAIN_NOISE = 2.5
"""Noise is even over the frame, texture is not: in noise, the median block has at most 1.3 times
the fine detail of the calmest tenth (4 times for leaves). A calmest tenth above `_CERTAIN_NOISE` is
always noise: frames full of texture measured up to 1.7."""


def noise_level(sigma_p10: float | None, sigma_p50: float | None) -> float | None:
    """The noise in the unit of the condition `grain`; None if it can't be measured because the film
    is too dark or texture covers the whole frame."""
    if sigma_p10 is None or sigma_p10 < CLEAN or sigma_p10 >= _CERTAIN_NOISE:
        return sigma_p10
    return sigma_p10 if (sigma_p50 or 0.0) < _TEXTURE_RATIO * sigma_p10 else None


def film_grain_for(estimate: NoiseEstimate) -> tuple[int, str]:
    """The strength for `film_grain: auto`, 0 to 50, and why."""
    level = noise_level(estimate.sigma_p10, estimate.sigma_p50)
    if estimate.sigma_p10 is None:
        return 0, "noise can't be measured: the frames are too dark or too bright"
    measured = f"noise {estimate.sigma_p10:.1f}"
    if level is None:
        return 0, f"{measured} beside fine detail {estimate.sigma_p50:.1f}: texture, not grain"
    if level < CLEAN:
        return 0, f"{measured}: clean (grain is from {CLEAN} on)"
    return min(round(level * STRENGTH_PER_SIGMA), MAX_STRENGTH), measured


PLACES = 9


FRAMES_PER_PLACE = 4
"""Consecutive frames: a key frame and the next ones, which codecs blur more."""


FIRST_SHARE, LAST_SHARE = 0.1, 0.9
"""The places lie between these shares of the film: titles and credits have no camera noise."""


def estimate(
    path: str,
    source: Source,
    *,
    tools: Tools,
    children: Children,
    priority: Priority = USUAL,
) -> NoiseEstimate:
    """Measure the noise at nine places. Takes 1-3 s in 1080p for any length, several times that
    in 4K.

    Raises ProbeError if no frame can be decoded, RunInterruptedError, OSError.
    """
    reader = open_frame_reader(path, source, tools=tools, children=children, priority=priority)
    step = (LAST_SHARE - FIRST_SHARE) / (PLACES - 1)
    shares = [FIRST_SHARE + step * number for number in range(PLACES)]
    readings = [
        reader.read(
            FrameRequest(
                at_s=reader.start_s + share * reader.duration_s,
                frames=FRAMES_PER_PLACE,
                gap_s=0.0,
            )
        )
        for share in shares
    ]
    seen = {reading.time_s: reading for reading in readings if reading is not None}
    if not seen:
        raise ProbeError(
            "its grain can't be estimated: no frame could be decoded",
            hint="does the file play?",
            where=printable(path),
        )
    return estimate_of(seen.values())
