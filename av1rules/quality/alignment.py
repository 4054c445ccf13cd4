"""Whether two films show the same pictures at the same time, before a score is believed. Pure.

One lost picture turns a VMAF of 97 into 92: a score of films that are out of step says nothing.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from av1rules.base.units import format_duration
from av1rules.quality.result import Moment

MIN_TOLERANCE_S = 0.004
"""Matroska's ticks are 1 ms on both sides; half the distance of two pictures is usually more."""

WINDOW_FRAMES = 24
"""Pictures looked at together for a shift: about a second, so that some of them move."""

CLEARLY = 0.5
"""A window is shifted if the neighbour differs by less than this share of what its own picture
does. Encodes far below any use stay near 1: what they lost is lost against both."""

MAX_SHIFTED = 0.1
"""Windows that may look shifted by chance, of those that tell anything."""


class Squares(msgspec.Struct, frozen=True, kw_only=True):
    """Mean squared differences of each picture of the encode: to the picture of the same number,
    to the one before it (from the second picture on), to the one after it."""

    here: tuple[float, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]


def count_problem(parts: Sequence[Sequence[float | None]], encoded: int) -> str | None:
    """What is wrong with the numbers of pictures; None if they are equal and not 0."""
    wanted = sum(len(part) for part in parts)
    if wanted == 0:
        return "the source has no frame to compare with"
    if wanted == encoded:
        return None
    return f"the source has {wanted} pictures to compare, the encode {encoded}"


def time_problem(
    parts: Sequence[Sequence[float | None]], encoded: Sequence[float | None], *, step_s: float
) -> str | None:
    """Where the encode shows a picture at another time than the source, from the start of each
    passage on; None if nowhere, or where nothing is known of it. Counts are equal already."""
    number = 0
    for part in parts:
        others = encoded[number : number + len(part)]
        tolerance = max(_usual_step(part, step_s) / 2, MIN_TOLERANCE_S)
        for offset, (time, other) in enumerate(zip(part, others, strict=True)):
            if None in (time, other, part[0], others[0]):
                continue
            shown = time - part[0]  # type: ignore[operator]
            encoded_s = other - others[0]  # type: ignore[operator]
            if abs(shown - encoded_s) > tolerance:
                return (
                    f"picture {number + offset + 1} comes {shown:.3f} s after the first one in "
                    f"the source, {encoded_s:.3f} s in the encode"
                )
        number += len(part)
    return None


def _usual_step(times: Sequence[float | None], step_s: float) -> float:
    known = [time for time in times if time is not None]
    steps = [later - time for time, later in pairwise(known) if later > time]
    return statistics.median(steps) if steps else step_s


def shift_problem(squares: Squares, shown: Sequence[Moment]) -> str | None:
    """Whether the encode's pictures are those before or after the source's; None if not, or where
    nothing moves."""
    telling = 0
    shifted: dict[str, list[int]] = {"late": [], "early": []}
    # The first picture has none before it, the last one none after it.
    last = min(len(squares.here), len(squares.before) + 1, len(squares.after)) - 1
    for start in range(1, last, WINDOW_FRAMES):
        end = min(start + WINDOW_FRAMES, last)
        here = sum(squares.here[start:end])
        before, after = sum(squares.before[start - 1 : end - 1]), sum(squares.after[start:end])
        grace = 0.1 * (end - start)  # FFmpeg writes two digits
        if min(here, before, after) + grace > CLEARLY * max(here, before, after):
            continue
        telling += 1
        for name, value in (("late", before), ("early", after)):
            if value + grace < CLEARLY * here:
                shifted[name].append(start)
    name, found = max(shifted.items(), key=lambda item: len(item[1]))
    if not found or len(found) < MAX_SHIFTED * telling:
        return None
    at_s = shown[found[0]].source_s
    return (
        f"the encode is one picture {'behind' if name == 'late' else 'ahead of'} the source, "
        f"first seen at {format_duration(at_s)} (in {len(found)} of {telling} stretches of "
        f"{WINDOW_FRAMES} pictures that can tell)"
    )
