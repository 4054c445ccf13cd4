"""Parts of a disc: held in mode replace, noted in the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.plan.items import PlanAction
from tests.conftest import MakeClip
from tests.fakes.worker import FakeClips
from tests.sample_library import FAST, SampleLibrary

RULES = """\
version: 1
library: {{roots: [films], settle: 0}}
output: {{{output}}}
run: {{reserve: 0}}
rules:
  - {{name: all, encode: {{{settings}}}, review: never}}
"""

MIRROR = "mode: mirror, root: out"


@pytest.fixture
def make_clip(fake_clips: FakeClips) -> MakeClip:
    return fake_clips


@pytest.mark.parametrize(
    ("name", "output", "action", "word"),
    [
        ("A/BDMV/STREAM/00001.m2ts", "mode: replace", PlanAction.HELD, "MPLS"),
        ("A/VIDEO_TS/VTS_01_1.VOB", "mode: replace", PlanAction.HELD, "IFO"),
        ("A/film.vob", "mode: replace", PlanAction.ENCODE, ""),
        ("A/BDMV/STREAM/00001.m2ts", MIRROR, PlanAction.ENCODE, "part of a disc (BDMV)"),
        ("A/VIDEO_TS/VTS_01_1.VOB", MIRROR, PlanAction.ENCODE, "part of a disc (VIDEO_TS)"),
        ("A/VIDEO_TS/VTS_01_1.VOB", "mode: beside", PlanAction.ENCODE, "menus"),
        ("A/film.m2ts", MIRROR, PlanAction.ENCODE, ""),
    ],
)
def test_disc_is_held_or_noted(
    library: SampleLibrary, name: str, output: str, action: PlanAction, word: str, clip: Path
) -> None:
    library.rules(RULES.format(output=output, settings=FAST))
    library.add(name, clip)
    (row,) = library.plan().rows
    assert row.action is action
    said = " ".join((*row.causes, *row.notes))
    assert word in said
    assert ("disc" in said) == bool(word)
    if action is PlanAction.HELD:
        assert "MakeMKV" in said
        assert "output.mode: mirror" in said


def test_force_does_not_break_a_disc(library: SampleLibrary, clip: Path) -> None:
    library.rules(RULES.format(output="mode: replace", settings=FAST))
    library.add("A/VIDEO_TS/VTS_01_1.VOB", clip)
    assert library.run(force=True).done == 0
    assert [row.action for row in library.plan().rows] == [PlanAction.HELD]
