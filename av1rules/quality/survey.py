"""Measures a film in many short looks, spread over it: far cheaper than decoding all of it.

Each look seeks to a key frame, so that the disk reads a few megabytes and not the whole film.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from fractions import Fraction
from statistics import median

from av1rules.base.errors import ProbeError
from av1rules.base.priority import USUAL, Priority
from av1rules.base.process import Children
from av1rules.base.text import printable
from av1rules.ffmpeg.tools import Tools
from av1rules.media.source import Source, VideoStream
from av1rules.quality.excerpts import FrameSample, Survey
from av1rules.quality.frames import (
    GAP_S,
    MOTION_FRAMES,
    FrameReader,
    FrameRequest,
    FrameStats,
    open_frame_reader,
)

TIME_SHARE = 0.15


LEAST_TIME_S = 60.0
"""A survey ends after so large a share of the film's length, or this long if that is more."""


MOST_FAILURES = 12
"""So many looks in a row without a picture, from the start on: the film can't be seen at all."""


MOST_MISPLACED = 3
"""Key frames too far from the place: after so many, they are not tried any more."""


def survey(
    path: str,
    source: Source,
    *,
    tools: Tools,
    children: Children,
    priority: Priority = USUAL,
) -> Survey:
    """Look at the film at up to 400 places. The same for the same file and FFmpeg, unless the time
    runs out: then fewer samples, still spread over all of it.

    Raises ProbeError where nothing can be seen, RunInterruptedError, OSError.
    """
    viewer = open_frame_reader(path, source, tools=tools, children=children, priority=priority)
    wanted = places(viewer.start_s, viewer.duration_s)
    looks = _take(viewer, wanted)
    if not looks:
        raise ProbeError(
            "no excerpts can be measured: no frame could be decoded",
            hint="does the file play?",
            where=printable(path),
        )
    return Survey(
        start_s=viewer.start_s,
        duration_s=viewer.duration_s,
        frame_rate=even_rate(viewer.main),
        transfer=viewer.main.colour.transfer,
        wanted=len(wanted),
        samples=samples_of(looks),
    )


def _take(viewer: FrameReader, wanted: tuple[float, ...]) -> list[FrameStats]:
    """Looks start at key frames: next to nothing is decoded for them. Where these turn out to be
    farther apart than the places, each place is decoded up to."""
    ends = time.monotonic() + max(viewer.duration_s * TIME_SHARE, LEAST_TIME_S)
    spacing = viewer.duration_s / len(wanted)
    looks: list[FrameStats] = []
    astray = 0
    for tried, place in enumerate(wanted):
        if time.monotonic() > ends or (not looks and tried >= MOST_FAILURES):
            break
        look = (
            None if astray >= MOST_MISPLACED else viewer.look(_frame_request(place, is_exact=False))
        )
        if look is None or abs(look.time_s - place) > spacing:
            astray += 1
            look = viewer.look(_frame_request(place, is_exact=True))
        if look is not None:
            looks.append(look)
    return looks


def _frame_request(place: float, *, is_exact: bool) -> FrameRequest:
    return FrameRequest(at_s=place, pictures=MOTION_FRAMES, gap_s=GAP_S, is_exact=is_exact)


MOST_PLACES = 400
"""A film of 3 h is seen every 27 s; 1080p takes 0.2 s a look on two cores."""


LEAST_PLACES = 60


SPACING_S = 10.0


CLOSEST_S = 1.0
"""Between two looks: usual, and where that would be fewer than `LEAST_LOOKS`, no less than this."""


def places(start_s: float, duration_s: float) -> tuple[float, ...]:
    """When to look, evenly over the film, in an order that covers it coarsely first: who stops
    early has seen all of it, more sparsely."""
    count = min(max(duration_s / SPACING_S, LEAST_PLACES), MOST_PLACES, duration_s / CLOSEST_S)
    count = max(int(count), 1)
    bits = (count - 1).bit_length()
    order = sorted(range(count), key=lambda index: _reversed_bits(index, bits))
    return tuple(start_s + (index + 0.5) * duration_s / count for index in order)


def _reversed_bits(number: int, bits: int) -> int:
    return int(f"{number:0{bits}b}"[::-1], 2) if bits else 0


def samples_of(looks: Iterable[FrameStats]) -> tuple[FrameSample, ...]:
    """By time, each picture once: two seeks may have led to one key frame."""
    found = {look.time_s: look for look in looks}
    return tuple(_sample(found[time_s]) for time_s in sorted(found))


def _sample(look: FrameStats) -> FrameSample:
    return FrameSample(
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
