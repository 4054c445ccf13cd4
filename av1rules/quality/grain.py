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

Coarse grain is the same noise blurred by a Gaussian (`gblur`) and added, at 1280x720 on two clips.
Between neighbours it shows 47 % (0.8 pixels) and 29 % (1.2) of its deviation, between every third
pixel 82 and 73 % (white noise: 88 % in both). What is given back is the coarse detail of the encode
relative to that of the source; in brackets the strength that neighbours alone would choose:

| N, blur | deviation | neighbours | estimate | strength | given back | size |
|---|---|---|---|---|---|---|
| 12, 0.8 | 3.1 | 1.51 | 2.6 | 23 (14) | 77 % (54-58) | 0.46-0.58 (0.62-0.71) |
| 24, 0.8 | 6.4 | 3.0 | 5.2 | 47 (27) | 81-82 % (67-69) | 0.22-0.27 (0.43-0.48) |
| 25, 1.2 | 4.5 | 1.3 | 3.3 | 30 (12) | 73-74 % (64-71) | 0.49-0.55 (0.82-0.83) |
| 40, 1.2 | 7.2 | 2.06 | 5.2 | 47 (19) | 77-78 % (75-76) | 0.38-0.41 (0.69-0.70) |

Only made noise was measured: no free scan with much grain was available. The price is fine detail:
what is finer than the grain goes with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from statistics import median

from msgspec import structs

from av1rules.base.errors import ProbeError
from av1rules.base.priority import USUAL, Priority
from av1rules.base.process import Children
from av1rules.base.text import printable
from av1rules.ffmpeg.tools import Tools
from av1rules.media.source import Source
from av1rules.quality.excerpts import NoiseEstimate
from av1rules.quality.frames import FrameReader, FrameRequest, FrameStats, open_frame_reader


def estimate_of(readings: Iterable[FrameStats]) -> NoiseEstimate:
    """The median of all frames: a few dark or blurred places don't shift it."""
    readings = tuple(readings)
    return NoiseEstimate(
        sigma_p10=_middle(reading.noises for reading in readings),
        sigma_p50=_middle(reading.medians for reading in readings),
        coarse_p10=_middle(reading.coarse_noises for reading in readings),
        coarse_p50=_middle(reading.coarse_medians for reading in readings),
        frames=sum(len(reading.noises) for reading in readings),
        places=len(readings),
    )


def _middle(readings: Iterable[tuple[float, ...]]) -> float | None:
    values = list(chain.from_iterable(readings))
    return round(median(values), 2) if values else None


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


EVEN, COARSE_EVEN = 1.6, 1.4
"""Coarse detail is grain only where fine and coarse detail are both even over the frame: the median
block has at most so many times the detail of the calmest tenth. Noise of three sizes on three
films: 1.09 to 1.42 and 1.15 to 1.38, as x264 leaves it at CRF 14 and 22 too; of 60 real clips
without grain none is below both with a level that counts."""


def level_of(estimate: NoiseEstimate) -> float | None:
    """The noise in the unit of the condition `grain`; None as for `noise_level`.

    The grain of scanned film spans some pixels: between neighbours little of it shows, and codecs
    leave less. Where coarse detail is even it tells the deviation.
    """
    fine = noise_level(estimate.sigma_p10, estimate.sigma_p50)
    if fine is None or not (
        _is_even(estimate.sigma_p10, estimate.sigma_p50, EVEN)
        and _is_even(estimate.coarse_p10, estimate.coarse_p50, COARSE_EVEN)
    ):
        return fine
    return max(fine, estimate.coarse_p10 or 0.0)


def _is_even(calmest: float | None, middle: float | None, ratio: float) -> bool:
    return calmest is not None and middle is not None and middle < ratio * calmest


def film_grain_for(estimate: NoiseEstimate) -> tuple[int, str]:
    """The strength for `film_grain: auto`, 0 to 50, and why."""
    if estimate.sigma_p10 is None:
        return 0, "noise can't be measured: the frames are too dark or too bright"
    level = level_of(estimate)
    if level is None:
        fine = f"noise {estimate.sigma_p10:.1f} beside fine detail {estimate.sigma_p50:.1f}"
        return 0, f"{fine}: texture, not grain"
    measured = f"noise {level:.1f}"
    if level > estimate.sigma_p10 * _COARSER:
        measured += f", coarse ({estimate.sigma_p10:.1f} between neighbours)"
    if level < CLEAN:
        return 0, f"{measured}: clean (grain is from {CLEAN} on)"
    return min(round(level * STRENGTH_PER_SIGMA), MAX_STRENGTH), measured


_COARSER = 1.25
"""From this ratio of coarse to fine detail on the reason names both; noise that differs from pixel
to pixel has 0.98 to 1.02."""


PLACES = 9


FRAMES_PER_PLACE = 4
"""Consecutive frames: a key frame and the next ones, which codecs blur more."""


FEW_PLACES, SHORT_S = 3, 60.0
"""Seeks of a short film may all end at one key frame, or, in a transport stream, find none. A film
of up to a minute that was seen at fewer places is decoded up to three of them."""


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

    Raises ProbeError for a film without video, frame size or duration, or of which no frame can be
    decoded; RunInterruptedError, OSError.
    """
    reader = open_frame_reader(path, source, tools=tools, children=children, priority=priority)
    step = (LAST_SHARE - FIRST_SHARE) / (PLACES - 1)
    shares = [FIRST_SHARE + step * number for number in range(PLACES)]
    requests = [
        FrameRequest(
            at_s=reader.start_s + share * reader.duration_s, frames=FRAMES_PER_PLACE, gap_s=0.0
        )
        for share in shares
    ]
    seen = _readings(reader, requests)
    if len(seen) < FEW_PLACES and reader.duration_s <= SHORT_S:
        exact = (
            structs.replace(request, is_exact=True, is_sought=False)
            for request in requests[:: PLACES // FEW_PLACES]
        )
        seen |= _readings(reader, exact)
    if not seen:  # a long film that no seek finds its way in
        seen = _readings(reader, [structs.replace(requests[0], is_sought=False)])
    if not seen:
        raise ProbeError(
            "its grain can't be estimated: no frame could be decoded",
            hint="does the file play?",
            where=printable(path),
        )
    return estimate_of(reading for _, reading in sorted(seen.items()))


def _readings(reader: FrameReader, requests: Iterable[FrameRequest]) -> dict[float, FrameStats]:
    """By their time: seeks may end at the same key frame."""
    found = (reader.read(request) for request in requests)
    return {reading.time_s: reading for reading in found if reading is not None}
