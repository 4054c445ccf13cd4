"""Edit lists are there only if they matter for playback."""

from __future__ import annotations

from fractions import Fraction

import pytest

from av1rules.media.mp4_structure import Mp4Edit, simplified

TICK_S = Fraction(1, 1000) + Fraction(1, 12_800)


def edit(start_s: float | None, duration_s: float, rate: float = 1.0) -> Mp4Edit:
    start = None if start_s is None else Fraction(start_s).limit_denominator(10_000)
    return Mp4Edit(
        start_s=start, duration_s=Fraction(duration_s).limit_denominator(10_000), rate=rate
    )


@pytest.mark.parametrize(
    "edits",
    [
        [],
        [edit(0, 3)],
        [edit(0.08, 3)],
        [edit(1, 0)],  # fragments: the whole track
        [edit(None, 1), edit(0, 3)],
        [edit(None, 1), edit(None, 0.5), edit(0, 3)],
        [edit(0, 1), edit(1, 2)],  # two that follow each other
        [edit(0, 1), edit(1.0005, 2)],  # within what the file can say
        [edit(0, 1), edit(0, 0)],
    ],
)
def test_a_late_start_and_one_stretch_are_plain(edits: list[Mp4Edit]) -> None:
    assert simplified(edits, TICK_S) == ()


@pytest.mark.parametrize(
    "edits",
    [
        [edit(2, 1), edit(0, 1)],
        [edit(0, 1), edit(0, 1)],
        [edit(0, 1), edit(2, 1)],
        [edit(0, 1), edit(None, 1), edit(2, 1)],
        [edit(0, 1), edit(None, 1)],
        [edit(0, 1), edit(1, 1, 0.0), edit(2, 1)],
        [edit(0, 3, 0.5)],
        [edit(None, 1), edit(0, 3, 2.0)],
    ],
)
def test_what_playback_depends_on_stays(edits: list[Mp4Edit]) -> None:
    assert list(simplified(edits, TICK_S)) == edits
