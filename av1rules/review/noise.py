"""Estimates the noise of a film from a few short looks: for `film_grain: auto` and the condition
`grain`. What the estimate means is in `grain`."""

from __future__ import annotations

from av1rules.base.errors import ProbeError
from av1rules.base.priority import USUAL, Priority
from av1rules.base.process import Children
from av1rules.base.text import printable
from av1rules.library.source import Source
from av1rules.library.toolset import Tools
from av1rules.review.grain import estimate_of
from av1rules.review.look import open_viewer
from av1rules.review.look_parse import LookWish
from av1rules.review.passages import NoiseEstimate

PLACES = 9
PICTURES = 4
"""At each place, one after another: a key frame and the next ones, which codecs blur more."""

FIRST, LAST = 0.1, 0.9
"""Share of the film between which the places lie: titles and credits are made, not filmed."""


def estimate(
    path: str,
    source: Source,
    *,
    tools: Tools,
    children: Children,
    priority: Priority = USUAL,
) -> NoiseEstimate:
    """1-3 s in 1080p, whatever the length; some times that in 4K.

    Raises ProbeError where nothing can be seen, RunInterruptedError, OSError.
    """
    viewer = open_viewer(path, source, tools=tools, children=children, priority=priority)
    step = (LAST - FIRST) / (PLACES - 1)
    shares = [FIRST + step * number for number in range(PLACES)]
    looks = [
        viewer.look(
            LookWish(
                at_s=viewer.start_s + share * viewer.duration_s,
                pictures=PICTURES,
                gap_s=0.0,
            )
        )
        for share in shares
    ]
    seen = {look.time_s: look for look in looks if look is not None}
    if not seen:
        raise ProbeError(
            "its grain can't be estimated: no picture could be decoded",
            hint="does the file play?",
            where=printable(path),
        )
    return estimate_of(seen.values())
