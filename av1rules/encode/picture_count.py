"""Whether a target has the pictures that its source's frames make, and shows them when the source
does: also where deinterlacing makes more or fewer of them. Pure.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate, pairwise

from av1rules.policy.deinterlacing import TELECINE_CYCLE, makes_fields, pictures_per_frame
from av1rules.policy.settings import EncodeSettings

INVERSE_DURATION_TOLERANCE_S = 0.15
"""The inverse of telecine counts its pictures anew: a gap between two frames of the source would
move all that follows against the sound, by what the target is shorter."""


def is_count_right(settings: EncodeSettings, *, frames: int, pictures: int) -> bool:
    """Whether so many decoded frames of the source make so many pictures of the target.

    Fields: two of each frame that is flagged interlaced, one of each other. Film: four of five, and
    of the last cycle as many as there are.
    """
    if makes_fields(settings):
        return frames <= pictures <= 2 * frames
    per_frame = pictures_per_frame(settings)
    if per_frame == 1:
        return frames == pictures
    return abs(pictures - frames * per_frame) <= TELECINE_CYCLE


def is_length_right(settings: EncodeSettings, *, source_s: float, target_s: float) -> bool:
    """Whether the inverse of telecine kept the film's length; others are checked frame by frame."""
    is_counted_anew = pictures_per_frame(settings) < 1
    return not is_counted_anew or abs(source_s - target_s) <= INVERSE_DURATION_TOLERANCE_S


def filtered_drift_s(
    settings: EncodeSettings, before: Sequence[float], after: Sequence[float], *, rate: Fraction
) -> float:
    """By how much a picture is shown at another time than in the source, from the first one on.
    `before` are the times of the source's frames, `after` those of the target's pictures, both not
    empty, in seconds; `rate` is that of the frames."""
    shown = [time - after[0] for time in after]
    wanted = [time - before[0] for time in before]
    if makes_fields(settings):
        return _drift_to_nearest(wanted, shown)
    if pictures_per_frame(settings) == 1:
        latest = accumulate(wanted, max, initial=float("-inf"))
        in_order = ((s, w) for s, w, last in zip(shown, wanted, latest, strict=False) if w > last)
        return max(abs(s - w) for s, w in in_order)
    step_s = float(1 / (rate * pictures_per_frame(settings)))
    return max((abs(later - time - step_s) for time, later in pairwise(shown)), default=0.0)


def _drift_to_nearest(wanted: Sequence[float], shown: Sequence[float]) -> float:
    """Every frame's time is that of a picture too."""
    worst = 0.0
    for time in wanted:
        if time > shown[-1]:
            break
        at = bisect_left(shown, time)
        near = shown[max(at - 1, 0) : at + 1]
        worst = max(worst, min(abs(one - time) for one in near))
    return worst
