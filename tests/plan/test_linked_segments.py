"""Films that are parts of one another: the plan holds them, a run keeps their links, or says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.plan.items import Held
from tests.encode import mkvtoolnix as mkv
from tests.sample_library import FAST, RULES, SampleLibrary

OPENING = "00112233445566778899aabbccddeeff"
EPISODE = (
    "<EditionEntry><EditionFlagOrdered>1</EditionFlagOrdered><ChapterAtom>"
    "<ChapterTimeStart>00:00:00.000</ChapterTimeStart>"
    "<ChapterTimeEnd>00:00:01.000</ChapterTimeEnd>"
    f'<ChapterSegmentUID format="hex">{OPENING}</ChapterSegmentUID></ChapterAtom></EditionEntry>'
)


@pytest.fixture
def season(library: SampleLibrary, tmp_path: Path) -> SampleLibrary:
    """An episode that plays an opening first."""
    mkv.require_mkvtoolnix()
    made = tmp_path / "made.mkv"
    mkv.run("mkvmerge", "-q", "-o", made, "--segment-uid", f"0x{OPENING}", library.clip)
    library.add("opening.mkv", made)
    chapters = mkv.xml(tmp_path, "Chapters", EPISODE)
    mkv.run("mkvmerge", "-q", "-o", made, "--chapters", chapters, library.clip)
    library.add("episode.mkv", made)
    return library


def without_mkvpropedit(season: SampleLibrary, settings: str = FAST) -> None:
    season.rules(RULES.format(settings=settings) + "tools: {mkvpropedit: off}\n")


def segment_uid(path: Path) -> str | None:
    uid: str | None = mkv.identify(path)["container"]["properties"].get("segment_uid")
    return uid


def test_links_survive_where_mkvpropedit_is_there(season: SampleLibrary) -> None:
    assert season.run().done == 2
    assert segment_uid(season.target("opening.mkv")) == OPENING
    linked = mkv.chapters(season.target("episode.mkv")).replace(" ", "")
    assert OPENING in linked
    assert "<EditionFlagOrdered>1<" in linked


def test_a_film_that_nothing_links_to_is_left_as_ffmpeg_wrote_it(season: SampleLibrary) -> None:
    (season.folder / "films" / "episode.mkv").unlink()
    assert season.run().done == 1
    assert segment_uid(season.target("opening.mkv")) is None


def test_both_ends_of_a_link_are_held_without_it(season: SampleLibrary) -> None:
    without_mkvpropedit(season)
    assert isinstance(season.row("opening.mkv"), Held)
    assert "episode.mkv plays this file" in season.causes("opening.mkv")[0]
    assert isinstance(season.row("episode.mkv"), Held)
    assert "linked segments" in season.causes("episode.mkv")[0]


def test_a_rule_may_give_the_links_up(season: SampleLibrary) -> None:
    without_mkvpropedit(season, f"{FAST}, accept: [matroska-structure]")
    assert season.run().done == 2
    assert segment_uid(season.target("opening.mkv")) != OPENING
