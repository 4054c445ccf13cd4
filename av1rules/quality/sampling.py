"""Chooses the samples of a film: many short excerpts, spread evenly without titles and credits.

The error of samples comes from the choice of places, not from cutting: an excerpt encoded alone is
within 0.1 VMAF of the same frames in the whole film. So there are many short ones. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

from av1rules.media.source import Source, VideoStream
from av1rules.quality.credits import typical_span
from av1rules.quality.survey import even_rate

EXCERPT_S = 2.0
"""More excerpts give better estimates in the same time. Measured on two whole encodes of 40 scenes,
with 12 and 18 of 2 s instead of 8 and 12 of 3 s: VMAF p5 off by 0.8 instead of 1.0 (root mean
square), the mean by 0.4 instead of 0.5, sizes by 17 % instead of 23 %. Excerpts of 1 s would be
better still, but FFmpeg decodes ten seconds of film up to each of them."""


LARGE_EXCERPT_S, LARGE_PIXELS = 3.0, 2560 * 1440
"""Larger frames get fewer and longer excerpts, because all are decoded side by side. Each took
16 MB at 1080p in 8 bits with one reference frame; UHD in 10 bits takes eight times that."""


TOTAL_S = 36.0
"""Total for a film of any length. In `tests.bench.bench_search` the CRF found was off by 0.75
(median) with 36 s and by 2 with 24 s, over the ten targets searched with both."""


WHOLE_FILM_RATIO = 1.5
"""A film no longer than this many times its samples is sampled whole: that costs little more and
is exact."""


WHOLE_SLACK_S = 1.0
"""Added at both ends of a film that is sampled whole, so that its last frame is included."""


def sample_excerpts(
    source: Source, *, total_s: float | None = None, excerpt_s: float | None = None
) -> tuple[tuple[float, float], ...]:
    """The samples of a film: start and duration in seconds by the film's timestamps, in order and
    without overlap. A short film has one sample that extends beyond both ends.

    Each lies in the middle of an equal part of the film without its titles and credits. With a
    constant frame rate, cuts lie halfway between two frames. Defaults: `total_s` is `TOTAL_S`,
    `excerpt_s` depends on the frame size. If the duration is unknown, the beginning is the sample.
    """
    main = source.main
    start_s = (main.start_s if main is not None else None) or source.start_s or 0.0
    duration_s = _duration_s(source)
    total_s = total_s or TOTAL_S
    whole_s = _whole_s(duration_s, total_s)
    if whole_s is not None or duration_s is None:  # the second only says so to the type checker
        return ((start_s - WHOLE_SLACK_S, whole_s or 0.0),)
    low_s, high_s = typical_span(start_s, start_s + duration_s, source.chapters)
    if high_s - low_s < total_s * WHOLE_FILM_RATIO:  # the chapters leave hardly anything
        low_s, high_s = start_s, start_s + duration_s
    count = _count(total_s, excerpt_s or _excerpt_s(main))
    return tuple(
        _excerpts(low_s, high_s, count, total_s / count, anchor_s=start_s, rate=_rate(main))
    )


def samples_length_s(source: Source) -> float:
    """The total length of `sample_excerpts` in seconds. A plan of a whole library asks for it, and
    their places cost a hundred times as much."""
    main, whole_s = source.main, _whole_s(_duration_s(source), TOTAL_S)
    if whole_s is not None:
        return whole_s
    count = _count(TOTAL_S, _excerpt_s(main))
    rate = even_rate(main) if main is not None else None
    return sum([_even_length_s(TOTAL_S / count, rate)] * count)


def _whole_s(duration_s: float | None, total_s: float) -> float | None:
    """The length of the only sample of a film that is short or of unknown duration."""
    if duration_s is None:
        return total_s + WHOLE_SLACK_S
    return duration_s + 2 * WHOLE_SLACK_S if duration_s <= total_s * WHOLE_FILM_RATIO else None


def _count(total_s: float, excerpt_s: float) -> int:
    return max(round(total_s / excerpt_s), 1)


def _excerpt_s(main: VideoStream | None) -> float:
    pixels = (main.width or 0) * (main.height or 0) if main is not None else 0
    return LARGE_EXCERPT_S if pixels > LARGE_PIXELS else EXCERPT_S


def _rate(main: VideoStream | None) -> Fraction | None:
    """The frame rate if it is constant and at least 1: longer frames are not worth cutting at."""
    return _cut_rate(even_rate(main) if main is not None else None)


def _cut_rate(rate: tuple[int, int] | None) -> Fraction | None:
    return Fraction(*rate) if rate is not None and rate[0] >= rate[1] else None


@lru_cache(maxsize=256)
def _even_length_s(length_s: float, rate: tuple[int, int] | None) -> float:
    """The length of an excerpt in whole frames: libraries have a handful of frame rates."""
    return _length_s(length_s, _cut_rate(rate))


def _length_s(length_s: float, rate: Fraction | None) -> float:
    if rate is None:
        return round(length_s, 6)
    return round(float(max(int(length_s * rate), 1) / rate), 6)


def _duration_s(source: Source) -> float | None:
    main = source.main
    if main is None or source.film_s:
        return source.film_s
    return float(main.frames / main.frame_rate) if main.frames and main.frame_rate else None


def _excerpts(
    low_s: float,
    high_s: float,
    count: int,
    length_s: float,
    *,
    anchor_s: float,
    rate: Fraction | None,
) -> Iterator[tuple[float, float]]:
    part_s = (high_s - low_s) / count
    cut_s = _length_s(length_s, rate)
    for number in range(count):
        start_s = low_s + part_s * (number + 0.5) - length_s / 2
        if rate is None:
            yield round(start_s, 6), cut_s
            continue
        before = round((start_s - anchor_s) * rate)
        start_s = anchor_s + float((before - Fraction(1, 2)) / rate)
        yield round(start_s, 6), cut_s


HARD_EXCERPTS = "projected from hard excerpts: the film is likely to be smaller"


UNKNOWN_AUDIO = "audio of unknown bit rate is left out of the projection"


def projected_bytes(
    source: Source, kept: frozenset[int], *, clip_bytes: int, clip_s: float
) -> int | None:
    """Size of the film with the clip's video bit rate and the copied tracks `kept` (stream
    numbers). None if a duration is unknown.

    Tracks of unknown bit rate count as 0: subtitles are small, and audio nearly always has one.
    """
    film_s = source.film_s
    if not film_s or clip_s <= 0:
        return None
    rates = (audio.bitrate_bps or 0 for audio in source.audio if audio.index in kept)
    return int(clip_bytes / clip_s * film_s + sum(rates) * film_s / 8)
