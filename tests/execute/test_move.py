"""What belongs to a target follows it to its new place, also where targets change places."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import MakeClip
from tests.fakes.worker import FakeClips
from tests.sample_library import FAST, SampleLibrary

RULES = f"""\
version: 1
library: {{roots: [films], settle: 0}}
output: {{mode: mirror, root: out, receipts: json, side_files: carry}}
run: {{reserve: 0}}
rules:
  - {{name: all, encode: {{{FAST}}}, review: never}}
"""


@pytest.fixture
def make_clip(fake_clips: FakeClips) -> MakeClip:
    return fake_clips


@pytest.fixture
def season(library: SampleLibrary, make_clip: MakeClip) -> SampleLibrary:
    """Three episodes, each with its subtitles and its receipt."""
    library.rules(RULES)
    for number, name in enumerate("abc"):
        picture = f"testsrc2=s=64x64:r=10:d=1,hue=h={number * 40}"
        library.add(f"{name}.mkv", make_clip(f"{name}.mkv", "-f", "lavfi", "-i", picture))
        (library.folder / "films" / f"{name}.srt").write_text(f"of {name}")
    assert library.run().done == 3
    return library


def rename(library: SampleLibrary, *pairs: str) -> None:
    """`"ab"` renames a to b, with its subtitles."""
    for pair in pairs:
        old, new = pair[0], pair[1]
        for suffix in (".mkv", ".srt"):
            path = library.folder / "films" / f"{old}{suffix}"
            path.rename(path.with_name(f"{new}{suffix}"))


def beside(library: SampleLibrary) -> dict[str, str]:
    """The subtitles that each target has, and the source that its receipt names."""
    found = {}
    for target in sorted((library.folder / "out" / "films").glob("*.mkv")):
        receipt = json.loads(target.with_name(f"{target.name}.av1rules.json").read_text())
        assert receipt["target"] == str(target)
        found[target.stem] = f"{target.with_suffix('.srt').read_text()}, {receipt['source']}"
    return found


def expected(library: SampleLibrary, **contents: str) -> dict[str, str]:
    films = library.folder / "films"
    return {name: f"of {was}, {films / name}.mkv" for name, was in contents.items()}


def test_subtitles_and_receipts_follow_a_chain_of_names(season: SampleLibrary) -> None:
    rename(season, "cd", "bc", "ab")
    assert season.run().moved == 3
    assert beside(season) == expected(season, b="a", c="b", d="c")
    assert not list((season.folder / "out" / "films").glob("a.*"))
    assert season.leftovers() == []


def test_subtitles_and_receipts_follow_films_that_change_names(season: SampleLibrary) -> None:
    rename(season, "ax", "ba", "xb")
    assert season.run().moved == 2
    assert beside(season) == expected(season, a="b", b="a", c="c")
    assert season.leftovers() == []


def test_a_file_in_the_way_of_subtitles_stays_and_so_do_they(season: SampleLibrary) -> None:
    rename(season, "az")
    own = Path(season.target("z.srt"))
    own.write_text("my own")
    assert season.run().moved == 1
    assert own.read_text() == "my own"
    assert season.target("a.srt").read_text() == "of a"
    assert season.plan().work == ()
    assert season.leftovers() == []
