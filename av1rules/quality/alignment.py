"""Checks that source and encode show the same frames at the same times before a score counts. Pure.

One lost frame turns a VMAF of 97 into 92: a score of misaligned videos means nothing.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from av1rules.base.units import format_duration
from av1rules.quality.result import FrameTime

MIN_TOLERANCE_S = 0.004
"""Matroska rounds to 1 ms on both sides; half a frame duration is usually more."""

WINDOW_FRAMES = 24
"""Frames per window of the shift check: about a second, so that some of them move."""

SHIFT_RATIO = 0.5
"""A window is shifted if the error against the neighbour is below this share of the error against
the frame itself. Even useless encodes stay near 1, because both errors grow alike."""

MAX_SHIFTED = 0.1
"""Share of conclusive windows that may look shifted by chance."""


class SquaredErrors(msgspec.Struct, frozen=True, kw_only=True):
    """Mean squared errors of each frame of the encode: against the source frame of the same number,
    the one before it (from the second frame on), and the one after it."""

    here: tuple[float, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]


def count_problem(parts: Sequence[Sequence[float | None]], encoded: int) -> str | None:
    """The problem with the frame counts; None if they are equal and not 0."""
    wanted = sum(len(part) for part in parts)
    if wanted == 0:
        return "the source has no frame to compare with"
    if wanted == encoded:
        return None
    return f"the source has {wanted} frames to compare, the encode {encoded}"


def time_problem(
    parts: Sequence[Sequence[float | None]], encoded: Sequence[float | None], *, step_s: float
) -> str | None:
    """The first frame that the encode shows at another time than the source, counted from the start
    of each excerpt; None if all known times agree. Requires equal frame counts."""
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
                    f"frame {number + offset + 1} comes {shown:.3f} s after the first one in "
                    f"the source, {encoded_s:.3f} s in the encode"
                )
        number += len(part)
    return None


def _usual_step(times: Sequence[float | None], step_s: float) -> float:
    known = [time for time in times if time is not None]
    steps = [later - time for time, later in pairwise(known) if later > time]
    return statistics.median(steps) if steps else step_s


def shift_problem(squares: SquaredErrors, shown: Sequence[FrameTime]) -> str | None:
    """Whether the encode is one frame early or late; None if not, or if nothing moves."""
    conclusive = 0
    shifted: dict[str, list[int]] = {"late": [], "early": []}
    # The first frame has no predecessor, the last one no successor.
    last = min(len(squares.here), len(squares.before) + 1, len(squares.after)) - 1
    for start in range(1, last, WINDOW_FRAMES):
        end = min(start + WINDOW_FRAMES, last)
        here = sum(squares.here[start:end])
        before, after = sum(squares.before[start - 1 : end - 1]), sum(squares.after[start:end])
        grace = 0.1 * (end - start)  # FFmpeg writes two digits
        if min(here, before, after) + grace > SHIFT_RATIO * max(here, before, after):
            continue
        conclusive += 1
        for name, value in (("late", before), ("early", after)):
            if value + grace < SHIFT_RATIO * here:
                shifted[name].append(start)
    name, found = max(shifted.items(), key=lambda item: len(item[1]))
    if not found or len(found) < MAX_SHIFTED * conclusive:
        return None
    at_s = shown[found[0]].source_s
    return (
        f"the encode is one frame {'behind' if name == 'late' else 'ahead of'} the source, "
        f"first seen at {format_duration(at_s)} (in {len(found)} of {conclusive} windows of "
        f"{WINDOW_FRAMES} frames with enough motion)"
    )
