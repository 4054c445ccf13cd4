"""Measures a film by many short readings spread over it: far cheaper than decoding all of it.

Each reading seeks to a key frame, so the disk reads a few megabytes and not the whole film.
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


MIN_TIME_S = 60.0
"""A survey ends after `TIME_SHARE` of the film's length, or after this time if that is longer."""


MAX_FAILURES = 12
"""If this many readings fail from the start, no frame of the film can be decoded."""


MAX_MISPLACED = 3
"""After this many key frames too far from their place, the survey stops using key frames."""


def survey(
    path: str,
    source: Source,
    *,
    tools: Tools,
    children: Children,
    priority: Priority = USUAL,
) -> Survey:
    """Measure the film at up to 400 places. The same file and FFmpeg give the same survey, unless
    the time runs out: then there are fewer samples, still spread over the whole film.

    Raises ProbeError if no frame can be decoded, RunInterruptedError, OSError.
    """
    reader = open_frame_reader(path, source, tools=tools, children=children, priority=priority)
    wanted = places(reader.start_s, reader.duration_s)
    readings = _take(reader, wanted)
    if not readings:
        raise ProbeError(
            "no excerpts can be measured: no frame could be decoded",
            hint="does the file play?",
            where=printable(path),
        )
    return Survey(
        start_s=reader.start_s,
        duration_s=reader.duration_s,
        frame_rate=even_rate(reader.main),
        transfer=reader.main.colour.transfer,
        wanted=len(wanted),
        samples=samples_of(readings),
    )


def _take(reader: FrameReader, wanted: tuple[float, ...]) -> list[FrameStats]:
    """Readings start at key frames, which need hardly any decoding. If key frames turn out to be
    farther apart than the places, FFmpeg decodes up to each place instead."""
    deadline = time.monotonic() + max(reader.duration_s * TIME_SHARE, MIN_TIME_S)
    spacing = reader.duration_s / len(wanted)
    readings: list[FrameStats] = []
    misplaced = 0
    for tried, place in enumerate(wanted):
        if time.monotonic() > deadline or (not readings and tried >= MAX_FAILURES):
            break
        reading = (
            None
            if misplaced >= MAX_MISPLACED
            else reader.read(_frame_request(place, is_exact=False))
        )
        if reading is None or abs(reading.time_s - place) > spacing:
            misplaced += 1
            reading = reader.read(_frame_request(place, is_exact=True))
        if reading is not None:
            readings.append(reading)
    return readings


def _frame_request(place: float, *, is_exact: bool) -> FrameRequest:
    return FrameRequest(at_s=place, frames=MOTION_FRAMES, gap_s=GAP_S, is_exact=is_exact)


MAX_PLACES = 400
"""A film of 3 h is sampled every 27 s; a 1080p reading takes 0.2 s on two cores."""


MIN_PLACES = 60


SPACING_S = 10.0


MIN_SPACING_S = 1.0
"""Least distance of two readings where `SPACING_S` would give fewer than `MIN_PLACES`."""


def places(start_s: float, duration_s: float) -> tuple[float, ...]:
    """Times of the readings, evenly over the film. They are ordered coarse to fine, so a survey
    that stops early still covers the whole film."""
    count = min(max(duration_s / SPACING_S, MIN_PLACES), MAX_PLACES, duration_s / MIN_SPACING_S)
    count = max(int(count), 1)
    bits = (count - 1).bit_length()
    order = sorted(range(count), key=lambda index: _reversed_bits(index, bits))
    return tuple(start_s + (index + 0.5) * duration_s / count for index in order)


def _reversed_bits(number: int, bits: int) -> int:
    return int(f"{number:0{bits}b}"[::-1], 2) if bits else 0


def samples_of(readings: Iterable[FrameStats]) -> tuple[FrameSample, ...]:
    """Samples by time, each frame once: two seeks may lead to the same key frame."""
    found = {reading.time_s: reading for reading in readings}
    return tuple(_sample(found[time_s]) for time_s in sorted(found))


def _sample(reading: FrameStats) -> FrameSample:
    return FrameSample(
        time_s=round(reading.time_s, 6),
        luma=round(reading.luma, 5),
        dark_share=round(reading.dark_share, 4),
        peak=round(reading.peak, 4),
        motion=round(reading.motion or 0.0, 5),
        noise=round(median(reading.noises), 3) if reading.noises else None,
        texture=round(median(reading.textures), 3) if reading.textures else None,
    )


def even_rate(main: VideoStream) -> tuple[int, int] | None:
    """The frame rate if it is constant, as numerator and denominator."""
    rate: Fraction | None = main.frame_rate
    if rate is None or main.is_variable_rate is not False:
        return None
    return rate.numerator, rate.denominator
