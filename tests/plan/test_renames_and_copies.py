"""A source is known by its content: what is renamed, moved or copied is not encoded again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from av1rules.base.errors import Av1rulesError, EncodeError
from av1rules.base.events import JobStarted
from av1rules.execute.startup import start_session
from av1rules.graph.tasks import clean_target
from av1rules.ledger.checks import CheckMethod, LastCheck
from av1rules.ledger.ledger import Ledger
from av1rules.operations.undo import find_entries, undo
from av1rules.plan.items import PlanAction, PlanItem
from av1rules.plan.workspace import open_workspace
from tests.conftest import MakeClip
from tests.fakes.worker import FakeClips, FakeWorker
from tests.sample_library import FAST, SampleLibrary

RULES = """\
version: 1
library: {{roots: [films], settle: 0}}
output: {{mode: mirror, root: out{output}}}
run: {{reserve: 0}}
rules:
  - {{name: all, encode: {{{settings}}}, review: never}}
"""


@pytest.fixture
def make_clip(fake_clips: FakeClips) -> MakeClip:
    return fake_clips


def rules(library: SampleLibrary, output: str = "", settings: str = FAST) -> None:
    library.rules(RULES.format(output=f", {output}" if output else "", settings=settings))


def encodes(library: SampleLibrary) -> int:
    return sum(isinstance(event, JobStarted) for event in library.events)


def actions(rows: Sequence[PlanItem]) -> dict[str, PlanAction]:
    return {row.file.relative_path: row.action for row in rows}


@pytest.fixture
def clips(make_clip: MakeClip) -> list[Path]:
    """Three films of different content."""
    return [
        make_clip(f"id{n}.mkv", "-f", "lavfi", "-i", f"testsrc2=s=64x64:r=10:d=1,hue=h={n * 40}")
        for n in range(3)
    ]


@pytest.fixture
def three(library: SampleLibrary, clips: list[Path]) -> SampleLibrary:
    rules(library)
    for name, clip in zip("abc", clips, strict=True):
        library.add(f"{name}.mkv", clip)
    library.run()
    return library


def targets(library: SampleLibrary) -> dict[str, bytes]:
    top = library.folder / "out" / "films"
    return {str(p.relative_to(top)): p.read_bytes() for p in sorted(top.rglob("*.mkv"))}


def test_renamed_source_takes_its_target_along(three: SampleLibrary) -> None:
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


def test_renamed_folder_takes_all_along_and_leaves_no_empty_one(library: SampleLibrary) -> None:
    rules(library)
    library.add("season 1/e1.mkv")
    library.run()
    (library.folder / "films" / "season 1").rename(library.folder / "films" / "Season 01")
    assert (library.run().moved, encodes(library)) == (1, 0)
    assert [p.name for p in (library.folder / "out" / "films").iterdir()] == ["Season 01"]


def test_names_moved_on_by_one(three: SampleLibrary) -> None:
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


def test_two_films_changed_names(three: SampleLibrary) -> None:
    before, films = targets(three), three.folder / "films"
    (films / "a.mkv").rename(films / "x")
    (films / "b.mkv").rename(films / "a.mkv")
    (films / "x").rename(films / "b.mkv")
    assert (three.run().moved, encodes(three)) == (2, 0)
    after = targets(three)
    assert (after["a.mkv"], after["b.mkv"]) == (before["b.mkv"], before["a.mkv"])
    assert three.plan().work == ()


def test_renamed_onto_a_deleted_film_keeps_what_may_be_its_last_copy(three: SampleLibrary) -> None:
    before, films = targets(three), three.folder / "films"
    (films / "a.mkv").replace(films / "b.mkv")
    done = three.run()
    assert (done.moved, done.trashed, encodes(three)) == (1, 1, 0)
    assert targets(three)["b.mkv"] == before["a.mkv"]
    (kept,) = three.kept()
    assert Path(kept.path).read_bytes() == before["b.mkv"]
    assert three.plan().work == ()


def test_moved_across_roots(library: SampleLibrary) -> None:
    text = RULES.format(output="", settings=FAST).replace("[films]", "[films, more]")
    library.rules(text)
    (library.folder / "more").mkdir()
    library.add("a.mkv")
    library.add("stays.mkv", library.clip)
    (library.folder / "more" / "x.txt").touch()
    library.run()
    (library.folder / "films" / "a.mkv").rename(library.folder / "more" / "a.mkv")
    assert encodes(library) == 1  # two copies of one content, made once
    assert (library.run().moved, encodes(library)) == (1, 0)
    assert (library.folder / "out" / "more" / "a.mkv").exists()


def test_moved_with_other_rules_moves_and_is_then_redone(three: SampleLibrary) -> None:
    (three.folder / "films" / "a.mkv").rename(three.folder / "films" / "z.mkv")
    rules(three, settings=FAST.replace("crf: 50", "crf: 45"))
    row = three.row("z.mkv")
    assert row.action is PlanAction.ENCODE
    assert row.causes == ("moved from films/a.mkv", "crf 50 -> 45 (rules.yaml:6)")
    done = three.run()
    assert (done.moved, done.done, encodes(three)) == (1, 3, 3)
    assert sorted(targets(three)) == ["b.mkv", "c.mkv", "z.mkv"]
    assert three.plan().work == ()


def test_another_extension_is_told_to_the_ledger_only(three: SampleLibrary) -> None:
    films = three.folder / "films"
    (films / "a.mkv").rename(films / "a.mka.mk3d")
    (films / "b.mkv").rename(films / "b.mk3d")
    assert (three.run().moved, encodes(three)) == (2, 0)
    assert "films/b.mk3d" in [row.source for row in three.ledger_rows()]
    assert three.plan().work == ()


def test_beside_mode_moves_too(library: SampleLibrary) -> None:
    library.rules(
        "version: 1\nlibrary: {roots: [films], settle: 0}\nrun: {reserve: 0}\n"
        f"rules: [{{name: all, encode: {{{FAST}}}, review: never}}]\n"
    )
    library.add("a.mkv")
    library.run()
    (library.folder / "films" / "a.mkv").rename(library.folder / "films" / "b.mkv")
    assert (library.run().moved, encodes(library)) == (1, 0)
    assert sorted(p.name for p in (library.folder / "films").iterdir()) == ["b.av1.mkv", "b.mkv"]


@pytest.mark.parametrize(("policy", "links"), [("link", 2), ("copy", 1)])
def test_copies_of_one_content_are_encoded_once(
    library: SampleLibrary, policy: str, links: int
) -> None:
    rules(library, output=f"copies: {policy}")
    library.add("a.mkv")
    library.add("b.mkv")
    plan = actions(library.plan().rows)
    assert plan == {"a.mkv": PlanAction.ENCODE, "b.mkv": PlanAction.COPY}
    done = library.run(jobs=2)
    assert (done.done, done.copied, encodes(library)) == (1, 1, 1)
    assert library.target("a.mkv").read_bytes() == library.target("b.mkv").read_bytes()
    assert library.target("b.mkv").stat().st_nlink == links
    assert library.plan().work == ()
    library.add("later.mkv")
    assert library.row("later.mkv").action is PlanAction.COPY
    assert (library.run().copied, encodes(library)) == (1, 0)
    assert library.plan().work == ()
    assert library.leftovers() == []


def test_folder_renamed_with_sources_and_targets_in_it(library: SampleLibrary) -> None:
    library.rules(
        "version: 1\nlibrary: {roots: [films], settle: 0}\nrun: {reserve: 0}\n"
        f"rules: [{{name: all, encode: {{{FAST}}}, review: never}}]\n"
    )
    library.add("season 1/a.mkv")
    library.run()
    films = library.folder / "films"
    (films / "season 1").rename(films / "s1")
    row = library.row("s1/a.mkv")
    assert (row.action, row.causes) == (PlanAction.MOVE, ("moved from films/season 1/a.mkv",))
    assert (library.run().moved, encodes(library)) == (1, 0)
    assert [row.source for row in library.ledger_rows()] == ["films/s1/a.mkv"]
    assert sorted(p.name for p in (films / "s1").iterdir()) == ["a.av1.mkv", "a.mkv"]
    assert library.row("s1/a.mkv").action is PlanAction.FRESH


def test_lost_target_is_copied_from_that_of_a_copy(library: SampleLibrary) -> None:
    rules(library)
    library.add("a.mkv")
    library.add("b.mkv")
    library.run()
    library.target("a.mkv").unlink()
    assert library.row("a.mkv").action is PlanAction.COPY
    assert (library.run().copied, encodes(library)) == (1, 0)
    assert library.plan().work == ()


def test_target_leaves_and_other_content_has_come_under_the_name(
    three: SampleLibrary, other_clip: Path
) -> None:
    films = three.folder / "films"
    (films / "a.mkv").rename(films / "z.mkv")
    shutil.copy(other_clip, films / "a.mkv")
    done = three.run()
    assert (done.moved, done.done, done.dropped) == (1, 1, 0)
    assert three.plan().work == ()


def test_renamed_and_copied_before_the_next_run(three: SampleLibrary) -> None:
    films = three.folder / "films"
    (films / "a.mkv").rename(films / "x.mkv")
    shutil.copy(films / "x.mkv", films / "y.mkv")
    done = three.run()
    assert (done.moved, done.copied, encodes(three)) == (1, 1, 0)
    assert three.plan().work == ()


def test_two_renamed_copies_have_a_target_each(library: SampleLibrary) -> None:
    rules(library, output="copies: encode")
    films = library.folder / "films"
    for name in "ab":
        library.add(f"{name}.mkv")
    library.run()
    (films / "a.mkv").rename(films / "x.mkv")
    (films / "b.mkv").rename(films / "y.mkv")
    assert (library.run().moved, encodes(library)) == (2, 0)
    assert library.plan().work == ()


def test_target_without_change_goes_to_the_film_that_needs_none(library: SampleLibrary) -> None:
    """Two new names of one content: the rules want another crf under the first of them."""
    first = FAST.replace("crf: 50", "crf: 40")
    rule = (
        f'rules:\n  - {{name: first, when: {{path: "a/**"}}, encode: {{{first}}}, review: never}}\n'
    )
    library.rules(RULES.format(output="", settings=FAST).replace("rules:\n", rule))
    film = library.add("film.mkv")
    library.run()
    for folder in "az":
        (film.parent / folder).mkdir()
        shutil.copy(film, film.parent / folder)
    film.unlink()
    done = library.run()
    assert (done.moved, encodes(library)) == (1, 1)
    assert library.plan().work == ()


def test_one_target_for_two_films_whose_places_are_not_free(three: SampleLibrary) -> None:
    """The film that does not get it has its own place still taken by what it held before."""
    rules(three, output="copies: encode")
    films = three.folder / "films"
    (films / "a.mkv").rename(films / "aa.mkv")
    shutil.copy(films / "aa.mkv", films / "b.mkv")
    done = three.run()
    assert (done.moved, done.done, done.dropped) == (1, 1, 0)
    assert three.plan().work == ()


def test_no_copy_of_what_is_redone_in_the_same_run(library: SampleLibrary) -> None:
    rules(library)
    library.add("a/film.mkv")
    library.run()
    first = FAST.replace("crf: 50", "crf: 40")
    when = 'when: {path: "a/**"}'
    rule = f"rules:\n  - {{name: first, {when}, encode: {{{first}}}, review: never}}\n"
    library.rules(RULES.format(output="", settings=FAST).replace("rules:\n", rule))
    library.add("b/film.mkv")
    assert set(actions(library.plan().rows).values()) == {PlanAction.ENCODE}
    done = library.run()
    assert (done.done, done.dropped) == (2, 0)


def test_renamed_copy_with_other_rules_shares_the_new_encode(library: SampleLibrary) -> None:
    rules(library, output="orphans: trash")
    films = library.folder / "films"
    for name in "ab":
        library.add(f"{name}.mkv")
    library.run()
    (films / "b.mkv").rename(films / "c.mkv")
    rules(library, output="orphans: trash", settings=FAST.replace("crf: 50", "crf: 45"))
    done = library.run()
    assert (done.moved, done.done, done.copied, done.dropped, done.trashed) == (1, 1, 1, 0, 0)
    assert not library.plan().has_work


def test_film_comes_to_a_stem_whose_target_leaves(three: SampleLibrary) -> None:
    films = three.folder / "films"
    (films / "a.mkv").rename(films / "z.mkv")
    (films / "b.mkv").rename(films / "a.mk3d")
    (films / "c.mkv").rename(films / "b.mk3d")
    assert set(actions(three.plan().rows).values()) == {PlanAction.MOVE}
    assert (three.run().moved, encodes(three)) == (3, 0)
    assert three.plan().work == ()


def test_two_films_come_to_a_stem_whose_target_leaves(three: SampleLibrary) -> None:
    films = three.folder / "films"
    (films / "a.mkv").rename(films / "z.mkv")
    (films / "b.mkv").rename(films / "a.mk3d")
    (films / "c.mkv").rename(films / "a.webm")
    plan = actions(three.plan().rows)
    assert plan.pop("z.mkv") is PlanAction.MOVE
    assert set(plan.values()) == {PlanAction.BLOCKED}
    assert (three.run().moved, encodes(three)) == (1, 0)
    assert set(actions(three.plan().rows).values()) == {PlanAction.BLOCKED, PlanAction.FRESH}


def test_touched_target_is_moved_and_redone(three: SampleLibrary) -> None:
    films = three.folder / "films"
    (films / "a.mkv").rename(films / "z.mkv")
    os.utime(three.target("a.mkv"), ns=(1, 1))
    rules(three, settings=FAST.replace("crf: 50", "crf: 45"))
    done = three.run()
    assert (done.moved, done.done, done.dropped) == (1, 3, 0)


def test_copies_may_be_encoded_each(library: SampleLibrary) -> None:
    rules(library, output="copies: encode")
    library.add("a.mkv")
    library.add("b.mkv")
    assert (library.run().done, encodes(library)) == (2, 2)


def test_copy_of_what_failed_is_left_for_next_time(
    library: SampleLibrary, fake_worker: FakeWorker
) -> None:
    fake_worker.results["films/a.mkv"] = EncodeError("the source is damaged")
    rules(library)
    library.add("a.mkv")
    library.add("b.mkv")
    done = library.run()
    assert (done.failed, done.dropped) == (1, 1)
    assert "was to share was not made" in library.output()


def test_samples_that_agree_by_chance_do_not_share_a_target(
    library: SampleLibrary, tmp_path: Path
) -> None:
    """Same size, same samples, other bytes between: the whole digest decides before sharing."""
    film = tmp_path / "big.mkv"
    shutil.copy(library.clip, film)
    with open(film, "ab") as file:  # an EBML Void element of 1 MiB at the end
        file.write(b"\xec\x01\x00\x00\x00\x00\x10\x00\x00" + bytes(1 << 20))
    rules(library)
    library.add("a.mkv", film)
    twin = library.add("b.mkv", film)
    with open(twin, "r+b") as file:
        file.seek(film.stat().st_size - (1 << 17) - 1000)
        file.write(b"x")
    row = library.row("b.mkv")
    if row.action is not PlanAction.COPY:
        pytest.fail("the samples were meant to agree")
    done = library.run()
    assert (done.done, done.copied) == (2, 0)


def test_touched_source_is_nothing(three: SampleLibrary) -> None:
    os.utime(three.folder / "films" / "a.mkv", ns=(1, 1))
    assert three.plan().work == ()


def test_better_release_under_the_same_name_is_redone(three: SampleLibrary, clip: Path) -> None:
    shutil.copy(clip, three.folder / "films" / "a.mkv")
    assert three.causes("a.mkv") == ("source changed",)
    assert three.run().done == 1


# --- sources that are gone


def test_orphans_are_listed_and_left(three: SampleLibrary) -> None:
    (three.folder / "films" / "a.mkv").unlink()
    plan = three.plan()
    assert [o.cause for o in plan.orphans] == ["its source is gone: films/a.mkv"]
    assert not plan.has_work
    three.run()
    assert three.target("a.mkv").exists()


def test_orphans_go_to_the_trash_if_the_policy_says_so(three: SampleLibrary) -> None:
    rules(three, output="orphans: trash")
    before = three.target("a.mkv").read_bytes()
    (three.folder / "films" / "a.mkv").unlink()
    assert three.plan().has_work
    assert three.run().trashed == 1
    assert not three.target("a.mkv").exists()
    (kept,) = three.kept()
    assert Path(kept.path).read_bytes() == before
    assert three.plan().orphans == ()
    assert not three.plan().has_work


def test_edited_orphan_is_no_work_for_ever(three: SampleLibrary) -> None:
    rules(three, output="orphans: trash")
    with open(three.target("a.mkv"), "ab") as file:
        file.write(b"edited")
    (three.folder / "films" / "a.mkv").unlink()
    (orphan,) = three.plan().orphans
    assert orphan.cause.endswith("left alone: it was changed since it was written")
    assert not three.plan().has_work
    assert three.run().trashed == 0
    assert three.target("a.mkv").exists()


# --- found by a hostile review


def test_other_container_is_encoded_and_the_old_target_is_told(library: SampleLibrary) -> None:
    rules(library)
    library.add("a.mkv")
    library.run()
    rules(library, settings=f"{FAST}, container: mp4")
    assert library.row("a.mkv").action is PlanAction.ENCODE
    assert library.run().done == 1
    (orphan,) = library.plan().orphans
    assert orphan.cause.startswith("its source has another target now: ")
    assert not orphan.to_trash


def test_root_with_another_name_in_the_rules_takes_its_targets_along(
    library: SampleLibrary,
) -> None:
    rules(library, output="copies: encode")
    library.add("a.mkv")
    library.run()
    text = library.rules_file.read_text().replace("[films]", "[{path: films, name: movies}]")
    library.rules(text)
    assert (library.run().moved, encodes(library)) == (1, 0)
    assert (library.folder / "out" / "movies" / "a.mkv").exists()
    assert library.plan().work == ()


def test_orphan_whose_source_may_only_be_settling_is_not_put_aside(three: SampleLibrary) -> None:
    rules(three, output="orphans: trash")
    three.rules(three.rules_file.read_text().replace("settle: 0", "settle: 1h"))
    (three.folder / "films" / "a.mkv").rename(three.folder / "films" / "z.mkv")
    (orphan,) = three.plan().orphans
    assert not orphan.to_trash
    three.run()
    assert three.target("a.mkv").exists()


def test_orphan_that_a_person_put_back_stays(three: SampleLibrary) -> None:
    rules(three, output="orphans: trash")
    (three.folder / "films" / "a.mkv").unlink()
    three.run()
    with (
        open_workspace(three.rules_file, write=False) as workspace,
        start_session(workspace, three.events.append) as session,
    ):
        (result,) = undo(session, find_entries(session.workspace.ledger, ["last"]))
    assert result.refusal is None
    assert three.target("a.mkv").exists()
    assert three.run().trashed == 0
    assert three.target("a.mkv").exists()


def test_orphans_are_not_put_aside_while_a_folder_can_not_be_read(three: SampleLibrary) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    rules(three, output="orphans: trash")
    (three.folder / "films" / "a.mkv").unlink()
    closed = three.folder / "films" / "closed"
    closed.mkdir(mode=0)
    assert not three.plan().has_work


def test_root_moved_to_an_empty_folder_brakes_by_its_targets(three: SampleLibrary) -> None:
    (three.folder / "elsewhere").mkdir()
    text = three.rules_file.read_text().replace("[films]", "[{path: elsewhere, name: films}]")
    three.rules(text)
    (safety_stop,) = three.plan().safety_stops
    assert "empty, but held 3 files" in safety_stop.message


def test_clean_keeps_what_was_made_of_a_renamed_source(three: SampleLibrary) -> None:
    (three.folder / "films" / "b.mkv").replace(three.folder / "films" / "a.mkv")
    row = three.row("a.mkv")
    with pytest.raises(Av1rulesError, match="another content"):
        clean_target(row)
    assert three.target("a.mkv").exists()


def test_orphan_put_back_is_no_word_against_other_targets(three: SampleLibrary) -> None:
    rules(three, output="orphans: trash, copies: encode")
    film = three.folder / "films" / "a.mkv"
    shutil.copy(film, three.folder / "kept.mkv")
    film.unlink()
    assert three.run().trashed == 1
    with (
        open_workspace(three.rules_file, write=False) as workspace,
        start_session(workspace, three.events.append) as session,
    ):
        (done,) = undo(session, find_entries(session.workspace.ledger, ["last"]))
    assert done.refusal is None
    assert three.run().trashed == 0, "a person put it back"
    three.target("a.mkv").unlink()
    three.add("a.mkv", three.folder / "kept.mkv")
    assert three.run().done == 1


# --- targets that are not, or not quite, what the ledger says


BESIDE = (
    "version: 1\nlibrary: {roots: [films], settle: 0}\nrun: {reserve: 0}\n"
    f"rules: [{{name: all, encode: {{{FAST}}}, review: never}}]\n"
)


@pytest.fixture
def beside(library: SampleLibrary) -> SampleLibrary:
    """`s1/a.mkv` with its target beside it."""
    library.rules(BESIDE)
    library.add("s1/a.mkv")
    assert library.run().done == 1
    return library


def test_a_file_that_only_has_the_size_of_the_moved_target_is_another(
    beside: SampleLibrary,
) -> None:
    films = beside.folder / "films"
    (films / "s1").rename(films / "s2")
    target = films / "s2" / "a.av1.mkv"
    content = target.read_bytes()
    target.write_bytes(b"x" * len(content))
    assert beside.row("s2/a.mkv").action is PlanAction.BLOCKED
    target.write_bytes(content)
    assert beside.row("s2/a.mkv").action is PlanAction.MOVE


def test_a_target_that_was_copied_is_not_taken_for_moved(beside: SampleLibrary) -> None:
    """Both places have it: which one is the ledger's is not for a plan to choose."""
    films = beside.folder / "films"
    shutil.copytree(films / "s1", films / "s2")
    (films / "s1" / "a.mkv").unlink()
    assert beside.row("s2/a.mkv").action is PlanAction.BLOCKED


@pytest.mark.parametrize("how", ["gone", "edited", "damaged"])
def test_a_target_that_is_not_as_written_follows_nobody(three: SampleLibrary, how: str) -> None:
    target, films = three.target("a.mkv"), three.folder / "films"
    if how == "gone":
        target.unlink()
    elif how == "edited":
        target.write_bytes(b"edited")
    else:
        found_damaged(three, target)
    (films / "a.mkv").rename(films / "z.mkv")
    row = three.row("z.mkv")
    assert (row.action, row.causes) == (PlanAction.ENCODE, ("new",))


def found_damaged(library: SampleLibrary, target: Path) -> None:
    checked = LastCheck(
        at="2026-01-02T03:04:05Z", ways=frozenset({CheckMethod.DIGEST}), fault="bad checksum"
    )
    ledger = Ledger.open(library.state_dir)
    row = ledger.find(str(target))
    assert row is not None
    assert ledger.checks.put(row, checked)
    ledger.close()


def test_an_edited_target_in_the_way_is_not_put_into_the_trash(three: SampleLibrary) -> None:
    films = three.folder / "films"
    three.target("b.mkv").write_bytes(b"edited")
    (films / "a.mkv").replace(films / "b.mkv")
    assert three.row("b.mkv").action is not PlanAction.MOVE
    before = three.target("a.mkv").read_bytes()
    assert three.run().trashed == 0
    assert three.target("a.mkv").read_bytes() == before


def by_folder(first_crf: int) -> str:
    """Films in `a` have a CRF of their own, all others 50."""
    first = FAST.replace("crf: 50", f"crf: {first_crf}")
    rule = (
        f'rules:\n  - {{name: first, when: {{path: "a/**"}}, encode: {{{first}}}, review: never}}\n'
    )
    return RULES.format(output="", settings=FAST).replace("rules:\n", rule)


def test_settings_that_become_those_of_another_copy_share_its_target(
    library: SampleLibrary,
) -> None:
    library.rules(by_folder(40))
    for name in ("a/film.mkv", "b/film.mkv"):
        library.add(name)
    assert library.run().done == 2
    library.rules(by_folder(50))
    assert actions(library.plan().rows) == {
        "a/film.mkv": PlanAction.COPY, "b/film.mkv": PlanAction.FRESH,
    }  # fmt: skip


def test_of_two_targets_the_one_with_the_wanted_settings_follows(library: SampleLibrary) -> None:
    library.rules(by_folder(40))
    sources = [library.add(name) for name in ("a/film.mkv", "z/film.mkv")]
    assert library.run().done == 2
    for path in sources:
        path.unlink()
    library.add("new.mkv")
    row = library.row("new.mkv")
    assert (row.action, row.causes) == (PlanAction.MOVE, ("moved from films/z/film.mkv",))


def test_settings_that_another_copy_had_until_now_are_encoded_again(
    library: SampleLibrary,
) -> None:
    """The target that has them is redone in the same run; what is redone here keeps its cause."""
    library.rules(by_folder(40))
    for name in ("a/film.mkv", "b/film.mkv"):
        library.add(name)
    assert library.run().done == 2
    library.rules(by_folder(45).replace(FAST, FAST.replace("crf: 50", "crf: 40")))
    assert set(actions(library.plan().rows).values()) == {PlanAction.ENCODE}
    (cause,) = library.causes("b/film.mkv")
    assert cause.startswith("crf 50 -> 40")
    done = library.run()
    assert (done.done, done.copied, done.dropped) == (2, 0, 0)
    assert library.plan().work == ()
