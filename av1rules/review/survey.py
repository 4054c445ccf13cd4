"""Measures a film in many short looks, spread over it: far cheaper than decoding all of it.

Each look seeks to a key frame, so that the disk reads a few megabytes and not the whole film.
"""

from __future__ import annotations

import time

from av1rules.base.errors import ProbeError
from av1rules.base.priority import USUAL, Priority
from av1rules.base.process import Children
from av1rules.base.text import printable
from av1rules.library.source import Source
from av1rules.library.toolset import Tools
from av1rules.review.look import Viewer, open_viewer
from av1rules.review.look_parse import GAP_S, MOTION_PICTURES, Look, LookWish
from av1rules.review.passages import Survey
from av1rules.review.survey_parse import even_rate, places, samples_of

TIME_SHARE = 0.15
LEAST_TIME_S = 60.0
"""A survey ends after so large a share of the film's length, or this long if that is more."""

MOST_FAILURES = 12
"""So many looks in a row without a picture, from the start on: the film can't be seen at all."""


MOST_ASTRAY = 3
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
    viewer = open_viewer(path, source, tools=tools, children=children, priority=priority)
    wanted = places(viewer.start_s, viewer.duration_s)
    looks = _take(viewer, wanted)
    if not looks:
        raise ProbeError(
            "no passages can be looked at: no picture could be decoded",
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


def _take(viewer: Viewer, wanted: tuple[float, ...]) -> list[Look]:
    """Looks start at key frames: next to nothing is decoded for them. Where these turn out to be
    farther apart than the places, each place is decoded up to."""
    ends = time.monotonic() + max(viewer.duration_s * TIME_SHARE, LEAST_TIME_S)
    spacing = viewer.duration_s / len(wanted)
    looks: list[Look] = []
    astray = 0
    for tried, place in enumerate(wanted):
        if time.monotonic() > ends or (not looks and tried >= MOST_FAILURES):
            break
        look = None if astray >= MOST_ASTRAY else viewer.look(_wish(place, is_exact=False))
        if look is None or abs(look.time_s - place) > spacing:
            astray += 1
            look = viewer.look(_wish(place, is_exact=True))
        if look is not None:
            looks.append(look)
    return looks


def _wish(place: float, *, is_exact: bool) -> LookWish:
    return LookWish(at_s=place, pictures=MOTION_PICTURES, gap_s=GAP_S, is_exact=is_exact)
