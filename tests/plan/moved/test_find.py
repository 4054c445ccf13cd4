"""A target is known by its content: what a user renames, moves or swaps is followed, in each mode,
with its receipt and its original."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from av1rules.base.events import JobStarted
from av1rules.execute.move import follow_moved
from av1rules.execute.startup import start_session
from av1rules.ledger.ledger import Ledger
from av1rules.operations.undo import Undone, find_moved_entries, undo
from av1rules.plan.items import PlanAction
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import open_workspace
from tests.conftest import MakeClip
from tests.fakes.worker import FakeClips
from tests.sample_library import FAST, SampleLibrary

RULES = """\
version: 1
library: {{roots: [{roots}], settle: 60}}
output: {{{output}, receipts: json}}
run: {{reserve: 0}}
rules:
{first}  - {{name: all, encode: {{{settings}}}, review: never}}
"""

OTHER = FAST.replace("crf: 50", "crf: 40")


@pytest.fixture
def make_clip(fake_clips: FakeClips) -> MakeClip:
    return fake_clips


def rules(
    library: SampleLibrary,
    output: str = "mode: replace",
    *,
    settings: str = FAST,
    first: str = "",
    roots: str = "films",
) -> None:
    library.rules(RULES.format(output=output, settings=settings, first=first, roots=roots))


def settle(library: SampleLibrary) -> None:
    """Nothing was written lately, but what is renamed from now on changes its ctime."""
    library.rules(library.rules_file.read_text().replace("settle: 60", "settle: 0"))


def made(library: SampleLibrary, make_clip: MakeClip, output: str, *names: str) -> SampleLibrary:
    """Each film is of other content."""
    rules(library, output)
    settle(library)
    for number, name in enumerate(names):
        library.add(name, make_clip(f"{number}{Path(name).suffix}", f"hue {number}"))
    assert library.run().done == len(names)
    return library


@pytest.fixture
def replaced(library: SampleLibrary, make_clip: MakeClip) -> SampleLibrary:
    return made(library, make_clip, "mode: replace", "S/a.mp4", "S/b.mp4")


@pytest.fixture
def mirrored(library: SampleLibrary, make_clip: MakeClip) -> SampleLibrary:
    return made(library, make_clip, "mode: mirror, root: out", "S/a.mp4", "S/b.mp4")


@pytest.fixture
def beside(library: SampleLibrary, make_clip: MakeClip) -> SampleLibrary:
    return made(library, make_clip, "mode: beside", "S/a.mp4", "S/b.mp4")


def film(library: SampleLibrary, name: str) -> Path:
    return library.folder / "films" / name


def move(library: SampleLibrary, old: str, new: str) -> None:
    """Below the folder of films, with the receipt of a film."""
    for suffix in ("", ".av1rules.json"):
        if film(library, old + suffix).exists():
            film(library, new).parent.mkdir(parents=True, exist_ok=True)
            film(library, old + suffix).rename(film(library, new + suffix))


def swap(one: Path, other: Path) -> None:
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def planned(library: SampleLibrary) -> dict[str, tuple[PlanAction, Sequence[str]]]:
    return {row.file.relative_path: (row.action, row.causes) for row in library.plan().rows}


def targets(library: SampleLibrary) -> dict[str, str]:
    """Target and source path of each row, below the folder."""
    rows = library.ledger_rows()
    return {
        os.path.relpath(row.target, library.folder): os.path.relpath(
            row.source_path, library.folder
        )
        for row in rows
    }


def there(library: SampleLibrary) -> list[str]:
    """The films below the folder, without the trash."""
    return sorted(
        str(path.relative_to(library.folder))
        for path in library.folder.rglob("*.m*")
        if ".av1rules" not in str(path.relative_to(library.folder))
    )


def followed(library: SampleLibrary, count: int = 1, *, at_home: bool = False) -> None:
    """The next run follows so many targets without an encode, and the one after has no work.
    `at_home`: the ledger follows them already."""
    plan = library.plan()
    assert plan.has_work
    assert at_home or len(plan.follows.targets) >= count
    before = there(library)
    finished = library.run()
    assert (finished.moved, finished.failed, finished.dropped) == (count, 0, 0), library.output()
    assert not [event for event in library.events if isinstance(event, JobStarted)]
    assert not library.plan().has_work
    assert library.plan().follows.targets == ()
    assert library.leftovers() == []
    if "mode: replace" in library.rules_file.read_text():
        assert there(library) == before


def undone(library: SampleLibrary, *words: str) -> list[Undone]:
    with (
        open_workspace(library.rules_file, write=False) as workspace,
        start_session(workspace, library.events.append) as session,
    ):
        return list(undo(session, find_moved_entries(session, words)))


# --- in the place of the source


def test_a_renamed_folder_is_followed_with_receipts_and_originals(
    replaced: SampleLibrary, make_clip: MakeClip
) -> None:
    film(replaced, "S").rename(film(replaced, "T"))
    assert planned(replaced) == {
        "T/a.mkv": (PlanAction.MOVE, ("moved from films/S/a.mkv",)),
        "T/b.mkv": (PlanAction.MOVE, ("moved from films/S/b.mkv",)),
    }
    followed(replaced, 2)
    assert targets(replaced) == {
        "films/T/a.mkv": "films/T/a.mp4",
        "films/T/b.mkv": "films/T/b.mp4",
    }
    receipt = json.loads(film(replaced, "T/a.mkv.av1rules.json").read_text())
    assert receipt["target"] == str(film(replaced, "T/a.mkv"))
    assert receipt["source"] == str(film(replaced, "T/a.mp4"))
    assert {kept.place for kept in replaced.kept()} == {
        str(film(replaced, "T/a.mp4")),
        str(film(replaced, "T/b.mp4")),
    }
    (back,) = undone(replaced, str(film(replaced, "T/a.mkv")))
    assert back.refusal is None
    assert there(replaced) == ["films/T/a.mp4", "films/T/b.mkv"]
    assert film(replaced, "T/a.mp4").read_bytes() == make_clip("0.mp4", "hue 0").read_bytes()


def test_a_film_that_settles_is_followed_all_the_same(replaced: SampleLibrary) -> None:
    """Its content is known as a whole, so nobody is writing to it."""
    text = replaced.rules_file.read_text().replace("settle: 0", "settle: 60")
    replaced.rules(text)
    move(replaced, "S/a.mkv", "a.mkv")
    assert planned(replaced)["a.mkv"] == (PlanAction.MOVE, ("moved from films/S/a.mkv",))


@pytest.mark.parametrize("name", ["S/c.mkv", "a.mkv", "deep/er/a (1999).mkv", "S/a.m4v"])
def test_a_renamed_film_is_followed(replaced: SampleLibrary, name: str) -> None:
    move(replaced, "S/a.mkv", name)
    followed(replaced)
    stem = os.path.splitext(name)[0]
    assert targets(replaced)[f"films/{name}"] == f"films/{stem}.mp4"


def test_two_films_that_swapped_names(replaced: SampleLibrary) -> None:
    keys = {row.target: row.content_key for row in replaced.ledger_rows()}
    swap(film(replaced, "S/a.mkv"), film(replaced, "S/b.mkv"))
    followed(replaced, 2)
    now = {row.target: row.content_key for row in replaced.ledger_rows()}
    assert sorted(now) == sorted(keys)
    assert all(now[target] != key for target, key in keys.items())
    originals = {kept.row.target: kept.row.content_key for kept in replaced.kept()}
    assert originals == now


def test_names_that_moved_on_by_one(replaced: SampleLibrary) -> None:
    move(replaced, "S/b.mkv", "S/c.mkv")
    move(replaced, "S/a.mkv", "S/b.mkv")
    followed(replaced, 2)
    assert sorted(targets(replaced)) == ["films/S/b.mkv", "films/S/c.mkv"]
    assert len(undone(replaced, str(film(replaced, "S")))) == 2
    assert there(replaced) == ["films/S/b.mp4", "films/S/c.mp4"]


def test_a_new_film_at_the_old_name_is_encoded_and_the_old_one_followed(
    replaced: SampleLibrary, make_clip: MakeClip
) -> None:
    move(replaced, "S/a.mkv", "S/old.mkv")
    replaced.add("S/a.mkv", make_clip("new.mkv", "a new film"))
    rows = planned(replaced)
    assert rows["S/old.mkv"] == (PlanAction.MOVE, ("moved from films/S/a.mkv",))
    assert rows["S/a.mkv"] == (PlanAction.ENCODE, ("new",))
    finished = replaced.run()
    assert (finished.moved, finished.done) == (1, 1)
    (back,) = undone(replaced, str(film(replaced, "S/old.mkv")))
    assert back.kept.place == str(film(replaced, "S/old.mp4"))
    assert back.refusal is None


def test_the_original_of_another_film_is_never_taken_for_a_renamed_one(
    replaced: SampleLibrary, make_clip: MakeClip
) -> None:
    """Film b is gone, a has its name: what is made anew is made from a's original."""
    film(replaced, "S/b.mkv").unlink()
    move(replaced, "S/a.mkv", "S/b.mkv")
    rules(replaced, settings=OTHER)
    settle(replaced)
    action, causes = planned(replaced)["S/b.mkv"]
    assert action is PlanAction.ENCODE
    assert causes == ("moved from films/S/a.mkv", "crf 50 -> 40 (rules.yaml:6)")
    finished = replaced.run()
    assert (finished.moved, finished.done) == (1, 1)
    (back, *_) = undone(replaced, str(film(replaced, "S/b.mkv")))
    assert back.refusal is None
    content = make_clip("0.mp4", "hue 0").read_bytes()
    assert film(replaced, "S/b.mp4").read_bytes() == content


def test_where_no_rule_applies_it_is_followed_and_left_alone(replaced: SampleLibrary) -> None:
    first = "  - {name: top, when: {path: 'top/**'}, skip: not now}\n"
    rules(replaced, first=first)
    settle(replaced)
    move(replaced, "S/a.mkv", "top/a.mkv")
    row = replaced.row("top/a.mkv")
    assert row.action is PlanAction.LEFT_ALONE
    assert row.notes == ("moved from films/S/a.mkv",)
    followed(replaced)
    (back,) = undone(replaced, str(film(replaced, "top/a.mkv")))
    assert back.refusal is None
    assert "films/top/a.mp4" in there(replaced)


def test_into_a_marked_folder_it_is_followed_too(replaced: SampleLibrary) -> None:
    move(replaced, "S/a.mkv", "top/a.mkv")
    film(replaced, "top/.av1skip").touch()
    causes = ("marked with .av1skip", "moved from films/S/a.mkv")
    assert planned(replaced)["top/a.mkv"] == (PlanAction.LEFT_ALONE, causes)
    followed(replaced)


def test_between_roots(replaced: SampleLibrary) -> None:
    (replaced.folder / "more").mkdir()
    rules(replaced, roots="films, more")
    settle(replaced)
    film(replaced, "S/a.mkv").rename(replaced.folder / "more" / "a.mkv")
    followed(replaced)
    assert targets(replaced)["more/a.mkv"] == "more/a.mp4"
    (back,) = undone(replaced, str(replaced.folder / "more" / "a.mkv"))
    assert back.refusal is None
    assert there(replaced) == ["films/S/b.mkv", "more/a.mp4"]


def test_a_root_of_another_name_takes_its_trash_along(replaced: SampleLibrary) -> None:
    (replaced.folder / "films").rename(replaced.folder / "movies")
    rules(replaced, roots="movies")
    settle(replaced)
    assert replaced.plan().safety_stops == ()
    followed(replaced, 2)
    assert sorted(targets(replaced)) == ["movies/S/a.mkv", "movies/S/b.mkv"]
    assert all(os.path.exists(kept.path) for kept in replaced.kept())
    (back,) = undone(replaced, str(replaced.folder / "movies/S/a.mkv"))
    assert back.refusal is None


def test_a_copy_is_named_and_takes_over_once_the_first_is_gone(replaced: SampleLibrary) -> None:
    shutil.copy2(film(replaced, "S/a.mkv"), film(replaced, "copy.mkv"))
    cause = f"has the content of {film(replaced, 'S/a.mkv')}, made by av1rules: no source"
    assert planned(replaced)["copy.mkv"] == (PlanAction.LEFT_ALONE, (cause,))
    assert not replaced.plan().has_work
    replaced.run()
    film(replaced, "S/a.mkv").unlink()
    assert planned(replaced)["copy.mkv"] == (PlanAction.MOVE, ("moved from films/S/a.mkv",))
    followed(replaced)


def test_a_hard_link_is_a_second_name_until_it_is_the_only_one(replaced: SampleLibrary) -> None:
    os.link(film(replaced, "S/a.mkv"), film(replaced, "link.mkv"))
    assert not replaced.plan().has_work
    film(replaced, "S/a.mkv").unlink()
    followed(replaced)
    assert "films/link.mkv" in targets(replaced)


def test_copies_that_moved_together_keep_their_names(
    library: SampleLibrary, make_clip: MakeClip
) -> None:
    rules(library)
    settle(library)
    for name in ("S/a.mp4", "S/b.mp4"):
        library.add(name, make_clip("same.mp4", "one content"))
    library.run()
    film(library, "S").rename(film(library, "T"))
    followed(library, 2)
    assert targets(library) == {"films/T/a.mkv": "films/T/a.mp4", "films/T/b.mkv": "films/T/b.mp4"}


def test_an_edited_film_is_not_taken_for_gone(replaced: SampleLibrary) -> None:
    """An exact copy elsewhere does not make the film that was edited in its place another one."""
    shutil.copy2(film(replaced, "S/a.mkv"), film(replaced, "copy.mkv"))
    with film(replaced, "S/a.mkv").open("ab") as file:
        file.write(b"more")
    assert replaced.plan().follows.targets == ()


def test_a_touched_film_is_not_taken_for_gone(replaced: SampleLibrary) -> None:
    shutil.copy2(film(replaced, "S/a.mkv"), film(replaced, "copy.mkv"))
    os.utime(film(replaced, "S/a.mkv"), (1, 1))
    assert replaced.plan().follows.targets == ()


def test_a_forgotten_target_is_followed_and_made_anew(replaced: SampleLibrary) -> None:
    ledger = Ledger.open(replaced.state_dir)
    ledger.forget("films/S/a.mp4")
    ledger.close()
    move(replaced, "S/a.mkv", "a.mkv")
    action, causes = planned(replaced)["a.mkv"]
    assert (action, causes) == (PlanAction.ENCODE, ("moved from films/S/a.mkv", "forgotten"))
    assert replaced.run().done == 1


def test_what_changes_between_plan_and_run_is_not_followed(replaced: SampleLibrary) -> None:
    move(replaced, "S/a.mkv", "a.mkv")
    replaced.run_after(lambda: film(replaced, "a.mkv").write_bytes(b"another film"))
    assert "films/S/a.mkv" in targets(replaced)


def test_a_plan_without_changes_reads_no_film(
    replaced: SampleLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while a film is missing for good."""
    film(replaced, "S/a.mkv").unlink()
    replaced.run()

    def refuse(*_: object) -> str:
        raise AssertionError("a film was read")

    monkeypatch.setattr("av1rules.plan.moved.find.content_key_of", refuse)
    assert not replaced.plan().has_work


# --- in a mirror, and beside


def test_a_target_that_was_renamed_in_the_mirror_comes_back(mirrored: SampleLibrary) -> None:
    mirrored.target("S/a.mkv").rename(mirrored.target("mine.mkv"))
    action, causes = planned(mirrored)["S/a.mp4"]
    assert action is PlanAction.MOVE
    where = mirrored.target("mine.mkv")
    assert causes == (f"its target was moved: it comes back from {where}",)
    followed(mirrored)
    assert "out/films/S/a.mkv" in there(mirrored)
    assert not where.exists()


@pytest.mark.parametrize("copies", ["link", "encode"])
def test_one_that_was_only_recorded_there_comes_back_too(
    library: SampleLibrary, make_clip: MakeClip, copies: str
) -> None:
    """By `adopt`, or by a run that was killed before it moved the file."""
    made(library, make_clip, f"mode: mirror, root: out, copies: {copies}", "S/a.mp4")
    library.target("S/a.mkv").rename(library.target("mine.mkv"))
    with (
        open_workspace(library.rules_file, write=False) as workspace,
        start_session(workspace, library.events.append) as session,
    ):
        ledger, output = session.workspace.ledger, workspace.ruleset.output
        assert follow_moved(build_plan(session.workspace).follows, ledger, output)
    assert targets(library) == {"out/films/mine.mkv": "films/S/a.mp4"}
    followed(library, at_home=True)
    assert targets(library) == {"out/films/S/a.mkv": "films/S/a.mp4"}


def test_targets_that_swapped_names_in_the_mirror_come_back(mirrored: SampleLibrary) -> None:
    before = {name: mirrored.target(name).read_bytes() for name in ("S/a.mkv", "S/b.mkv")}
    swap(mirrored.target("S/a.mkv"), mirrored.target("S/b.mkv"))
    followed(mirrored, 2)
    assert before == {name: mirrored.target(name).read_bytes() for name in before}


def test_a_folder_of_the_mirror_that_was_renamed_comes_back(mirrored: SampleLibrary) -> None:
    """Also where no target is left under its name, which else would be a missing disk."""
    mirrored.target("S").rename(mirrored.target("T"))
    followed(mirrored, 2)
    assert not mirrored.target("T").exists()
    assert "out/films/S/a.mkv" in there(mirrored)


def test_a_film_renamed_in_library_and_mirror_is_at_home(mirrored: SampleLibrary) -> None:
    film(mirrored, "S").rename(film(mirrored, "T"))
    mirrored.target("S").rename(mirrored.target("T"))
    action, causes = planned(mirrored)["T/a.mp4"]
    assert (action, causes) == (PlanAction.MOVE, ("moved from films/S/a.mp4",))
    followed(mirrored, 2)
    assert targets(mirrored)["out/films/T/a.mkv"] == "films/T/a.mp4"


def test_a_mirror_that_was_moved_as_a_whole(mirrored: SampleLibrary) -> None:
    (mirrored.folder / "out").rename(mirrored.folder / "new")
    rules(mirrored, "mode: mirror, root: new")
    settle(mirrored)
    followed(mirrored, 2)
    assert sorted(targets(mirrored)) == ["new/films/S/a.mkv", "new/films/S/b.mkv"]


def test_a_target_that_was_moved_out_of_the_mirror_is_made_anew(mirrored: SampleLibrary) -> None:
    """It was taken away on purpose, and a film of ours in the library is no source."""
    mirrored.target("S/a.mkv").rename(film(mirrored, "mine.mkv"))
    rows = planned(mirrored)
    assert rows["S/a.mp4"] == (PlanAction.ENCODE, ("target missing",))
    assert rows["mine.mkv"][0] is PlanAction.LEFT_ALONE


def test_a_moved_target_whose_place_another_one_keeps_is_blocked(
    mirrored: SampleLibrary,
) -> None:
    """Film b is skipped now, so its target does not leave the place where a user put it."""
    mirrored.target("S/a.mkv").rename(mirrored.target("mine.mkv"))
    mirrored.target("S/b.mkv").rename(mirrored.target("S/a.mkv"))
    first = "  - {name: top, when: {path: 'S/b.mp4'}, skip: not now}\n"
    rules(mirrored, "mode: mirror, root: out", first=first)
    settle(mirrored)
    before = there(mirrored)
    action, causes = planned(mirrored)["S/a.mp4"]
    assert action is PlanAction.BLOCKED
    assert "which somebody moved there" in causes[0]
    mirrored.run()
    assert there(mirrored) == before


def test_an_orphan_in_the_mirror_is_followed(mirrored: SampleLibrary) -> None:
    film(mirrored, "S/a.mp4").unlink()
    mirrored.target("S/a.mkv").rename(mirrored.target("mine.mkv"))
    mirrored.target("S/b.mkv").unlink()  # something to do, so that the mirror is looked through
    mirrored.run()
    (orphan,) = mirrored.plan().orphans
    assert orphan.row.target == str(mirrored.target("mine.mkv"))


def test_beside_its_source_a_renamed_target_comes_back(beside: SampleLibrary) -> None:
    move(beside, "S/a.av1.mkv", "S/other name.mkv")
    action, causes = planned(beside)["S/a.mp4"]
    where = film(beside, "S/other name.mkv")
    assert (action, causes) == (
        PlanAction.MOVE,
        (f"its target was moved: it comes back from {where}",),
    )
    followed(beside)
    assert there(beside) == [
        f"films/S/{name}" for name in ("a.av1.mkv", "a.mp4", "b.av1.mkv", "b.mp4")
    ]


def test_beside_its_source_a_renamed_folder_is_followed(beside: SampleLibrary) -> None:
    film(beside, "S").rename(film(beside, "T"))
    followed(beside, 2)
    assert targets(beside) == {
        "films/T/a.av1.mkv": "films/T/a.mp4",
        "films/T/b.av1.mkv": "films/T/b.mp4",
    }
