"""A mirror that is complete: what is not encoded stands in it, follows its sources, and gives way
to targets. With a fake encoder; sources and mirror are real."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from av1rules.base.errors import EncodeError, UsageError
from av1rules.plan.context import PlanRequest
from av1rules.plan.items import PlanAction
from av1rules.plan.rest.items import PlaceCause, RemovalCause, RestProblemKind
from av1rules.policy.model import Rest
from tests.conftest import MakeClip
from tests.fakes.worker import FakeClips, FakeWorker
from tests.mirror_shelf import Shelf
from tests.sample_library import Disk, SampleLibrary

LINKS = ("hardlink", "symlink")


@pytest.fixture
def make_clip(fake_clips: FakeClips) -> MakeClip:
    return fake_clips


@pytest.fixture
def shelf(library: SampleLibrary, make_clip: MakeClip) -> Shelf:
    return Shelf(library, make_clip)


def require_idle(shelf: Shelf) -> None:
    """Nothing is left to do, and a second run does nothing."""
    plan = shelf.library.plan()
    assert not plan.has_work
    assert shelf.run().run is None
    assert shelf.library.leftovers() == []


@pytest.mark.parametrize("rest", ["hardlink", "symlink", "copy"])
def test_all_that_is_not_encoded_stands_in_the_mirror(rest: str, shelf: Shelf) -> None:
    shelf.rules(rest)
    for name in ("a.mkv", "kept.mp4", "sub/kept2.mkv"):
        shelf.film(name)
    for name in ("a.srt", "sub/poster.jpg", "sub/theme/theme.mp3", "tvshow.nfo"):
        shelf.side(name)
    plan = shelf.plan()
    assert {Path(one.path).name for one in plan.to_place if one.is_film} == {
        "a.mkv", "kept.mp4", "kept2.mkv",
    }  # fmt: skip
    assert all(one.cause is PlaceCause.NEW for one in plan.to_place)
    finished = shelf.run()
    assert (finished.done, finished.not_placed) == (1, 0)
    assert finished.placed == (6 if rest == "copy" else 7), "no copy of a film that is encoded now"
    assert shelf.names() == {
        "a.mkv", "a.srt", "kept.mp4", "sub/kept2.mkv", "sub/poster.jpg", "sub/theme/theme.mp3",
        "tvshow.nfo",
    }  # fmt: skip
    for name in shelf.names() - {"a.mkv"}:
        assert shelf.stands(name), name
    assert shelf.library.row("a.mkv").action is PlanAction.FRESH
    assert len(shelf.rows()) == 6
    assert shelf.plan().in_place == 6
    require_idle(shelf)


def test_a_run_with_nothing_to_encode_links_too(shelf: Shelf) -> None:
    shelf.rules("hardlink")
    shelf.film("kept.mkv")
    finished = shelf.run()
    assert (finished.done, finished.placed, finished.run) == (0, 1, 1)
    assert shelf.stands("kept.mkv")


@pytest.mark.parametrize("rest", ["hardlink", "symlink", "copy"])
def test_no_source_is_touched(
    rest: str, shelf: Shelf, snapshot: Callable[[Path], Disk], fake_worker: FakeWorker
) -> None:
    """Bytes, mtime, mode and owner stay through linking, encoding over a link, and removal."""
    shelf.rules(rest)
    for name in ("a.mkv", "b.mp4", "kept.mkv"):
        os.chmod(shelf.film(name), 0o440)
    shelf.side("a.srt").chmod(0o400)
    films = shelf.library.folder / "films"

    def state() -> tuple[Disk, dict[str, tuple[int, int, int]]]:
        stats = {path.name: path.stat() for path in films.iterdir()}
        return snapshot(films), {
            name: (found.st_mode, found.st_uid, found.st_ino) for name, found in stats.items()
        }

    before = state()
    fake_worker.results["films/a.mkv"] = EncodeError("crash")
    fake_worker.results["films/b.mp4"] = EncodeError("crash")
    shelf.run()
    assert shelf.names() == {"a.mkv", "b.mp4", "kept.mkv", "a.srt"}
    fake_worker.results.clear()
    shelf.run()
    assert shelf.names() == {"a.mkv", "b.mkv", "kept.mkv", "a.srt"}
    shelf.rules("leave")
    assert shelf.run().taken_out == 2
    assert shelf.names() == {"a.mkv", "b.mkv"}
    assert state() == before


@pytest.mark.parametrize("rest", ["hardlink", "symlink", "copy"])
def test_a_film_that_failed_stands_in_the_mirror_until_it_is_encoded(
    rest: str, shelf: Shelf, fake_worker: FakeWorker
) -> None:
    shelf.rules(rest)
    for name in ("same.mkv", "other.mp4"):
        shelf.film(name)
        fake_worker.results[f"films/{name}"] = EncodeError("crash")
    assert shelf.run().failed == 2
    assert shelf.stands("same.mkv")
    assert shelf.stands("other.mp4")
    fake_worker.results.clear()
    finished = shelf.run()
    assert (finished.done, finished.placed) == (2, 0)
    assert shelf.names() == {"same.mkv", "other.mkv"}, "found once"
    assert {row.action for row in shelf.library.plan().rows} == {PlanAction.FRESH}
    assert shelf.rows() == []
    require_idle(shelf)


@pytest.mark.parametrize("rest", ["hardlink", "symlink", "copy"])
def test_a_film_is_found_at_every_moment_and_never_twice(
    rest: str, shelf: Shelf, fake_worker: FakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked at after each call that changes a name, as a media server might."""
    shelf.rules(rest)
    shelf.film("a.mkv")
    shelf.film("b.mp4")
    for name in ("a.mkv", "b.mp4"):
        fake_worker.results[f"films/{name}"] = EncodeError("crash")
    shelf.run()
    seen: list[frozenset[str]] = []

    def watched(call: Callable[..., None]) -> Callable[..., None]:
        def changed(*given: object, **more: object) -> None:
            call(*given, **more)
            names = {path.name for path in shelf.at("").iterdir()}
            seen.append(frozenset(name for name in names if not name.startswith(".")))

        return changed

    for name in ("rename", "replace", "unlink", "link", "symlink"):
        monkeypatch.setattr(os, name, watched(getattr(os, name)))
    fake_worker.results.clear()
    assert shelf.run().done == 2
    assert {frozenset({"a.mkv", "b.mp4"}), frozenset({"a.mkv", "b.mkv"})} == set(seen)


@pytest.mark.parametrize("rest", ["hardlink", "symlink", "copy"])
def test_a_stand_in_follows_its_renamed_source(rest: str, shelf: Shelf) -> None:
    shelf.rules(rest)
    shelf.film("kept.mkv")
    shelf.side("old/kept.srt")
    shelf.run()
    before = shelf.at("kept.mkv").lstat()
    shelf.source("kept.mkv").rename(shelf.source("kept too.mkv"))
    shelf.source("old").rename(shelf.source("new"))
    plan = shelf.plan()
    assert [one.cause for one in plan.to_place] == [PlaceCause.RENAMED] * 2
    assert plan.to_remove == ()
    shelf.run()
    assert shelf.names() == {"kept too.mkv", "new/kept.srt"}
    assert shelf.stands("kept too.mkv")
    if rest != "symlink":
        assert shelf.at("kept too.mkv").lstat().st_ino == before.st_ino, "renamed, not made again"
    assert not shelf.at("old").exists(), "no empty folder is left"
    require_idle(shelf)


@pytest.mark.parametrize("rest", LINKS)
def test_swapped_names(rest: str, shelf: Shelf) -> None:
    shelf.rules(rest)
    for name in ("kept1.mkv", "kept2.mkv"):
        shelf.film(name)
    shelf.run()
    for old, new in (("kept1", "x"), ("kept2", "kept1"), ("x", "kept2")):
        shelf.source(f"{old}.mkv").rename(shelf.source(f"{new}.mkv"))
    shelf.run()
    assert shelf.stands("kept1.mkv")
    assert shelf.stands("kept2.mkv")
    require_idle(shelf)


@pytest.mark.parametrize("rest", ["hardlink", "symlink", "copy"])
def test_a_better_file_under_the_same_name(rest: str, shelf: Shelf, make_clip: MakeClip) -> None:
    shelf.rules(rest)
    source = shelf.film("kept.mkv")
    shelf.run()
    source.unlink()
    shutil.copy(make_clip("better.mkv"), source)
    plan = shelf.plan()
    expected = [] if rest == "symlink" else [PlaceCause.REPLACED]
    assert [one.cause for one in plan.to_place] == expected
    shelf.run()
    assert shelf.stands("kept.mkv")
    require_idle(shelf)


def test_an_edit_in_place_changes_nothing_for_links(shelf: Shelf) -> None:
    shelf.rules("hardlink")
    shelf.film("kept.mkv")
    note = shelf.side("kept.nfo")
    shelf.run()
    with note.open("a") as file:
        file.write("more")
    assert not shelf.plan().has_work
    note.unlink()
    assert not shelf.plan().to_remove, "the last name of what was written since: left to the user"


@pytest.mark.parametrize("rest", ["hardlink", "symlink", "copy"])
def test_what_is_deleted_in_the_library_goes(rest: str, shelf: Shelf) -> None:
    shelf.rules(rest)
    for name in ("kept1.mkv", "kept2.mkv", "sub/kept3.mkv"):
        shelf.film(name)
    shelf.side("sub/kept3.srt")
    shelf.run()
    shutil.rmtree(shelf.source("sub"))
    plan = shelf.plan()
    assert [one.cause for one in plan.to_remove] == [RemovalCause.SOURCE_GONE] * 2
    assert shelf.run().taken_out == 2
    assert shelf.names() == {"kept1.mkv", "kept2.mkv"}
    assert not shelf.at("sub").exists()
    require_idle(shelf)


@pytest.mark.parametrize("before", ["hardlink", "symlink", "copy"])
@pytest.mark.parametrize("after", ["hardlink", "symlink", "copy", "leave"])
def test_another_kind_replaces_what_is_there(before: str, after: str, shelf: Shelf) -> None:
    shelf.rules(before)
    shelf.film("kept.mkv")
    shelf.side("kept.srt")
    shelf.run()
    shelf.rules(after)
    shelf.run()
    if after == "leave":
        assert shelf.names() == set()
    else:
        assert shelf.stands("kept.mkv")
        assert shelf.stands("kept.srt")
    require_idle(shelf)


def test_a_film_that_is_left_alone_again_keeps_its_target(shelf: Shelf) -> None:
    shelf.rules("hardlink")
    shelf.film("a.mp4")
    shelf.run()
    shelf.library.rules(shelf.library.rules_file.read_text().replace("**/kept*", "**/a*"))
    assert shelf.library.row("a.mp4").action is PlanAction.LEFT_ALONE
    assert shelf.plan().to_place == ()
    shelf.run()
    assert shelf.names() == {"a.mkv"}
    shelf.at("a.mkv").unlink()
    shelf.run()
    assert shelf.names() == {"a.mp4"}


def test_a_lost_link_is_made_again(shelf: Shelf) -> None:
    shelf.rules("hardlink")
    shelf.film("kept.mkv")
    shelf.run()
    shelf.at("kept.mkv").unlink()
    assert [one.cause for one in shelf.plan().to_place] == [PlaceCause.LOST]
    shelf.run()
    assert shelf.stands("kept.mkv")


@pytest.mark.parametrize("rest", ["hardlink", "symlink", "copy"])
def test_a_file_of_the_user_is_never_touched(rest: str, shelf: Shelf) -> None:
    shelf.rules(rest)
    shelf.film("kept.mkv")
    shelf.at("kept.mkv").parent.mkdir(parents=True)
    shelf.at("kept.mkv").write_text("mine")
    (problem,) = shelf.plan().problems
    assert (problem.kind, problem.path) == (RestProblemKind.TAKEN, str(shelf.at("kept.mkv")))
    finished = shelf.run()
    assert (finished.placed, finished.not_placed) == (0, 0)
    assert shelf.at("kept.mkv").read_text() == "mine"
    shelf.source("kept.mkv").unlink()
    shelf.film("kept2.mkv")
    shelf.run()
    assert shelf.at("kept.mkv").read_text() == "mine"


@pytest.mark.parametrize("rest", ["hardlink", "symlink", "copy"])
def test_what_a_user_puts_over_a_stand_in_stays(rest: str, shelf: Shelf) -> None:
    shelf.rules(rest)
    shelf.film("kept.mkv")
    shelf.run()
    mine = shelf.library.folder / "mine.txt"  # beside it first: an inode is soon used again
    mine.write_text("mine")
    mine.replace(shelf.at("kept.mkv"))
    assert [one.kind for one in shelf.plan().problems] == [RestProblemKind.CHANGED]
    shelf.film("kept2.mkv")
    shelf.run()
    assert shelf.at("kept.mkv").read_text() == "mine"
    shelf.source("kept.mkv").unlink()
    shelf.run()
    assert shelf.at("kept.mkv").read_text() == "mine"
    shelf.rules("leave")
    shelf.run()
    assert shelf.names() == {"kept.mkv"}


def test_a_target_in_the_place_of_a_user_s_file_is_still_blocked(shelf: Shelf) -> None:
    shelf.rules("hardlink")
    shelf.film("a.mp4")
    shelf.at("a.mkv").parent.mkdir(parents=True)
    shelf.at("a.mkv").write_text("mine")
    shelf.run()
    assert shelf.names() == {"a.mkv"}, "not found twice"
    assert shelf.at("a.mkv").read_text() == "mine"
    assert shelf.library.row("a.mp4").action is PlanAction.BLOCKED


def test_a_target_comes_before_a_film_that_only_stands_there(
    shelf: Shelf, fake_worker: FakeWorker
) -> None:
    """kept.mkv is left alone, and kept.mp4 (by another rule now) has its name as a target."""
    shelf.rules("hardlink")
    shelf.film("kept.mkv")
    shelf.run()
    assert shelf.stands("kept.mkv")
    shelf.library.rules(shelf.library.rules_file.read_text().replace("**/kept*", "**/kept*.mkv"))
    shelf.film("kept.mp4")
    finished = shelf.run()
    assert finished.done == 1
    assert shelf.names() == {"kept.mkv"}
    assert shelf.library.row("kept.mp4").action is PlanAction.FRESH
    (problem,) = shelf.plan().problems
    assert problem.kind is RestProblemKind.IS_TARGET
    assert shelf.source("kept.mkv").exists()
    require_idle(shelf)


def test_two_films_with_one_target_both_stand_there(shelf: Shelf) -> None:
    shelf.rules("hardlink")
    shelf.film("a.mkv")
    shelf.film("a.mp4")
    shelf.run()
    assert {row.action for row in shelf.library.plan().rows} == {PlanAction.BLOCKED}
    assert shelf.names() == {"a.mkv", "a.mp4"}
    shelf.source("a.mkv").unlink()
    assert shelf.run().done == 1
    assert shelf.names() == {"a.mkv"}
    assert shelf.library.row("a.mp4").action is PlanAction.FRESH
    require_idle(shelf)


def test_targets_and_stand_ins_move_together(shelf: Shelf) -> None:
    shelf.rules("hardlink")
    shelf.film("s/a.mkv")
    shelf.film("s/kept.mkv")
    shelf.side("s/a.srt")
    shelf.run()
    shelf.source("s").rename(shelf.source("t"))
    finished = shelf.run()
    assert (finished.done, finished.moved) == (0, 1)
    assert shelf.names() == {"t/a.mkv", "t/kept.mkv", "t/a.srt"}
    assert shelf.stands("t/a.srt")
    require_idle(shelf)


def test_markers_litter_and_excluded_files_stay_out(shelf: Shelf) -> None:
    shelf.rules("hardlink", library=', exclude: ["**/private/**"], min_size: 1GB')
    shelf.film("a.mkv")
    shelf.film("b.mkv")
    shelf.film("private/c.mkv")
    for name in (
        "a.mkv.av1skip", "private/c.srt", ".DS_Store", "._a.srt", "x.part", "a.mkv.av1rules.json",
        "a.srt",
    ):  # fmt: skip
        shelf.side(name)
    shelf.source("link.srt").symlink_to(shelf.source("a.srt"))
    shelf.run()
    assert shelf.names() == {"a.mkv", "b.mkv", "a.srt"}, "marked and too small ones are in it"
    shelf.rules("hardlink", library=', exclude: ["**/private/**", "**/b.*"], min_size: 1GB')
    assert [one.cause for one in shelf.plan().to_remove] == [RemovalCause.LEFT_OUT]
    shelf.run()
    assert shelf.names() == {"a.mkv", "a.srt"}


def test_with_include_side_files_belong_to_the_folders_of_its_films(shelf: Shelf) -> None:
    shelf.rules("hardlink", library=', include: ["shows/**/*.mkv"]')
    shelf.film("shows/one/kept.mkv")
    shelf.film("movies/kept.mkv")
    for name in ("shows/tvshow.nfo", "shows/one/Subs/en.srt", "movies/kept.srt", "shows/two/x.srt"):
        shelf.side(name)
    shelf.run()
    assert shelf.names() == {
        "shows/one/kept.mkv", "shows/tvshow.nfo", "shows/one/Subs/en.srt",
    }  # fmt: skip


def test_many_lost_sources_stop_the_run(shelf: Shelf) -> None:
    shelf.rules("symlink")
    shelf.film("kept.mkv")
    for number in range(12):
        shelf.side(f"sub/{number}.srt")
    shelf.run()
    shutil.rmtree(shelf.source("sub"))
    with pytest.raises(UsageError, match="12 of 13 known files are gone"):
        shelf.run()
    assert len(shelf.names()) == 13
    shelf.run(accept_missing=True)
    assert shelf.names() == {"kept.mkv"}


def test_a_root_that_is_not_mounted_loses_nothing(shelf: Shelf) -> None:
    shelf.rules("symlink")
    shelf.film("kept.mkv")
    shelf.side("kept.srt")
    shelf.run()
    shelf.source("").rename(shelf.library.folder / "elsewhere")
    with pytest.raises(UsageError):
        shelf.run()
    shelf.run(accept_missing=True)
    assert shelf.names() == {"kept.mkv", "kept.srt"}


def test_a_run_of_some_paths_leaves_the_others(shelf: Shelf) -> None:
    shelf.rules("hardlink")
    for name in ("one/kept.mkv", "two/kept.mkv"):
        shelf.film(name)
    shelf.run(shelf.source("one"))
    assert shelf.names() == {"one/kept.mkv"}
    shelf.run()
    shutil.rmtree(shelf.source("two"))
    shelf.run(shelf.source("one"))
    assert shelf.names() == {"one/kept.mkv", "two/kept.mkv"}
    shelf.source("one/kept.mkv").rename(shelf.source("one/kept9.mkv"))
    shelf.run(shelf.source("one"))
    assert shelf.names() == {"one/kept9.mkv", "two/kept.mkv"}
    plan = shelf.library.plan_for(PlanRequest(only=("all",)))
    assert not plan.rest.has_work


def test_a_link_of_ours_does_not_make_a_source_look_new(
    shelf: Shelf, fake_worker: FakeWorker
) -> None:
    """A hard link changes the ctime of the source: neither `settle` nor the caches take that for
    a change."""
    shelf.rules("hardlink")
    old = time.time() - 3600
    for name in ("a.mkv", "kept.mkv"):
        os.utime(shelf.film(name), (old, old))
    time.sleep(1.1)  # so that only a link makes them look newer than a second
    fake_worker.results["films/a.mkv"] = EncodeError("crash")
    shelf.run()
    shelf.rules("hardlink", settle="1")
    actions = [row.action for row in shelf.library.plan().rows]
    assert actions == [PlanAction.ENCODE, PlanAction.LEFT_ALONE]
    assert shelf.library.causes("kept.mkv") == ("as it is",)
    for rest in ("symlink", "hardlink", "leave"):
        shelf.rules(rest)
        shelf.run()
        shelf.rules(rest, settle="1")
        assert shelf.library.causes("kept.mkv") == ("as it is",)
    shelf.source("kept.mkv").touch()
    assert "library.settle" in shelf.library.causes("kept.mkv")[0]


def test_side_files_that_are_carried_are_left_to_it(shelf: Shelf) -> None:
    shelf.rules("copy", output=", side_files: carry")
    shelf.film("a.mp4")
    for name in ("a.en.srt", "a.mp4.nfo"):
        shelf.side(name)
    shelf.run()
    assert shelf.names() == {"a.mkv", "a.en.srt", "a.mp4.nfo", "a.mkv.nfo"}
    require_idle(shelf)


@pytest.mark.parametrize(
    ("rest", "call", "number", "remedy"),
    [
        ("hardlink", "link", errno.EXDEV, "use output.rest: symlink or copy"),
        ("hardlink", "link", errno.EPERM, "fs.protected_hardlinks"),
        ("hardlink", "link", errno.EMLINK, "as many hard links"),
        ("symlink", "symlink", errno.EPERM, "no symbolic links: use output.rest: hardlink"),
    ],
)
def test_what_can_not_be_done_is_told_once_with_the_remedy(
    rest: str,
    call: str,
    number: int,
    remedy: str,
    shelf: Shelf,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(*_given: object, **_more: object) -> None:
        raise OSError(number, os.strerror(number))

    shelf.rules(rest)
    for count in range(3):
        shelf.film(f"kept{count}.mkv")
    monkeypatch.setattr(os, call, refused)
    finished = shelf.run()
    assert (finished.placed, finished.not_placed) == (0, 3)
    (line,) = [
        one
        for one in shelf.library.output().splitlines()
        if "not put into" in one and "first" in one
    ]
    assert remedy in line
    assert "3 files" in line
    assert shelf.names() == set(), "and nothing else is done instead"


def test_a_copy_needs_space_beside_the_reserve(shelf: Shelf) -> None:
    shelf.rules("copy")
    shelf.library.rules(
        shelf.library.rules_file.read_text().replace("reserve: 0", "reserve: 900TB")
    )
    shelf.film("kept.mkv")
    finished = shelf.run()
    assert (finished.placed, finished.not_placed) == (0, 1)
    assert "not enough space" in shelf.library.output()
    assert shelf.library.leftovers() == []


def test_copies_have_the_times_and_modes_of_their_sources(shelf: Shelf) -> None:
    shelf.rules("copy")
    source = shelf.film("kept.mkv")
    source.chmod(0o640)
    os.utime(source, ns=(1, 1_600_000_000_123_456_789))
    shelf.run()
    found, wanted = shelf.at("kept.mkv").stat(), source.stat()
    assert (found.st_mtime_ns, found.st_mode) == (wanted.st_mtime_ns, wanted.st_mode)


def test_links_are_relative_where_library_and_mirror_have_a_folder_in_common(shelf: Shelf) -> None:
    shelf.rules("symlink")
    shelf.film("sub/kept.mkv")
    shelf.run()
    assert os.readlink(shelf.at("sub/kept.mkv")) == "../../../films/sub/kept.mkv"
    moved = shelf.library.folder.rename(shelf.library.folder.with_name("mounted elsewhere"))
    assert (moved / "out/films/sub/kept.mkv").read_bytes() == (
        moved / "films/sub/kept.mkv"
    ).read_bytes()


def test_the_kinds_of_the_rules() -> None:
    assert [kind.value for kind in Rest] == ["leave", "hardlink", "symlink", "reflink", "copy"]
