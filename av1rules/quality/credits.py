"""Finds what is not content: logos and titles, end credits, black leader. Pure.

It goes by the names of chapters, by a share of the length at both ends, and then by how the frames
next to these look.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from av1rules.media.source import Chapter
from av1rules.quality.excerpts import FrameSample, Survey

INTRO_SHARE, LONGEST_INTRO_S = 0.04, 240.0
"""Logos and first titles: 4 % is 5 min of a film of 2 h, of which 4 are enough; an episode of
42 min loses 1:40."""

CREDITS_SHARE, LONGEST_CREDITS_S = 0.07, 720.0
"""End credits: 7 % is 8 min of a film of 2 h, 3 min of an episode; 12 min for the longest films.
Cutting too much loses a small part of the film; credits in the clip waste an excerpt."""

MAX_TRIMMED = 0.25
"""Limit at either end for trimming by content, as a share: dark films may also begin dark."""

BLANK_PEAK = 0.03
"""Below this even the brightest areas are invisible: 23 in 8 bits, where black is 16."""

FLAT_TEXTURE = 0.12
"""Fine detail of a frame in a single colour, as far as codecs leave it."""

STILL_MOTION = 0.001
"""Share of the mean brightness, since the same motion changes less in the dark. Areas are means,
so noise doesn't count."""

CARD_MOTION = 0.0006
"""A seventh of an 8-bit step: text on black that flickers only by coding."""

CREDITS_DARK, CREDITS_PEAK, CREDITS_MOTION = 0.7, 0.3, 0.02
"""Text on black: most of the frame is dark, some of it bright, and it scrolls at most."""

_NAMES = re.compile(
    r"\b(?:credits?|opening|intro|recap|previously|main titles?|end titles?|abspann|vorspann"
    r"|g[ée]n[ée]rique|preview)\b",
    re.IGNORECASE,
)


def is_blank(sample: FrameSample) -> bool:
    """Whether the frame is black, or still and of a single colour."""
    is_flat = is_still(sample) and (sample.texture or 0.0) < FLAT_TEXTURE
    is_even = is_flat and abs(sample.peak - sample.luma) < 0.02
    return sample.peak < BLANK_PEAK or is_even


def is_still(sample: FrameSample) -> bool:
    is_card = sample.motion < CARD_MOTION and is_like_credits(sample)
    return is_card or sample.motion < STILL_MOTION * sample.luma


def is_like_credits(sample: FrameSample) -> bool:
    return (
        sample.dark_share >= CREDITS_DARK
        and sample.peak >= CREDITS_PEAK
        and sample.motion <= CREDITS_MOTION
    )


def content_span(survey: Survey, chapters: Sequence[Chapter] = ()) -> tuple[float, float]:
    """Start and end of the film without titles and credits."""
    low_s, high_s = typical_span(survey.start_s, survey.end_s, chapters)
    return _after_titles(survey, low_s), _before_credits(survey, high_s)


def typical_span(
    start_s: float, end_s: float, chapters: Sequence[Chapter] = ()
) -> tuple[float, float]:
    """The same by duration and chapter names alone, for a film without a survey."""
    length_s = end_s - start_s
    low_s = start_s + min(length_s * INTRO_SHARE, LONGEST_INTRO_S)
    high_s = end_s - min(length_s * CREDITS_SHARE, LONGEST_CREDITS_S)
    for chapter in chapters:
        if chapter.title and _NAMES.search(chapter.title):
            if chapter.end_s <= start_s + length_s * MAX_TRIMMED:
                low_s = max(low_s, chapter.end_s)
            elif chapter.start_s >= end_s - length_s * MAX_TRIMMED:
                high_s = min(high_s, chapter.start_s)
    return low_s, high_s


def _after_titles(survey: Survey, low_s: float) -> float:
    """Skip all samples from `low_s` on up to the first with content."""
    farthest = survey.start_s + survey.duration_s * MAX_TRIMMED
    for sample in survey.samples:
        if sample.time_s < low_s:
            continue
        if sample.time_s > farthest or not _is_not_content(sample):
            break
        low_s = _next_time(survey, sample)
    return low_s


def _before_credits(survey: Survey, high_s: float) -> float:
    farthest = survey.end_s - survey.duration_s * MAX_TRIMMED
    for sample in reversed(survey.samples):
        if sample.time_s >= high_s:
            continue
        if sample.time_s < farthest or not _is_not_content(sample):
            break
        high_s = sample.time_s
    return high_s


def _is_not_content(sample: FrameSample) -> bool:
    return is_blank(sample) or is_still(sample) or is_like_credits(sample)


def _next_time(survey: Survey, sample: FrameSample) -> float:
    later = (other.time_s for other in survey.samples if other.time_s > sample.time_s)
    return next(later, survey.end_s)
