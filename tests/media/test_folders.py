"""Folders are read ahead on a slow disk: the same results, in the same order, within limits."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from av1rules.base.overlap import Overlap
from av1rules.media import discover, folders
from av1rules.media.discover import Candidate, WalkProblem, walk
from av1rules.media.folders import ENTRIES_AHEAD, MOST_FOLDERS_HELD, FolderTree
from av1rules.media.source import LibraryFile

Walk = Callable[..., Iterator[Candidate | WalkProblem]]


class _AlwaysOn(Overlap):
    """As on a disk that has shown to be slow."""

    def __init__(self) -> None:
        super().__init__()
        self.is_on = True


def _walk(*roots: Path) -> Iterator[Candidate | WalkProblem]:
    named = [(root.name, str(root)) for root in roots]
    return walk(named, include=(), exclude=(), min_size=0, settle_s=0, now_s=2e9)


@pytest.fixture
def overlapped(monkeypatch: pytest.MonkeyPatch) -> Walk:
    def walk_overlapped(*roots: Path) -> Iterator[Candidate | WalkProblem]:
        with monkeypatch.context() as patch:
            patch.setattr(discover, "Overlap", _AlwaysOn)
            yield from _walk(*roots)

    return walk_overlapped


def _threads() -> int:
    return sum(thread.name == "overlap" for thread in threading.enumerate())


NAMES = ("a.mkv", "b.mp4", "A.mkv", "ä.mkv", "notes.txt", "._a.mkv", "b.av1skip", "a.mkv.av1skip")


def _grow(folder: Path, chance: random.Random, depth: int) -> None:
    folder.mkdir()
    for name in chance.sample(NAMES, chance.randint(0, len(NAMES))):
        (folder / name).write_bytes(b"x" * chance.randint(0, 9))
    if chance.random() < 0.1:
        (folder / ".av1skip").touch()
    if chance.random() < 0.1:
        (folder / "link.mkv").symlink_to(folder / "a.mkv")
    for name in chance.sample(("a", "b.mkv", "c", ".d", "@eaDir", "E"), chance.randint(0, 4)):
        if depth:
            _grow(folder / name, chance, depth - 1)


@pytest.mark.parametrize("seed", range(12))
def test_a_slow_disk_gives_the_same_in_the_same_order(
    tmp_path: Path, seed: int, overlapped: Walk
) -> None:
    root = tmp_path / "films"
    _grow(root, random.Random(seed), 5)
    inner = [path for path in root.iterdir() if path.is_dir()][:1]
    assert list(overlapped(root, *inner)) == list(_walk(root, *inner))
    assert list(overlapped(*inner, root)) == list(_walk(*inner, root))
    assert _threads() == 0


def test_folder_of_very_many_is_left_for_its_turn(tmp_path: Path, overlapped: Walk) -> None:
    root = tmp_path / "films"
    for name in ("a", "b/c", "b/d"):
        (root / name).mkdir(parents=True)
    for number in range(ENTRIES_AHEAD + 1):
        (root / "b" / f"{number}.mkv").touch()
    (root / "b/c/x.mkv").touch()
    (root / "b/d/x.mkv").touch()
    assert len(found := list(overlapped(root))) == ENTRIES_AHEAD + 3
    assert found == list(_walk(root))


def test_no_more_folders_are_read_ahead_than_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(100):
        (tmp_path / f"{number:03}" / "a" / "b" / "c" / "d").mkdir(parents=True)
    read: list[str] = []
    scandir = os.scandir

    def noted(path: str) -> object:
        read.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", noted)
    with _AlwaysOn() as overlap:
        tree = FolderTree(str(tmp_path), frozenset({"mkv"}), lambda _: True, overlap)
        for taken, _ in enumerate(tree, start=1):
            time.sleep(0.001)
            assert len(read) - taken <= MOST_FOLDERS_HELD
    assert len(read) == 501


def test_folder_that_vanishes_or_refuses_is_told_in_its_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overlapped: Walk
) -> None:
    root = tmp_path / "films"
    for name in ("a", "b", "b/c", "d"):
        (root / name).mkdir(parents=True)
        (root / name / "x.mkv").touch()
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("/b"):
            raise FileNotFoundError(2, "No such file or directory")
        if path.endswith("/d"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = list(overlapped(root))
    assert found == list(_walk(root))
    assert [step.path if isinstance(step, WalkProblem) else step.file.path for step in found] == [
        str(root / name) for name in ("a/x.mkv", "b", "d")
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_folder_without_permission_is_told_in_its_turn(tmp_path: Path, overlapped: Walk) -> None:
    root = tmp_path / "films"
    (root / "a").mkdir(parents=True)
    (root / "a").chmod(0)
    try:
        assert [type(step) for step in overlapped(root)] == [WalkProblem]
    finally:
        (root / "a").chmod(0o755)


@contextmanager
def _deep(root: Path, name: str, depth: int) -> Iterator[None]:
    """A chain of folders with a film in each; longer paths than one call can name."""
    root.mkdir()
    start = os.open(".", os.O_RDONLY)
    try:
        os.chdir(root)
        for _ in range(depth):
            os.mkdir(name)
            os.chdir(name)
            Path("x.mkv").touch()
        yield
        os.chdir(root)
        for _ in range(depth):  # from the top: what is below moves up, so that names stay short
            os.rename(name, "old")
            os.remove("old/x.mkv")
            if os.path.isdir(f"old/{name}"):
                os.rename(f"old/{name}", name)
            os.rmdir("old")
    finally:
        os.chdir(start)
        os.close(start)


@pytest.mark.parametrize("is_slow", [False, True])
def test_films_sixty_folders_down_are_found(
    tmp_path: Path, is_slow: bool, overlapped: Walk
) -> None:
    root = tmp_path / "films"
    with _deep(root, "part of a long name", 60):
        found = list(overlapped(root) if is_slow else _walk(root))
    assert len(found) == 60
    assert all(isinstance(step, Candidate) for step in found)


@pytest.mark.parametrize("is_slow", [False, True])
def test_paths_longer_than_the_system_allows_are_told_and_end_there(
    tmp_path: Path, is_slow: bool, overlapped: Walk
) -> None:
    root = tmp_path / "films"
    with _deep(root, "n" * 250, 60):
        (root / "z").mkdir()
        (root / "z" / "after.mkv").touch()
        found = list(overlapped(root) if is_slow else _walk(root))
        (root / "z" / "after.mkv").unlink()
        (root / "z").rmdir()
    problems = [step for step in found if isinstance(step, WalkProblem)]
    messages = [step.message for step in problems]
    # By the length of the folder that the test runs in, the last file may be too long before.
    assert messages[-1] == "cannot read the folder: File name too long"
    assert messages[:-1] in ([], ["cannot read the file: File name too long"])
    assert not any(step.is_root for step in problems)
    last = found[-1]
    assert isinstance(last, Candidate)
    assert last.file.relative_path == "z/after.mkv"
    assert 10 < len(found) < 20


def test_leaving_early_ends_the_threads(tmp_path: Path, overlapped: Walk) -> None:
    for number in range(500):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "x.mkv").touch()
    steps = overlapped(tmp_path)
    next(steps)
    assert _threads() > 0
    steps.close()  # type: ignore[attr-defined]
    assert _threads() == 0


def test_disk_that_shows_to_be_slow_is_overlapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's own calls, each two milliseconds late."""
    root = tmp_path / "films"
    for number in range(100):
        (root / f"{number:03}").mkdir(parents=True)
        (root / f"{number:03}" / "x.mkv").touch()
    expected = list(_walk(root))
    stat_of = folders.stat_of
    callers = set[str]()

    def late(entry: os.DirEntry[str]) -> folders.Seen:
        callers.add(threading.current_thread().name)
        time.sleep(0.002)
        return stat_of(entry)

    monkeypatch.setattr(discover, "stat_of", late)
    found = list(_walk(root))
    assert found == expected
    assert callers == {threading.main_thread().name, "overlap"}
    assert all(isinstance(step, Candidate) and isinstance(step.file, LibraryFile) for step in found)
