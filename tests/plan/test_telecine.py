"""What plans say of deinterlacing: the motion, telecined film, and targets of earlier versions."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from av1rules.cli.explain import command as explain
from av1rules.plan.items import PlanAction, PlanItem
from av1rules.policy.deinterlacing import TELECINE_SEEN
from tests.conftest import MakeClip
from tests.sample_library import SampleLibrary

RULES = """\
version: 1
library: {{roots: [films], settle: 0}}
output: {{mode: mirror, root: out}}
run: {{reserve: 0}}
rules:
  - name: all
    encode: {{crf: 50, preset: 12, film_grain: 0, max_size_ratio: 50, {settings}}}
    review: never
"""

CODED = ("-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-q:v", "5", "-pix_fmt", "yuv420p")


def rules(library: SampleLibrary, settings: str) -> None:
    library.rules(RULES.format(settings=settings))


@pytest.fixture
def telecined(make_clip: MakeClip) -> Path:
    picture = "testsrc2=s=192x144:r=24000/1001:d=8"
    return make_clip("t.mkv", "-f", "lavfi", "-i", picture, "-vf", "telecine=pattern=23", *CODED)


@pytest.fixture
def interlaced(make_clip: MakeClip) -> Path:
    picture = "testsrc2=s=96x64:r=50:d=1"
    return make_clip("i.mkv", "-f", "lavfi", "-i", picture, "-vf", "interlace", *CODED)


def only(library: SampleLibrary) -> PlanItem:
    (row,) = library.plan().rows
    return row


def test_telecined_film_is_offered_its_inverse(library: SampleLibrary, telecined: Path) -> None:
    rules(library, "deinterlace: bwdif")
    library.add("t.mkv", telecined)
    assert any("59.94 pictures per second" in note for note in only(library).notes)
    assert any("av1rules explain` looks" in note for note in only(library).notes)
    film = str(library.folder / "films" / "t.mkv")
    shown = CliRunner().invoke(explain, ["--rules", str(library.rules_file), film])
    assert shown.exit_code == 0, shown.output
    assert "`deinterlace: inverse-telecine`" in " ".join(shown.output.split())
    assert TELECINE_SEEN in only(library).notes
    rules(library, "deinterlace: inverse-telecine")
    assert any("23.976 pictures of film" in note for note in only(library).notes)


def test_run_tells_of_film_before_the_encode(library: SampleLibrary, telecined: Path) -> None:
    rules(library, "deinterlace: bwdif")
    library.add("t.mkv", telecined)
    assert library.run().done == 1
    assert any(getattr(event, "message", "") == TELECINE_SEEN for event in library.events)


def test_targets_of_earlier_versions_stay(library: SampleLibrary, interlaced: Path) -> None:
    library.add("i.mkv", interlaced)
    rules(library, "deinterlace: bwdif, deinterlace_rate: frames, keyint: 1s")
    assert library.run().done == 1
    assert only(library).action is PlanAction.FRESH
    rules(library, "deinterlace: bwdif, keyint: 1s")
    row = only(library)
    assert row.action is PlanAction.FRESH
    assert any("made by an earlier version, and kept" in note for note in row.notes)
    rules(library, "deinterlace: bwdif, deinterlace_rate: fields, keyint: 1s")
    row = only(library)
    assert row.action is PlanAction.ENCODE
    assert row.causes[0].startswith("keyint 25 -> 50")
    assert row.causes[1].startswith("deinterlace_rate frames -> fields (rules.yaml:")
    assert library.run().done == 1
    assert only(library).action is PlanAction.FRESH
    rules(library, "deinterlace: bwdif, keyint: 1s")
    row = only(library)
    assert row.action is PlanAction.FRESH
    assert row.notes == ("deinterlaced: 50 fields per second become 50 pictures per second",)
