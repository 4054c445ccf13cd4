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

from av1rules.base.errors import LedgerError, UsageError
from av1rules.base.events import JobStarted
from av1rules.base.hashing import file_digest
from av1rules.plan.items import PlanAction
from tests.faults.conftest import MakeDisk, mount
from tests.faults.live import all_names, drops, failures, fill, rules, run_with, undo_last
from tests.sample_library import SampleLibrary

pytestmark = pytest.mark.real

Clips = Mapping[str, Path]


# --- full


def test_full_in_mid_encode_stops_only_that_file_system(
    library: SampleLibrary, make_disk: MakeDisk, tiny_clips: Clips
) -> None:
    small = make_disk()
    rules(library, "mode: beside", library=f"roots: ['{small}', films]")
    shutil.copy(tiny_clips["a.mkv"], small / "a.mkv")
    shutil.copy(tiny_clips["b.mkv"], small / "b.mkv")
    library.add("c.mkv", tiny_clips["c.mkv"])
    finished = run_with(library, on=JobStarted, do=lambda: fill(small))
    name = small.name
    assert (finished.done, finished.failed, finished.dropped) == (1, 1, 1)
    (failure,) = failures(library)
    assert failure.source == f"{name}/a.mkv"
    assert failure.hint is not None
    assert "ran full in this run" in drops(library)[f"{name}/b.mkv"]
    assert all_names(small) == ["a.mkv", "b.mkv", "filler.bin"]
    (small / "filler.bin").unlink()
    assert [row.causes for row in library.plan().work] == [("new",), ("new",)], "nothing is counted"
    assert library.run().done == 2


def test_full_while_the_result_is_copied_from_temp_dir(
    library: SampleLibrary, make_disk: MakeDisk, tiny_clips: Clips
) -> None:
    out, temp = make_disk(), library.folder / "temp"
    rules(library, f"mode: mirror, root: '{out}', temp_dir: '{temp}', copies: encode")
    library.add("a.mkv", tiny_clips["a.mkv"])
    library.add("b.mkv", tiny_clips["b.mkv"])
    finished = run_with(library, at="verified", do=lambda: fill(out))
    assert (finished.done, finished.failed, finished.dropped) == (0, 1, 1)
    assert "disk is full" in (failures(library)[0].hint or "")
    assert "ran full in this run" in drops(library)["films/b.mkv"]
    assert all_names(out, temp) == ["filler.bin"]
    (out / "filler.bin").unlink()
    assert library.run().done == 2
    assert library.plan().work == ()


@pytest.mark.parametrize("at", ["source read", "encoded", "verified", "prepared", "published"])
def test_full_under_the_ledger(
    library: SampleLibrary, make_disk: MakeDisk, tiny_clips: Clips, at: str
) -> None:
    state = make_disk()
    rules(library, "mode: mirror, root: out", run=f", state_dir: '{state}'")
    library.add("a.mkv", tiny_clips["a.mkv"])
    library.add("b.mkv", tiny_clips["b.mkv"])
    with contextlib.suppress(LedgerError):  # the end of the run can't be written either
        run_with(library, at=at, do=lambda: fill(state))
    (state / "filler.bin").unlink()
    library.run()
    assert library.plan().work == ()
    assert library.run().done == 0
    assert library.leftovers() == []
    assert sorted(p.name for p in library.target("").iterdir()) == ["a.mkv", "b.mkv"]


@pytest.mark.parametrize("at", ["verified", "exchange written", "kept aside"])
def test_full_when_the_result_comes_near_in_replace_mode(
    library: SampleLibrary, make_disk: MakeDisk, tiny_clips: Clips, at: str
) -> None:
    disk, temp = make_disk(), library.folder / "temp"
    rules(library, f"mode: replace, temp_dir: '{temp}'", library=f"roots: ['{disk}']")
    shutil.copy(tiny_clips["a.mkv"], disk / "a.mkv")
    original = file_digest(disk / "a.mkv")
    run_with(library, at=at, do=lambda: fill(disk))
    there = {file_digest(path) for path in disk.rglob("*.mkv")}
    assert original in there
    assert not list(disk.rglob(".av1rules-[!k]*"))
    (disk / "filler.bin").unlink()
    library.run()
    assert [row.action for row in library.plan().rows] == [PlanAction.FRESH]
    (kept,) = library.kept()
    assert file_digest(kept.path) == original


# --- borders


def test_one_disk_mounted_twice(library: SampleLibrary, tiny_clips: Clips) -> None:
    """Bind mounts, as containers have them: one device number, and yet no renames across."""
    disk, films, temp = (library.folder / name for name in ("disk", "films", "temp"))
    for folder in (disk, films / "sub", temp):
        folder.mkdir(parents=True, exist_ok=True)
    for name, place in (("one", films / "sub"), ("two", temp)):
        (disk / name).mkdir()
        mount("--bind", str(disk / name), str(place))
    try:
        rules(library, f"mode: replace, temp_dir: '{temp}'")
        film = library.add("sub/a.mkv", tiny_clips["a.mkv"])
        assert library.run().done == 1, library.output()
        result = file_digest(film)
        (kept,) = library.kept()
        assert file_digest(kept.path) == file_digest(tiny_clips["a.mkv"])
        for wanted in (file_digest(tiny_clips["a.mkv"]), result):
            undo_last(library)
            assert file_digest(film) == wanted
            assert len(list(films.rglob("*.mkv"))) == 2, "one in its place, one in the trash"
            assert library.run().done == 0
            assert library.plan().work == ()
        assert library.leftovers() == []
    finally:
        for place in (films / "sub", temp):
            subprocess.run(["umount", str(place)], check=True)


def test_targets_follow_between_roots_on_one_disk_mounted_twice(
    library: SampleLibrary, tiny_clips: Clips
) -> None:
    more, disk = library.folder / "more", library.folder / "disk"
    for folder in (more, disk):
        folder.mkdir()
    mount("--bind", str(disk), str(more))
    try:
        rules(library, "mode: beside", library="roots: [films, more]")
        film = library.add("a.mkv", tiny_clips["a.mkv"])
        shutil.copy(tiny_clips["b.mkv"], more / "b.mkv")
        library.run()
        shutil.move(film, more / "a.mkv")
        library.add("c.mkv", tiny_clips["c.mkv"])
        finished = library.run()
        assert (finished.moved, finished.done, finished.dropped) == (1, 1, 0), library.output()
        assert all_names(more) == ["a.av1.mkv", "a.mkv", "b.av1.mkv", "b.mkv"]
        assert library.plan().work == ()
    finally:
        subprocess.run(["umount", str(more)], check=True)


# --- read-only


@pytest.mark.parametrize("mode", ["mirror", "replace"])
def test_disk_that_becomes_read_only(
    library: SampleLibrary, make_disk: MakeDisk, tiny_clips: Clips, mode: str
) -> None:
    disk = make_disk()
    if mode == "mirror":
        rules(library, f"mode: mirror, root: '{disk}'")
        film = library.add("a.mkv", tiny_clips["a.mkv"])
    else:
        rules(library, "mode: replace", library=f"roots: ['{disk}']")
        film = Path(shutil.copy(tiny_clips["a.mkv"], disk / "a.mkv"))
    digest = file_digest(film)
    finished = run_with(library, at="verified", do=lambda: mount("-o", "remount,ro", str(disk)))
    assert (finished.done, finished.failed) == (0, 1)
    assert "read-only" in (failures(library)[0].hint or "")
    assert file_digest(film) == digest
    assert library.run().failed == 1, "and from the start: told, not tried"
    mount("-o", "remount,rw", str(disk))
    assert library.row("a.mkv").causes == ("new",), "nothing is counted against the film"
    assert library.run().done == 1
    assert not list(disk.rglob(".av1rules-[!k]*"))
    assert library.plan().work == ()


# --- gone


@pytest.mark.parametrize("at", ["source read", "encoded", "verified", "prepared"])
def test_output_unmounted_in_mid_run_is_not_written_below(
    library: SampleLibrary, make_disk: MakeDisk, tiny_clips: Clips, at: str
) -> None:
    out = make_disk(library.folder / "out")
    (out / "something").touch()
    rules(library, "mode: mirror, root: out, copies: encode")
    for name in ("a.mkv", "b.mkv"):
        library.add(name, tiny_clips[name])

    def unmount() -> None:
        subprocess.run(["umount", "-l", str(out)], check=True)

    finished = run_with(library, at=at, do=unmount)
    assert finished.done == 0, "the disk below the mount point got a target"
    assert all_names(out) == []
    assert library.ledger_rows() == ()


def test_disk_that_is_away_at_recovery_and_comes_back(
    library: SampleLibrary, make_disk: MakeDisk, tiny_clips: Clips
) -> None:
    disk, out = make_disk(), library.folder / "out"
    out.mkdir()
    mount("--bind", str(disk), str(out))
    (disk / "something").touch()
    rules(library, "mode: mirror, root: out")
    library.add("a.mkv", tiny_clips["a.mkv"])
    kill = [
        sys.executable,
        "-m",
        "tests.faults.driver",
        str(library.rules_file),
        "-published",
        "run",
    ]
    done = subprocess.run(kill, cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == -9
    subprocess.run(["umount", str(out)], check=True)
    plan = library.plan()
    if not plan.safety_stops:  # the ledger knew no target there yet
        rules(library, "mode: mirror, root: out", library="roots: [films], exclude: ['**']")
    library.run()
    assert "waits for its disk" in library.output()
    assert all_names(out) == []
    mount("--bind", str(disk), str(out))
    rules(library, "mode: mirror, root: out")
    inode = os.stat(out / "films" / "a.mkv").st_ino
    assert library.run().done == 0
    assert "which a killed run had published" in library.output()
    assert os.stat(out / "films" / "a.mkv").st_ino == inode
    assert library.plan().work == ()
    assert all_names(disk) == ["films/a.mkv", "something"]
    subprocess.run(["umount", str(out)], check=True)


def test_root_emptied_between_plan_and_run(library: SampleLibrary, tiny_clips: Clips) -> None:
    rules(library, "mode: mirror, root: out, orphans: trash, copies: encode")
    for name in ("a.mkv", "b.mkv"):
        library.add(name, tiny_clips[name])
    library.run()
    library.add("c.mkv", tiny_clips["c.mkv"])
    before = {path: file_digest(path) for path in library.target("").glob("*.mkv")}

    def empty() -> None:
        shutil.rmtree(library.folder / "films")
        (library.folder / "films").mkdir()

    finished = run_with(library, after_plan=empty)
    assert (finished.dropped, finished.trashed) == (1, 0)
    assert "gone" in drops(library)["films/c.mkv"]
    with pytest.raises(UsageError):
        library.run()
    assert {path: file_digest(path) for path in library.target("").glob("*.mkv")} == before


def test_trash_deleted_by_the_user(library: SampleLibrary, tiny_clips: Clips) -> None:
    rules(library, "mode: replace, originals: keep for 30d")
    film = library.add("a.mkv", tiny_clips["a.mkv"])
    library.run()
    result = file_digest(film)
    shutil.rmtree(library.folder / "films" / ".av1rules-kept")
    assert library.run().failed == 0
    assert [row.action for row in library.plan().rows] == [PlanAction.FRESH]
    assert file_digest(film) == result
    library.add("b.mkv", tiny_clips["b.mkv"])
    assert library.run().done == 1


def test_original_deleted_by_a_run_that_died_before_its_note(
    library: SampleLibrary, tiny_clips: Clips
) -> None:
    rules(library, "mode: replace")
    library.add("a.mkv", tiny_clips["a.mkv"])
    library.run()
    (kept,) = library.kept()
    os.unlink(kept.path)
    rules(library, "mode: replace, originals: delete after verify")
    library.run()
    assert library.kept() == ()
    assert "was already gone" in library.output()
    library.run()
    assert "gone" not in library.output()
