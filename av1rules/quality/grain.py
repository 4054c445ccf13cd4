"""What an estimate of noise means: the strength of film grain synthesis that fits it. Pure.

The unit is the deviation of fine detail in steps of 8 bits: below 0.75 films are clean, 1 is a
light grain, 3 a strong one. The condition `grain` of rules is in this unit, too.

Measured with SVT-AV1 4.2, preset 8, CRF 24, `film-grain-denoise=1`, on three clips with FFmpeg's
`noise=alls=N:allf=t`; noise of the encode played with its synthesis, share of the size without:

| N | estimate | strength chosen | noise at the nearest strength | size |
|---|---|---|---|---|
| 0 | 0.03-0.42 | 0 | - (8: 0.46-0.55, grain that was not there) | 1 (0.97-0.99) |
| 2 | 0.76-0.84 | 7-8 | 8: 0.63-0.70 | 0.97-0.98 |
| 4 | 1.72-1.80 | 15-16 | 16: 1.40-1.49 | 0.88-0.90 |
| 6 | 2.66-2.82 | 24-25 | 24: 2.10-2.18 | 0.47-0.63 |
| 8 | 3.69-3.93 | 33-35 | 36: 3.02-3.21 | 0.21-0.36 |
| 12 | 5.69-6.06 | 50 | 50: 4.49-4.70 | 0.14-0.23 |
| 16 | 7.75-8.20 | 50 | 50: 5.03-5.17 | 0.30-0.38 |

Only made-up noise was measured: real grain is coarser, and no free scan of it was at hand.
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


def estimate_of(looks: Iterable[FrameStats]) -> NoiseEstimate:
    """The middle one of all pictures: a few dark or blurred places do not move it."""
    looks = tuple(looks)
    noises = [value for look in looks for value in look.noises]
    textures = [value for look in looks for value in look.textures]
    return NoiseEstimate(
        sigma_p10=round(median(noises), 2) if noises else None,
        sigma_p50=round(median(textures), 2) if textures else None,
        frames=len(noises),
    )


CLEAN = 0.75
"""Below it no grain is put in: clips without noise measured up to 0.42 (small ones up to 0.73),
those with a trace of it (N = 2) from 0.76 on."""


STRENGTH_PER_SIGMA = 9.0
"""Gives back about four fifths of the noise. 12 would give back all, but the cleaner that goes
before it would take texture for grain as well: at 24 a clean clip came out with a noise of 1.2."""


MOST = 50
"""SVT-AV1's strongest."""


_CALM = 2.0


_SURE = 2.5
"""Noise lies evenly over the picture, texture does not: half of a picture has at most 1.3 times the
fine detail of its calmest tenth where it is noise (4 times for leaves). A calmest tenth above
`_SURE` is noise whatever lies over it: pictures that are texture all over measured up to 1.7."""


def noise_level(sigma_p10: float | None, sigma_p50: float | None) -> float | None:
    """The noise, in the unit of the condition `grain`; None where it can't be told: too dark, or
    hidden by texture all over the picture."""
    if sigma_p10 is None or sigma_p10 < CLEAN or sigma_p10 >= _SURE:
        return sigma_p10
    return sigma_p10 if (sigma_p50 or 0.0) < _CALM * sigma_p10 else None


def film_grain_for(estimate: NoiseEstimate) -> tuple[int, str]:
    """The strength for `film_grain: auto`, 0 to 50, and why."""
    level = noise_level(estimate.sigma_p10, estimate.sigma_p50)
    if estimate.sigma_p10 is None:
        return 0, "no noise to be seen: the pictures are too dark or too bright"
    measured = f"noise {estimate.sigma_p10:.1f}"
    if level is None:
        return 0, f"{measured} beside fine detail {estimate.sigma_p50:.1f}: texture, not grain"
    if level < CLEAN:
        return 0, f"{measured}: clean (grain is from {CLEAN} on)"
    return min(round(level * STRENGTH_PER_SIGMA), MOST), measured


PLACES = 9


PICTURES = 4
"""At each place, one after another: a key frame and the next ones, which codecs blur more."""


FIRST, LAST = 0.1, 0.9
"""Share of the film between which the places lie: titles and credits are made, not filmed."""


def estimate(
    path: str,
    source: Source,
    *,
    tools: Tools,
    children: Children,
    priority: Priority = USUAL,
) -> NoiseEstimate:
    """1-3 s in 1080p, whatever the length; some times that in 4K.

    Raises ProbeError where nothing can be seen, RunInterruptedError, OSError.
    """
    viewer = open_frame_reader(path, source, tools=tools, children=children, priority=priority)
    step = (LAST - FIRST) / (PLACES - 1)
    shares = [FIRST + step * number for number in range(PLACES)]
    looks = [
        viewer.look(
            FrameRequest(
                at_s=viewer.start_s + share * viewer.duration_s,
                pictures=PICTURES,
                gap_s=0.0,
            )
        )
        for share in shares
    ]
    seen = {look.time_s: look for look in looks if look is not None}
    if not seen:
        raise ProbeError(
            "its grain can't be estimated: no picture could be decoded",
            hint="does the file play?",
            where=printable(path),
        )
    return estimate_of(seen.values())
