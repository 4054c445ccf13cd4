"""What belongs to a target follows it to its new place, also where targets change places."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from av1rules.base.events import JobMoved
from av1rules.execute.startup import start_session
from av1rules.ledger.ledger import Ledger
from av1rules.plan.context import PlanRequest
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import open_workspace
from tests.conftest import MakeClip
from tests.fakes.worker import FakeClips
from tests.runs import run_plan
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


def test_a_source_that_changed_since_the_plan_is_not_followed(season: SampleLibrary) -> None:
    rename(season, "az")
    film = season.folder / "films" / "z.mkv"
    done = season.run_after(lambda: film.write_bytes(film.read_bytes()[::-1]))
    assert (done.moved, done.dropped) == (0, 1)
    assert (
        "films/z.mkv: left for the next run: the source changed since it was planned"
        in season.output()
    )
    assert season.target("a.mkv").exists()
    assert not season.target("z.mkv").exists()


def test_a_target_that_was_forgotten_since_the_plan_stays(season: SampleLibrary) -> None:
    rename(season, "az")

    def forget() -> None:
        ledger = Ledger.open(season.state_dir)
        ledger.forget("films/a.mkv")
        ledger.close()

    done = season.run_after(forget)
    assert (done.moved, done.dropped) == (0, 1)
    assert "the ledger's record of its target changed since the plan" in season.output()
    assert season.target("a.mkv").exists()


def test_a_file_that_came_to_the_new_place_since_the_plan_stays(season: SampleLibrary) -> None:
    rename(season, "az")
    before = season.target("a.mkv").read_bytes()
    done = season.run_after(lambda: season.target("z.mkv").write_text("my own"))
    assert (done.moved, done.dropped) == (0, 1)
    assert "films/z.mkv: left for the next run: its target could not be moved" in season.output()
    assert season.target("z.mkv").read_text() == "my own"
    assert season.target("a.mkv").read_bytes() == before
    assert season.target("a.srt").read_text() == "of a"
    assert season.leftovers() == []


def test_a_target_in_the_way_goes_to_the_trash_first(season: SampleLibrary) -> None:
    """Film b was deleted, and a has its name now."""
    was, before = season.target("b.mkv").read_bytes(), season.target("a.mkv").read_bytes()
    rename(season, "ab")
    done = season.run()
    assert (done.moved, done.trashed, done.dropped) == (1, 1, 0)
    assert season.target("b.mkv").read_bytes() == before
    (kept,) = season.kept()
    assert Path(kept.path).read_bytes() == was


def in_flight(library: SampleLibrary) -> dict[str, bool]:
    """The moves of the journal by the name of their file, and whether it has its old name still."""
    ledger = Ledger.read(library.state_dir)
    try:
        return {Path(move.old).name: Path(move.old).exists() for move in ledger.moves.in_flight()}
    finally:
        ledger.close()


def test_moves_are_in_the_journal_before_the_first_rename_and_not_after_the_last(
    season: SampleLibrary,
) -> None:
    rename(season, "az")
    seen: dict[str, dict[str, bool]] = {}

    def look(step: str) -> None:
        seen[step] = in_flight(season)

    with (
        open_workspace(season.rules_file, write=False) as workspace,
        start_session(workspace, season.events.append, failpoint=look) as session,
    ):
        run_plan(build_plan(session.workspace, PlanRequest()), session, jobs=1)
    assert seen["moves written"] == {"a.mkv": True, "a.srt": True}
    assert seen["moves staged"] == {"a.mkv": False, "a.srt": False}
    assert in_flight(season) == {}
    (event,) = (event for event in season.events if isinstance(event, JobMoved))
    assert (event.source, event.old, event.target) == (
        "films/z.mkv", str(season.target("a.mkv")), str(season.target("z.mkv")),
    )  # fmt: skip


def test_a_film_that_can_not_be_redone_where_it_was_to_move_is_counted_once(
    season: SampleLibrary,
) -> None:
    season.rules(RULES.replace("crf: 50", "crf: 45"))
    rename(season, "az")
    before = season.target("a.mkv").read_bytes()
    done = season.run_after(lambda: season.target("z.mkv").write_text("my own"))
    assert (done.moved, done.done, done.dropped, done.failed) == (0, 2, 1, 0)
    assert season.target("z.mkv").read_text() == "my own"
    assert season.target("a.mkv").read_bytes() == before
