"""Disks that run full, are read-only, or go away in the middle."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from av1rules.base.digest import file_digest
from av1rules.base.errors import LedgerError, UsageError
from av1rules.base.events import JobStarted
from av1rules.graph.planned import PlanAction
from tests.faults.conftest import MakeDisk, mount
from tests.faults.live import all_names, drops, failures, fill, rules, run_with, undo_last
from tests.shelf import Shelf

pytestmark = pytest.mark.real

Clips = Mapping[str, Path]


# --- full


def test_full_in_mid_encode_stops_only_that_file_system(
    shelf: Shelf, make_disk: MakeDisk, tiny_clips: Clips
) -> None:
    small = make_disk()
    rules(shelf, "mode: beside", library=f"roots: ['{small}', films]")
    shutil.copy(tiny_clips["a.mkv"], small / "a.mkv")
    shutil.copy(tiny_clips["b.mkv"], small / "b.mkv")
    shelf.add("c.mkv", tiny_clips["c.mkv"])
    finished = run_with(shelf, on=JobStarted, do=lambda: fill(small))
    name = small.name
    assert (finished.done, finished.failed, finished.dropped) == (1, 1, 1)
    (failure,) = failures(shelf)
    assert failure.source == f"{name}/a.mkv"
    assert failure.hint is not None
    assert "ran full in this run" in drops(shelf)[f"{name}/b.mkv"]
    assert all_names(small) == ["a.mkv", "b.mkv", "filler.bin"]
    (small / "filler.bin").unlink()
    assert [row.causes for row in shelf.plan().work] == [("new",), ("new",)], "nothing is counted"
    assert shelf.run().done == 2


def test_full_while_the_result_is_copied_from_temp_dir(
    shelf: Shelf, make_disk: MakeDisk, tiny_clips: Clips
) -> None:
    out, temp = make_disk(), shelf.folder / "temp"
    rules(shelf, f"mode: mirror, root: '{out}', temp_dir: '{temp}', copies: encode")
    shelf.add("a.mkv", tiny_clips["a.mkv"])
    shelf.add("b.mkv", tiny_clips["b.mkv"])
    finished = run_with(shelf, at="verified", do=lambda: fill(out))
    assert (finished.done, finished.failed, finished.dropped) == (0, 1, 1)
    assert "disk is full" in (failures(shelf)[0].hint or "")
    assert "ran full in this run" in drops(shelf)["films/b.mkv"]
    assert all_names(out, temp) == ["filler.bin"]
    (out / "filler.bin").unlink()
    assert shelf.run().done == 2
    assert shelf.plan().work == ()


@pytest.mark.parametrize("at", ["source read", "encoded", "verified", "prepared", "published"])
def test_full_under_the_ledger(
    shelf: Shelf, make_disk: MakeDisk, tiny_clips: Clips, at: str
) -> None:
    state = make_disk()
    rules(shelf, "mode: mirror, root: out", run=f", state_dir: '{state}'")
    shelf.add("a.mkv", tiny_clips["a.mkv"])
    shelf.add("b.mkv", tiny_clips["b.mkv"])
    with contextlib.suppress(LedgerError):  # the end of the run can't be written either
        run_with(shelf, at=at, do=lambda: fill(state))
    (state / "filler.bin").unlink()
    shelf.run()
    assert shelf.plan().work == ()
    assert shelf.run().done == 0
    assert shelf.leftovers() == []
    assert sorted(p.name for p in shelf.target("").iterdir()) == ["a.mkv", "b.mkv"]


@pytest.mark.parametrize("at", ["verified", "exchange written", "kept aside"])
def test_full_when_the_result_comes_near_in_replace_mode(
    shelf: Shelf, make_disk: MakeDisk, tiny_clips: Clips, at: str
) -> None:
    disk, temp = make_disk(), shelf.folder / "temp"
    rules(shelf, f"mode: replace, temp_dir: '{temp}'", library=f"roots: ['{disk}']")
    shutil.copy(tiny_clips["a.mkv"], disk / "a.mkv")
    original = file_digest(disk / "a.mkv")
    run_with(shelf, at=at, do=lambda: fill(disk))
    there = {file_digest(path) for path in disk.rglob("*.mkv")}
    assert original in there
    assert not list(disk.rglob(".av1rules-[!k]*"))
    (disk / "filler.bin").unlink()
    shelf.run()
    assert [row.action for row in shelf.plan().rows] == [PlanAction.FRESH]
    (kept,) = shelf.kept()
    assert file_digest(kept.path) == original


# --- borders


def test_one_disk_mounted_twice(shelf: Shelf, tiny_clips: Clips) -> None:
    """Bind mounts, as containers have them: one device number, and yet no renames across."""
    disk, films, temp = (shelf.folder / name for name in ("disk", "films", "temp"))
    for folder in (disk, films / "sub", temp):
        folder.mkdir(parents=True, exist_ok=True)
    for name, place in (("one", films / "sub"), ("two", temp)):
        (disk / name).mkdir()
        mount("--bind", str(disk / name), str(place))
    try:
        rules(shelf, f"mode: replace, temp_dir: '{temp}'")
        film = shelf.add("sub/a.mkv", tiny_clips["a.mkv"])
        assert shelf.run().done == 1, shelf.told()
        result = file_digest(film)
        (kept,) = shelf.kept()
        assert file_digest(kept.path) == file_digest(tiny_clips["a.mkv"])
        for wanted in (file_digest(tiny_clips["a.mkv"]), result):
            undo_last(shelf)
            assert file_digest(film) == wanted
            assert len(list(films.rglob("*.mkv"))) == 2, "one in its place, one aside"
            assert shelf.run().done == 0
            assert shelf.plan().work == ()
        assert shelf.leftovers() == []
    finally:
        for place in (films / "sub", temp):
            subprocess.run(["umount", str(place)], check=True)


def test_targets_follow_between_roots_on_one_disk_mounted_twice(
    shelf: Shelf, tiny_clips: Clips
) -> None:
    more, disk = shelf.folder / "more", shelf.folder / "disk"
    for folder in (more, disk):
        folder.mkdir()
    mount("--bind", str(disk), str(more))
    try:
        rules(shelf, "mode: beside", library="roots: [films, more]")
        film = shelf.add("a.mkv", tiny_clips["a.mkv"])
        shutil.copy(tiny_clips["b.mkv"], more / "b.mkv")
        shelf.run()
        shutil.move(film, more / "a.mkv")
        shelf.add("c.mkv", tiny_clips["c.mkv"])
        finished = shelf.run()
        assert (finished.moved, finished.done, finished.dropped) == (1, 1, 0), shelf.told()
        assert all_names(more) == ["a.av1.mkv", "a.mkv", "b.av1.mkv", "b.mkv"]
        assert shelf.plan().work == ()
    finally:
        subprocess.run(["umount", str(more)], check=True)


# --- read-only


@pytest.mark.parametrize("mode", ["mirror", "replace"])
def test_disk_that_becomes_read_only(
    shelf: Shelf, make_disk: MakeDisk, tiny_clips: Clips, mode: str
) -> None:
    disk = make_disk()
    if mode == "mirror":
        rules(shelf, f"mode: mirror, root: '{disk}'")
        film = shelf.add("a.mkv", tiny_clips["a.mkv"])
    else:
        rules(shelf, "mode: replace", library=f"roots: ['{disk}']")
        film = Path(shutil.copy(tiny_clips["a.mkv"], disk / "a.mkv"))
    digest = file_digest(film)
    finished = run_with(shelf, at="verified", do=lambda: mount("-o", "remount,ro", str(disk)))
    assert (finished.done, finished.failed) == (0, 1)
    assert "read-only" in (failures(shelf)[0].hint or "")
    assert file_digest(film) == digest
    assert shelf.run().failed == 1, "and from the start: told, not tried"
    mount("-o", "remount,rw", str(disk))
    assert shelf.row("a.mkv").causes == ("new",), "nothing is counted against the film"
    assert shelf.run().done == 1
    assert not list(disk.rglob(".av1rules-[!k]*"))
    assert shelf.plan().work == ()


# --- gone


@pytest.mark.parametrize("at", ["source read", "encoded", "verified", "prepared"])
def test_output_unmounted_in_mid_run_is_not_written_below(
    shelf: Shelf, make_disk: MakeDisk, tiny_clips: Clips, at: str
) -> None:
    out = make_disk(shelf.folder / "out")
    (out / "something").touch()
    rules(shelf, "mode: mirror, root: out, copies: encode")
    for name in ("a.mkv", "b.mkv"):
        shelf.add(name, tiny_clips[name])

    def unmount() -> None:
        subprocess.run(["umount", "-l", str(out)], check=True)

    finished = run_with(shelf, at=at, do=unmount)
    assert finished.done == 0, "the disk below the mount point got a target"
    assert all_names(out) == []
    assert shelf.ledger_rows() == ()


def test_disk_that_is_away_at_recovery_and_comes_back(
    shelf: Shelf, make_disk: MakeDisk, tiny_clips: Clips
) -> None:
    disk, out = make_disk(), shelf.folder / "out"
    out.mkdir()
    mount("--bind", str(disk), str(out))
    (disk / "something").touch()
    rules(shelf, "mode: mirror, root: out")
    shelf.add("a.mkv", tiny_clips["a.mkv"])
    kill = [sys.executable, "-m", "tests.faults.driver", str(shelf.rules_file), "-published", "run"]
    done = subprocess.run(kill, cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == -9
    subprocess.run(["umount", str(out)], check=True)
    plan = shelf.plan()
    if not plan.brakes:  # the ledger knew no target there yet
        rules(shelf, "mode: mirror, root: out", library="roots: [films], exclude: ['**']")
    shelf.run()
    assert "waits for its disk" in shelf.told()
    assert all_names(out) == []
    mount("--bind", str(disk), str(out))
    rules(shelf, "mode: mirror, root: out")
    inode = os.stat(out / "films" / "a.mkv").st_ino
    assert shelf.run().done == 0
    assert "took up" in shelf.told()
    assert os.stat(out / "films" / "a.mkv").st_ino == inode
    assert shelf.plan().work == ()
    assert all_names(disk) == ["films/a.mkv", "something"]
    subprocess.run(["umount", str(out)], check=True)


def test_root_emptied_between_plan_and_run(shelf: Shelf, tiny_clips: Clips) -> None:
    rules(shelf, "mode: mirror, root: out, orphans: trash, copies: encode")
    for name in ("a.mkv", "b.mkv"):
        shelf.add(name, tiny_clips[name])
    shelf.run()
    shelf.add("c.mkv", tiny_clips["c.mkv"])
    before = {path: file_digest(path) for path in shelf.target("").glob("*.mkv")}

    def empty() -> None:
        shutil.rmtree(shelf.folder / "films")
        (shelf.folder / "films").mkdir()

    finished = run_with(shelf, after_plan=empty)
    assert (finished.dropped, finished.aside) == (1, 0)
    assert "gone" in drops(shelf)["films/c.mkv"]
    with pytest.raises(UsageError):
        shelf.run()
    assert {path: file_digest(path) for path in shelf.target("").glob("*.mkv")} == before


def test_trash_deleted_by_the_user(shelf: Shelf, tiny_clips: Clips) -> None:
    rules(shelf, "mode: replace, originals: keep for 30d")
    film = shelf.add("a.mkv", tiny_clips["a.mkv"])
    shelf.run()
    result = file_digest(film)
    shutil.rmtree(shelf.folder / "films" / ".av1rules-kept")
    assert shelf.run().failed == 0
    assert [row.action for row in shelf.plan().rows] == [PlanAction.FRESH]
    assert file_digest(film) == result
    shelf.add("b.mkv", tiny_clips["b.mkv"])
    assert shelf.run().done == 1


def test_original_deleted_by_a_run_that_died_before_its_note(
    shelf: Shelf, tiny_clips: Clips
) -> None:
    rules(shelf, "mode: replace")
    shelf.add("a.mkv", tiny_clips["a.mkv"])
    shelf.run()
    (kept,) = shelf.kept()
    os.unlink(kept.path)
    rules(shelf, "mode: replace, originals: delete after verify")
    shelf.run()
    assert shelf.kept() == ()
    assert "was gone already" in shelf.told()
    shelf.run()
    assert "gone" not in shelf.told()
