"""Where a survey looks, in which order, and what its looks mean. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from statistics import median

from av1rules.library.source import VideoStream
from av1rules.review.look_parse import Look
from av1rules.review.passages import Sample

MOST_LOOKS = 400
"""A film of 3 h is seen every 27 s; 1080p takes 0.2 s a look on two cores."""

LEAST_LOOKS = 60
SPACING_S = 10.0
CLOSEST_S = 1.0
"""Between two looks: usual, and where that would be fewer than `LEAST_LOOKS`, no less than this."""


def places(start_s: float, duration_s: float) -> tuple[float, ...]:
    """When to look, evenly over the film, in an order that covers it coarsely first: who stops
    early has seen all of it, more sparsely."""
    count = min(max(duration_s / SPACING_S, LEAST_LOOKS), MOST_LOOKS, duration_s / CLOSEST_S)
    count = max(int(count), 1)
    bits = (count - 1).bit_length()
    order = sorted(range(count), key=lambda index: _reversed_bits(index, bits))
    return tuple(start_s + (index + 0.5) * duration_s / count for index in order)


def _reversed_bits(number: int, bits: int) -> int:
    return int(f"{number:0{bits}b}"[::-1], 2) if bits else 0


def samples_of(looks: Iterable[Look]) -> tuple[Sample, ...]:
    """By time, each picture once: two seeks may have led to one key frame."""
    found = {look.time_s: look for look in looks}
    return tuple(_sample(found[time_s]) for time_s in sorted(found))


def _sample(look: Look) -> Sample:
    return Sample(
        time_s=round(look.time_s, 6),
        luma=round(look.luma, 5),
        dark_share=round(look.dark_share, 4),
        peak=round(look.peak, 4),
        motion=round(look.motion or 0.0, 5),
        noise=round(median(look.noises), 3) if look.noises else None,
        texture=round(median(look.textures), 3) if look.textures else None,
    )


def even_rate(main: VideoStream) -> tuple[int, int] | None:
    """Pictures per second, where they come evenly."""
    rate: Fraction | None = main.frame_rate
    if rate is None or main.is_variable_rate is not False:
        return None
    return rate.numerator, rate.denominator
