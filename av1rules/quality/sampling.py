"""Where samples of a film are taken: many short pieces, spread evenly over the film proper. Pure.

What samples are off by is the choice of places, not the cutting: a piece encoded alone is within
0.1 VMAF of the same pictures of the whole film. So there are many, and they are short.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from av1rules.media.source import Source, VideoStream
from av1rules.quality.credits import usual_span
from av1rules.quality.survey import even_rate

EXCERPT_S = 2.0
"""More pieces tell more in the same time. By slices of two whole encodes of 40 scenes, 12 and 18
of 2 s instead of 8 and 12 of 3 s: VMAF p5 off by 0.8 instead of 1.0 (root of the mean square), the
mean by 0.4 instead of 0.5, sizes by 17 % instead of 23 %. Of 1 s they would tell more still, but up
to each of them the film is decoded for ten seconds."""


LARGE_PIECE_S, LARGE_PIXELS = 3.0, 2560 * 1440
"""Of larger pictures there are fewer pieces in the same time: all are decoded side by side. Each
took 16 MB at 1080p in 8 bits with one reference picture; UHD in 10 bits has eight times that."""


TOTAL_S = 36.0
"""In all, of a film of any length. By `tests.bench.bench_search` the CRF found was off by 0.75
(median) with 36 s, by 2 with 24 s, of ten targets that were searched with both."""


WHOLE_UP_TO = 1.5
"""A film that is no longer than so many times its samples is sampled whole: that costs little more
and is off by nothing."""


WHOLE_SLACK_S = 1.0
"""So far beyond both ends of a film that is sampled whole: its last picture is in it for sure."""


def sample_excerpts(
    source: Source, *, total_s: float | None = None, piece_s: float | None = None
) -> tuple[tuple[float, float], ...]:
    """The samples of a film: start and duration of each in seconds by the film's clock, in order,
    apart from each other. One that goes beyond both ends for a short film.

    Each lies in the middle of an equal part of the film without its titles and credits. They are
    cut halfway between two pictures where these come evenly. `total_s` None: `TOTAL_S`; `piece_s`
    None: by the size of the pictures. Of unknown length the beginning is taken.
    """
    main = source.main
    start_s = (main.start_s if main is not None else None) or source.start_s or 0.0
    duration_s = _duration_s(source)
    total_s = total_s or TOTAL_S
    if duration_s is None:
        return ((start_s - WHOLE_SLACK_S, total_s + WHOLE_SLACK_S),)
    if duration_s <= total_s * WHOLE_UP_TO:
        return ((start_s - WHOLE_SLACK_S, duration_s + 2 * WHOLE_SLACK_S),)
    low_s, high_s = usual_span(start_s, start_s + duration_s, source.chapters)
    if high_s - low_s < total_s * WHOLE_UP_TO:  # by chapters that leave next to nothing
        low_s, high_s = start_s, start_s + duration_s
    count = max(round(total_s / (piece_s or _excerpt_s(main))), 1)
    return tuple(
        _excerpts(low_s, high_s, count, total_s / count, anchor_s=start_s, rate=_rate(main))
    )


def _excerpt_s(main: VideoStream | None) -> float:
    pixels = (main.width or 0) * (main.height or 0) if main is not None else 0
    return LARGE_PIECE_S if pixels > LARGE_PIXELS else EXCERPT_S


def _rate(main: VideoStream | None) -> Fraction | None:
    """Pictures per second where they come evenly; pictures of seconds are not worth cutting at."""
    rate = even_rate(main) if main is not None else None
    return Fraction(*rate) if rate is not None and rate[0] >= rate[1] else None


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
    for number in range(count):
        start_s = low_s + part_s * (number + 0.5) - length_s / 2
        if rate is None:
            yield round(start_s, 6), round(length_s, 6)
            continue
        before = round((start_s - anchor_s) * rate)
        frames = max(int(length_s * rate), 1)
        start_s = anchor_s + float((before - Fraction(1, 2)) / rate)
        yield round(start_s, 6), round(float(frames / rate), 6)


HARD_EXCERPTS = "projected from hard passages: the film will rather be smaller"


UNKNOWN_AUDIO = "sound whose bit rate is not known is left out of the projection"


def projected_bytes(
    source: Source, kept: frozenset[int], *, clip_bytes: int, clip_s: float
) -> int | None:
    """The pictures as large per second as in the clip, the tracks that are `kept` (stream numbers)
    as they are, both as long as the film. None where a length is unknown.

    Tracks without a known rate count as nothing: subtitles are small, and sound nearly always says.
    """
    film_s = source.film_s
    if not film_s or clip_s <= 0:
        return None
    rates = (audio.bitrate_bps or 0 for audio in source.audio if audio.index in kept)
    return int(clip_bytes / clip_s * film_s + sum(rates) * film_s / 8)
