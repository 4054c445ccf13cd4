"""A source is known by its content: what is renamed, moved or copied is not encoded again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from av1rules.base.errors import Av1rulesError
from av1rules.base.events import JobStarted
from av1rules.graph.open_session import open_session
from av1rules.graph.planned import PlanAction, PlanRow
from av1rules.graph.tasks import clean_target
from av1rules.graph.undo import find_entries, undo
from av1rules.graph.workspace import open_workspace
from tests.conftest import MakeClip
from tests.shelf import FAST, Shelf

pytestmark = pytest.mark.real

RULES = """\
version: 1
library: {{roots: [films], settle: 0}}
output: {{mode: mirror, root: out{output}}}
run: {{reserve: 0}}
rules:
  - {{name: all, encode: {{{settings}}}, review: never}}
"""


def rules(shelf: Shelf, output: str = "", settings: str = FAST) -> None:
    shelf.rules(RULES.format(output=f", {output}" if output else "", settings=settings))


def encodes(shelf: Shelf) -> int:
    return sum(isinstance(event, JobStarted) for event in shelf.events)


def actions(rows: Sequence[PlanRow]) -> dict[str, PlanAction]:
    return {row.file.relative_path: row.action for row in rows}


@pytest.fixture
def clips(make_clip: MakeClip) -> list[Path]:
    """Three films of different content."""
    return [
        make_clip(f"id{n}.mkv", "-f", "lavfi", "-i", f"testsrc2=s=64x64:r=10:d=1,hue=h={n * 40}")
        for n in range(3)
    ]


@pytest.fixture
def three(shelf: Shelf, clips: list[Path]) -> Shelf:
    rules(shelf)
    for name, clip in zip("abc", clips, strict=True):
        shelf.add(f"{name}.mkv", clip)
    shelf.run()
    return shelf


def targets(shelf: Shelf) -> dict[str, bytes]:
    top = shelf.folder / "out" / "films"
    return {str(p.relative_to(top)): p.read_bytes() for p in sorted(top.rglob("*.mkv"))}


def test_renamed_source_takes_its_target_along(three: Shelf) -> None:
    before = targets(three)
    (three.folder / "films" / "sub").mkdir()
    (three.folder / "films" / "a.mkv").rename(three.folder / "films" / "sub" / "new name.mkv")
    row = three.row("sub/new name.mkv")
    assert (row.action, row.causes) == (PlanAction.MOVE, ("moved from films/a.mkv",))
    assert three.plan().orphans == ()
    done = three.run()
    assert (done.moved, encodes(three)) == (1, 0)
    assert targets(three)["sub/new name.mkv"] == before["a.mkv"]
    assert "a.mkv" not in targets(three)
    assert three.plan().work == ()
    assert [row.source for row in three.ledger_rows()] == [
        "films/b.mkv", "films/c.mkv", "films/sub/new name.mkv",
    ]  # fmt: skip
    assert three.leftovers() == []


def test_renamed_folder_takes_all_along_and_leaves_no_empty_one(shelf: Shelf) -> None:
    rules(shelf)
    shelf.add("season 1/e1.mkv")
    shelf.run()
    (shelf.folder / "films" / "season 1").rename(shelf.folder / "films" / "Season 01")
    assert (shelf.run().moved, encodes(shelf)) == (1, 0)
    assert [p.name for p in (shelf.folder / "out" / "films").iterdir()] == ["Season 01"]


def test_names_moved_on_by_one(three: Shelf) -> None:
    """An episode was put in between: b became c, a became b."""
    before, films = targets(three), three.folder / "films"
    (films / "c.mkv").rename(films / "d.mkv")
    (films / "b.mkv").rename(films / "c.mkv")
    (films / "a.mkv").rename(films / "b.mkv")
    assert set(actions(three.plan().rows).values()) == {PlanAction.MOVE}
    assert (three.run().moved, encodes(three)) == (3, 0)
    after = targets(three)
    assert [after[n] for n in ("b.mkv", "c.mkv", "d.mkv")] == [
        before[n] for n in ("a.mkv", "b.mkv", "c.mkv")
    ]
    assert "a.mkv" not in after
    assert three.plan().work == ()


def test_two_films_changed_names(three: Shelf) -> None:
    before, films = targets(three), three.folder / "films"
    (films / "a.mkv").rename(films / "x")
    (films / "b.mkv").rename(films / "a.mkv")
    (films / "x").rename(films / "b.mkv")
    assert (three.run().moved, encodes(three)) == (2, 0)
    after = targets(three)
    assert (after["a.mkv"], after["b.mkv"]) == (before["b.mkv"], before["a.mkv"])
    assert three.plan().work == ()


def test_renamed_onto_a_deleted_film_keeps_what_may_be_its_last_copy(three: Shelf) -> None:
    before, films = targets(three), three.folder / "films"
    (films / "a.mkv").replace(films / "b.mkv")
    done = three.run()
    assert (done.moved, done.aside, encodes(three)) == (1, 1, 0)
    assert targets(three)["b.mkv"] == before["a.mkv"]
    (kept,) = three.kept()
    assert Path(kept.path).read_bytes() == before["b.mkv"]
    assert three.plan().work == ()


def test_moved_across_roots(shelf: Shelf) -> None:
    text = RULES.format(output="", settings=FAST).replace("[films]", "[films, more]")
    shelf.rules(text)
    (shelf.folder / "more").mkdir()
    shelf.add("a.mkv")
    shelf.add("stays.mkv", shelf.clip)
    (shelf.folder / "more" / "x.txt").touch()
    shelf.run()
    (shelf.folder / "films" / "a.mkv").rename(shelf.folder / "more" / "a.mkv")
    assert encodes(shelf) == 1  # two copies of one content, made once
    assert (shelf.run().moved, encodes(shelf)) == (1, 0)
    assert (shelf.folder / "out" / "more" / "a.mkv").exists()


def test_moved_with_other_rules_moves_and_is_then_redone(three: Shelf) -> None:
    (three.folder / "films" / "a.mkv").rename(three.folder / "films" / "z.mkv")
    rules(three, settings=FAST.replace("crf: 50", "crf: 45"))
    row = three.row("z.mkv")
    assert row.action is PlanAction.ENCODE
    assert row.causes == ("moved from films/a.mkv", "crf 50 -> 45 (rules.yaml:6)")
    done = three.run()
    assert (done.moved, done.done, encodes(three)) == (1, 3, 3)
    assert sorted(targets(three)) == ["b.mkv", "c.mkv", "z.mkv"]
    assert three.plan().work == ()


def test_another_extension_is_told_to_the_ledger_only(three: Shelf) -> None:
    films = three.folder / "films"
    (films / "a.mkv").rename(films / "a.mka.mk3d")
    (films / "b.mkv").rename(films / "b.mk3d")
    assert (three.run().moved, encodes(three)) == (2, 0)
    assert "films/b.mk3d" in [row.source for row in three.ledger_rows()]
    assert three.plan().work == ()


def test_beside_mode_moves_too(shelf: Shelf) -> None:
    shelf.rules(
        "version: 1\nlibrary: {roots: [films], settle: 0}\nrun: {reserve: 0}\n"
        f"rules: [{{name: all, encode: {{{FAST}}}, review: never}}]\n"
    )
    shelf.add("a.mkv")
    shelf.run()
    (shelf.folder / "films" / "a.mkv").rename(shelf.folder / "films" / "b.mkv")
    assert (shelf.run().moved, encodes(shelf)) == (1, 0)
    assert sorted(p.name for p in (shelf.folder / "films").iterdir()) == ["b.av1.mkv", "b.mkv"]


@pytest.mark.parametrize(("policy", "links"), [("link", 2), ("copy", 1)])
def test_copies_of_one_content_are_encoded_once(shelf: Shelf, policy: str, links: int) -> None:
    rules(shelf, output=f"copies: {policy}")
    shelf.add("a.mkv")
    shelf.add("b.mkv")
    plan = actions(shelf.plan().rows)
    assert plan == {"a.mkv": PlanAction.ENCODE, "b.mkv": PlanAction.COPY}
    done = shelf.run(jobs=2)
    assert (done.done, done.copied, encodes(shelf)) == (1, 1, 1)
    assert shelf.target("a.mkv").read_bytes() == shelf.target("b.mkv").read_bytes()
    assert shelf.target("b.mkv").stat().st_nlink == links
    assert shelf.plan().work == ()
    shelf.add("later.mkv")
    assert shelf.row("later.mkv").action is PlanAction.COPY
    assert (shelf.run().copied, encodes(shelf)) == (1, 0)
    assert shelf.plan().work == ()
    assert shelf.leftovers() == []


def test_folder_renamed_with_sources_and_targets_in_it(shelf: Shelf) -> None:
    shelf.rules(
        "version: 1\nlibrary: {roots: [films], settle: 0}\nrun: {reserve: 0}\n"
        f"rules: [{{name: all, encode: {{{FAST}}}, review: never}}]\n"
    )
    shelf.add("season 1/a.mkv")
    shelf.run()
    films = shelf.folder / "films"
    (films / "season 1").rename(films / "s1")
    row = shelf.row("s1/a.mkv")
    assert (row.action, row.causes) == (PlanAction.MOVE, ("moved from films/season 1/a.mkv",))
    assert (shelf.run().moved, encodes(shelf)) == (1, 0)
    assert [row.source for row in shelf.ledger_rows()] == ["films/s1/a.mkv"]
    assert sorted(p.name for p in (films / "s1").iterdir()) == ["a.av1.mkv", "a.mkv"]
    assert shelf.row("s1/a.mkv").action is PlanAction.FRESH


def test_lost_target_is_copied_from_that_of_a_copy(shelf: Shelf) -> None:
    rules(shelf)
    shelf.add("a.mkv")
    shelf.add("b.mkv")
    shelf.run()
    shelf.target("a.mkv").unlink()
    assert shelf.row("a.mkv").action is PlanAction.COPY
    assert (shelf.run().copied, encodes(shelf)) == (1, 0)
    assert shelf.plan().work == ()


def test_target_leaves_and_other_content_has_come_under_the_name(
    three: Shelf, other_clip: Path
) -> None:
    films = three.folder / "films"
    (films / "a.mkv").rename(films / "z.mkv")
    shutil.copy(other_clip, films / "a.mkv")
    done = three.run()
    assert (done.moved, done.done, done.dropped) == (1, 1, 0)
    assert three.plan().work == ()


def test_renamed_and_copied_before_the_next_run(three: Shelf) -> None:
    films = three.folder / "films"
    (films / "a.mkv").rename(films / "x.mkv")
    shutil.copy(films / "x.mkv", films / "y.mkv")
    done = three.run()
    assert (done.moved, done.copied, encodes(three)) == (1, 1, 0)
    assert three.plan().work == ()


def test_two_renamed_copies_have_a_target_each(shelf: Shelf) -> None:
    rules(shelf, output="copies: encode")
    films = shelf.folder / "films"
    for name in "ab":
        shelf.add(f"{name}.mkv")
    shelf.run()
    (films / "a.mkv").rename(films / "x.mkv")
    (films / "b.mkv").rename(films / "y.mkv")
    assert (shelf.run().moved, encodes(shelf)) == (2, 0)
    assert shelf.plan().work == ()


def test_target_without_change_goes_to_the_film_that_needs_none(shelf: Shelf) -> None:
    """Two new names of one content: the rules want another crf under the first of them."""
    first = FAST.replace("crf: 50", "crf: 40")
    rule = (
        f'rules:\n  - {{name: first, when: {{path: "a/**"}}, encode: {{{first}}}, review: never}}\n'
    )
    shelf.rules(RULES.format(output="", settings=FAST).replace("rules:\n", rule))
    film = shelf.add("film.mkv")
    shelf.run()
    for folder in "az":
        (film.parent / folder).mkdir()
        shutil.copy(film, film.parent / folder)
    film.unlink()
    done = shelf.run()
    assert (done.moved, encodes(shelf)) == (1, 1)
    assert shelf.plan().work == ()


def test_one_target_for_two_films_whose_places_are_not_free(three: Shelf) -> None:
    """The film that does not get it has its own place still taken by what it held before."""
    rules(three, output="copies: encode")
    films = three.folder / "films"
    (films / "a.mkv").rename(films / "aa.mkv")
    shutil.copy(films / "aa.mkv", films / "b.mkv")
    done = three.run()
    assert (done.moved, done.done, done.dropped) == (1, 1, 0)
    assert three.plan().work == ()


def test_no_copy_of_what_is_redone_in_the_same_run(shelf: Shelf) -> None:
    rules(shelf)
    shelf.add("a/film.mkv")
    shelf.run()
    first = FAST.replace("crf: 50", "crf: 40")
    when = 'when: {path: "a/**"}'
    rule = f"rules:\n  - {{name: first, {when}, encode: {{{first}}}, review: never}}\n"
    shelf.rules(RULES.format(output="", settings=FAST).replace("rules:\n", rule))
    shelf.add("b/film.mkv")
    assert set(actions(shelf.plan().rows).values()) == {PlanAction.ENCODE}
    done = shelf.run()
    assert (done.done, done.dropped) == (2, 0)


def test_renamed_copy_with_other_rules_shares_the_new_encode(shelf: Shelf) -> None:
    rules(shelf, output="orphans: trash")
    films = shelf.folder / "films"
    for name in "ab":
        shelf.add(f"{name}.mkv")
    shelf.run()
    (films / "b.mkv").rename(films / "c.mkv")
    rules(shelf, output="orphans: trash", settings=FAST.replace("crf: 50", "crf: 45"))
    done = shelf.run()
    assert (done.moved, done.done, done.copied, done.dropped, done.aside) == (1, 1, 1, 0, 0)
    assert not shelf.plan().has_work


def test_film_comes_to_a_stem_whose_target_leaves(three: Shelf) -> None:
    films = three.folder / "films"
    (films / "a.mkv").rename(films / "z.mkv")
    (films / "b.mkv").rename(films / "a.mk3d")
    (films / "c.mkv").rename(films / "b.mk3d")
    assert set(actions(three.plan().rows).values()) == {PlanAction.MOVE}
    assert (three.run().moved, encodes(three)) == (3, 0)
    assert three.plan().work == ()


def test_two_films_come_to_a_stem_whose_target_leaves(three: Shelf) -> None:
    films = three.folder / "films"
    (films / "a.mkv").rename(films / "z.mkv")
    (films / "b.mkv").rename(films / "a.mk3d")
    (films / "c.mkv").rename(films / "a.webm")
    plan = actions(three.plan().rows)
    assert plan.pop("z.mkv") is PlanAction.MOVE
    assert set(plan.values()) == {PlanAction.BLOCKED}
    assert (three.run().moved, encodes(three)) == (1, 0)
    assert set(actions(three.plan().rows).values()) == {PlanAction.BLOCKED, PlanAction.FRESH}


def test_touched_target_is_moved_and_redone(three: Shelf) -> None:
    films = three.folder / "films"
    (films / "a.mkv").rename(films / "z.mkv")
    os.utime(three.target("a.mkv"), ns=(1, 1))
    rules(three, settings=FAST.replace("crf: 50", "crf: 45"))
    done = three.run()
    assert (done.moved, done.done, done.dropped) == (1, 3, 0)


def test_copies_may_be_encoded_each(shelf: Shelf) -> None:
    rules(shelf, output="copies: encode")
    shelf.add("a.mkv")
    shelf.add("b.mkv")
    assert (shelf.run().done, encodes(shelf)) == (2, 2)


def test_copy_of_what_failed_is_left_for_next_time(shelf: Shelf, make_clip: MakeClip) -> None:
    whole = make_clip("cut.mkv", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=10:d=4")
    cut = shelf.folder / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    rules(shelf)
    shelf.add("a.mkv", cut)
    shelf.add("b.mkv", cut)
    done = shelf.run()
    assert (done.failed, done.dropped) == (1, 1)
    assert "did not come out" in shelf.told()


def test_samples_that_agree_by_chance_do_not_share_a_target(shelf: Shelf, tmp_path: Path) -> None:
    """Same size, same samples, other bytes between: the whole digest decides before sharing."""
    film = tmp_path / "big.mkv"
    shutil.copy(shelf.clip, film)
    with open(film, "ab") as file:  # an EBML Void element of 1 MiB at the end
        file.write(b"\xec\x01\x00\x00\x00\x00\x10\x00\x00" + bytes(1 << 20))
    rules(shelf)
    shelf.add("a.mkv", film)
    twin = shelf.add("b.mkv", film)
    with open(twin, "r+b") as file:
        file.seek(film.stat().st_size - (1 << 17) - 1000)
        file.write(b"x")
    row = shelf.row("b.mkv")
    if row.action is not PlanAction.COPY:
        pytest.fail("the samples were meant to agree")
    done = shelf.run()
    assert (done.done, done.copied) == (2, 0)


def test_touched_source_is_nothing(three: Shelf) -> None:
    os.utime(three.folder / "films" / "a.mkv", ns=(1, 1))
    assert three.plan().work == ()


def test_better_release_under_the_same_name_is_redone(three: Shelf, clip: Path) -> None:
    shutil.copy(clip, three.folder / "films" / "a.mkv")
    assert three.causes("a.mkv") == ("source changed",)
    assert three.run().done == 1


# --- sources that are gone


def test_orphans_are_listed_and_left(three: Shelf) -> None:
    (three.folder / "films" / "a.mkv").unlink()
    plan = three.plan()
    assert [o.cause for o in plan.orphans] == ["its source is gone: films/a.mkv"]
    assert not plan.has_work
    three.run()
    assert three.target("a.mkv").exists()


def test_orphans_go_to_the_trash_if_the_policy_says_so(three: Shelf) -> None:
    rules(three, output="orphans: trash")
    before = three.target("a.mkv").read_bytes()
    (three.folder / "films" / "a.mkv").unlink()
    assert three.plan().has_work
    assert three.run().aside == 1
    assert not three.target("a.mkv").exists()
    (kept,) = three.kept()
    assert Path(kept.path).read_bytes() == before
    assert three.plan().orphans == ()
    assert not three.plan().has_work


def test_edited_orphan_is_no_work_for_ever(three: Shelf) -> None:
    rules(three, output="orphans: trash")
    with open(three.target("a.mkv"), "ab") as file:
        file.write(b"edited")
    (three.folder / "films" / "a.mkv").unlink()
    (orphan,) = three.plan().orphans
    assert orphan.cause.endswith("left: it was changed since it was written")
    assert not three.plan().has_work
    assert three.run().aside == 0
    assert three.target("a.mkv").exists()


# --- found by a hostile review


def test_other_container_is_encoded_and_the_old_target_is_told(shelf: Shelf) -> None:
    rules(shelf)
    shelf.add("a.mkv")
    shelf.run()
    rules(shelf, settings=f"{FAST}, container: mp4")
    assert shelf.row("a.mkv").action is PlanAction.ENCODE
    assert shelf.run().done == 1
    (orphan,) = shelf.plan().orphans
    assert orphan.cause.startswith("its source has another target now: ")
    assert not orphan.to_trash


def test_root_with_another_name_in_the_rules_takes_its_targets_along(shelf: Shelf) -> None:
    rules(shelf, output="copies: encode")
    shelf.add("a.mkv")
    shelf.run()
    text = shelf.rules_file.read_text().replace("[films]", "[{path: films, name: movies}]")
    shelf.rules(text)
    assert (shelf.run().moved, encodes(shelf)) == (1, 0)
    assert (shelf.folder / "out" / "movies" / "a.mkv").exists()
    assert shelf.plan().work == ()


def test_orphan_whose_source_may_only_be_settling_is_not_put_aside(three: Shelf) -> None:
    rules(three, output="orphans: trash")
    three.rules(three.rules_file.read_text().replace("settle: 0", "settle: 1h"))
    (three.folder / "films" / "a.mkv").rename(three.folder / "films" / "z.mkv")
    (orphan,) = three.plan().orphans
    assert not orphan.to_trash
    three.run()
    assert three.target("a.mkv").exists()


def test_orphan_that_a_person_put_back_stays(three: Shelf) -> None:
    rules(three, output="orphans: trash")
    (three.folder / "films" / "a.mkv").unlink()
    three.run()
    with (
        open_workspace(three.rules_file, write=False) as space,
        open_session(space, three.events.append) as session,
    ):
        (result,) = undo(session, find_entries(session.space.ledger, ["last"]))
    assert result.refusal is None
    assert three.target("a.mkv").exists()
    assert three.run().aside == 0
    assert three.target("a.mkv").exists()


def test_orphans_are_not_put_aside_while_a_folder_can_not_be_read(three: Shelf) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    rules(three, output="orphans: trash")
    (three.folder / "films" / "a.mkv").unlink()
    closed = three.folder / "films" / "closed"
    closed.mkdir(mode=0)
    assert not three.plan().has_work


def test_root_moved_to_an_empty_folder_brakes_by_its_targets(three: Shelf) -> None:
    (three.folder / "elsewhere").mkdir()
    text = three.rules_file.read_text().replace("[films]", "[{path: elsewhere, name: films}]")
    three.rules(text)
    (brake,) = three.plan().brakes
    assert "empty, but held 3 files" in brake.message


def test_clean_keeps_what_was_made_of_a_renamed_source(three: Shelf) -> None:
    (three.folder / "films" / "b.mkv").replace(three.folder / "films" / "a.mkv")
    row = three.row("a.mkv")
    with pytest.raises(Av1rulesError, match="another content"):
        clean_target(row)
    assert three.target("a.mkv").exists()


def test_orphan_put_back_is_no_word_against_other_targets(three: Shelf) -> None:
    rules(three, output="orphans: trash, copies: encode")
    film = three.folder / "films" / "a.mkv"
    shutil.copy(film, three.folder / "kept.mkv")
    film.unlink()
    assert three.run().aside == 1
    with (
        open_workspace(three.rules_file, write=False) as space,
        open_session(space, three.events.append) as session,
    ):
        (done,) = undo(session, find_entries(session.space.ledger, ["last"]))
    assert done.refusal is None
    assert three.run().aside == 0, "a person put it back"
    three.target("a.mkv").unlink()
    three.add("a.mkv", three.folder / "kept.mkv")
    assert three.run().done == 1
