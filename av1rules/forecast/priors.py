"""Built-in figures that forecasts start from, each with its source. Pure.

Measured: on two cores of one machine with FFmpeg 9.0.2 and SVT-AV1 4.2, 356 frames of 1080p in 10
bit at CRF 32. All else is marked as a guess, and the spread says how good a guess. The first
encodes of one's own outweigh all of it.
"""

from __future__ import annotations

import math

import msgspec
from msgspec.structs import replace

from av1rules.encode.encoders.registry import find_encoder

CPU_S_PER_MPX = {
    13: 0.023, 12: 0.025, 11: 0.028,  # guesses: between preset 10 and decoding alone (0.014)
    10: 0.0316, 9: 0.0363, 8: 0.0484, 7: 0.0638, 6: 0.0805, 5: 0.0986, 4: 0.1156, 3: 0.2284,
    2: 0.45,  # measured on 96 frames: 3.9 x preset 4
    1: 0.9, 0: 1.8,  # guesses: twice as long each
}  # fmt: skip
"""Processor seconds of SVT-AV1 per million pixels (frames x width x height), by preset; decoding
the source included."""

OTHER_ENCODER_FACTOR = 10.0  # a guess

GRAIN_FACTOR = 1.6
"""Film grain synthesis costs 1.5 to 1.65 times the time (measured at 720p, preset 8)."""

EIGHT_BIT_FACTOR = 0.83
"""Against 10 bit (measured at 1080p, preset 8)."""

VERIFY_CPU_S_PER_MPX = 0.008
"""The full decode of a target: 2 to 5 s of two cores for the 356 frames."""

START_S = 0.4
"""Of any encode however short: programs start, streams are probed, checks are made."""

CORES_USED = 8
"""So many cores one encode keeps busy at most: a guess, more than two were not measured."""

PARALLEL_SHARE = 0.95
"""Of the cores that one encode could use, measured with two: 1.75 to 1.95 of 2."""

CRF_AT = 32.0
BITS_PER_PIXEL_AT = 0.06
"""Of a 1080p target at CRF 32, audio included: measured 0.028 (720p24, clean) and 0.052 (1080p) of
pictures alone at preset 8, 0.08 with sound as the middle of 59 clips at presets 10 and 12; 0.39
with strong noise."""

SOURCE_BITS_PER_PIXEL_AT = 0.15
"""The source that `BITS_PER_PIXEL_AT` is about: 7.5 Mb/s at 1080p24."""

SOURCE_EXPONENT = 0.65
"""A source with twice the bits per pixel gives a target of 1.6 times the size, since more bits mean
both more detail and a finer coding (fitted to the 59 clips)."""

PIXELS_AT = 1920 * 1080
PIXELS_EXPONENT = -0.16
"""Smaller frames need more bits per pixel (fitted to the 59 clips)."""

SIZE_BY_PRESET = {
    10: 0.97, 9: 0.96, 8: 1.0, 7: 0.90, 6: 0.86, 5: 0.78, 4: 0.76, 3: 0.75,
}  # fmt: skip
"""Measured at 1080p, CRF 32; faster presets are taken for 10, slower ones for 3."""

LOG_SIZE_PER_CRF = -0.066
"""Measured on 124 s of 720p at preset 8: CRF 20, 26, 32, 38, 44, 50 give 1376, 931, 613, 406, 274
and 190 kb/s."""

MUCH_DENOISED = 0.75
"""Film grain synthesis with denoising, against none: measured 0.76 at strength 8."""


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Standard deviations of the natural logarithm: `common` is shared by all encodes (this machine
    is slower, these films are grainier), `own` differs from film to film. `kept`: of the common
    one, how much encodes with one encoder, preset, resolution, source tier may differ from those
    with the same but the last."""

    common: float
    own: float
    kept: tuple[float, ...]


TIME_SPREAD = Spread(common=0.55, own=0.35, kept=(1.0, 0.5, 0.35, 0.25))
"""Common: processors differ by about twice either way (80 % of them). Own: fitted to the 59 clips.
Kept: presets are measured against each other, machines are not."""

SIZE_SPREAD = Spread(common=0.45, own=0.7, kept=(1.0, 0.8, 0.5, 0.8))
"""Own: fitted to the 59 clips; clean and very noisy pictures differ by fourteen times. Kept: a
guess; presets and tiers go together, and with tiers the grain."""

SAMPLED_SIZE_SPREAD = Spread(common=0.05, own=0.17, kept=())
"""Of sizes by samples of the very film. Own: three films made of real clips came to 0.83 to 0.91 of
what their samples said, with fewer samples to 0.75 (docs/quality.md). Times are not forecast by
samples: reading up to each of many short pieces takes longer than fast presets."""

SEARCH_PROBES = 4
"""Sample encodes that a search takes (docs/quality.md)."""

MORE_PER_DOUBLED_CORES = 0.12
"""Added to the common spread of time for each doubling of the two cores that were measured."""


class Traits(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the cost of one encode depends on. `frames` may be a fraction: duration x rate."""

    encoder: str
    preset: int
    crf: float
    film_grain: int
    bit_depth: int
    resolution: str | None
    source_tier: str | None
    frames: float
    pixels: int  # of a frame
    source_bytes: int
    max_size_ratio: float = 0.9
    crf_spread: float = 0.0  # standard deviation of a CRF that is still to be searched for
    first_frames: float = 0.0  # of samples that are encoded before it


def cores_used(cores: int, threads: int | None) -> float:
    """Cores that one encode keeps busy."""
    return max(1.0, min(cores, threads or CORES_USED) * PARALLEL_SHARE)


def prior_seconds(traits: Traits, cores: int, threads: int | None = None) -> float:
    """Encoding and verifying, with the machine to itself."""
    megapixels = traits.frames * traits.pixels / 1e6
    preset = min(max(traits.preset, 0), 13)
    encoder = find_encoder(traits.encoder)
    cpu_s = CPU_S_PER_MPX[preset] * (encoder.time_factor if encoder else OTHER_ENCODER_FACTOR)
    cpu_s *= GRAIN_FACTOR if traits.film_grain else 1.0
    cpu_s *= EIGHT_BIT_FACTOR if traits.bit_depth == 8 else 1.0
    return START_S + megapixels * (cpu_s + VERIFY_CPU_S_PER_MPX) / cores_used(cores, threads)


def prior_bytes(traits: Traits) -> float:
    """The target's size: from the pixels, the CRF and the bits that the source spends on them."""
    coded = traits.frames * traits.pixels
    source = traits.source_bytes * 8 / coded / SOURCE_BITS_PER_PIXEL_AT
    bits = BITS_PER_PIXEL_AT * math.exp(LOG_SIZE_PER_CRF * (traits.crf - CRF_AT))
    bits *= source**SOURCE_EXPONENT * (traits.pixels / PIXELS_AT) ** PIXELS_EXPONENT
    bits *= SIZE_BY_PRESET[min(max(traits.preset, 3), 10)]
    bits *= MUCH_DENOISED if traits.film_grain else 1.0
    return float(bits * coded / 8)


def time_spread(cores: int) -> Spread:
    """How far off `prior_seconds` may be."""
    common = TIME_SPREAD.common + MORE_PER_DOUBLED_CORES * abs(math.log2(max(cores, 1) / 2))
    return replace(TIME_SPREAD, common=common)
