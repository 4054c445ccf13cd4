"""A recorded disk answers as the disk did."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from av1rules.media.cache import LibraryCache
from av1rules.media.local_disk import LOCAL_DISK
from av1rules.media.source import FileStat
from av1rules.plan.facts.collect_disk import recorded_file, recorded_stat
from av1rules.plan.facts.lines import NodeKind, RecordedStat
from av1rules.plan.facts.recorded_disk import RecordedDisk


@pytest.fixture
def cache() -> LibraryCache:
    return LibraryCache(None)


@pytest.fixture
def disk(cache: LibraryCache) -> RecordedDisk:
    return RecordedDisk(cache, now_s=1000.0, ffprobe_version="8")


@pytest.fixture
def folder(tmp_path: Path, disk: RecordedDisk) -> Path:
    top = tmp_path / "real"
    (top / "in" / "deep").mkdir(parents=True)
    (top / "in" / "a.mkv").write_bytes(b"film")
    (top / "in" / "link.mkv").symlink_to("a.mkv")
    (top / "in" / "far.mkv").symlink_to(top / "in" / "deep" / "..")
    (top / "in" / "dead.mkv").symlink_to("nowhere")
    (top / "in" / "round.mkv").symlink_to("round.mkv")
    os.mkfifo(top / "pipe")
    (tmp_path / "top").symlink_to(top)
    disk.add_top(str(tmp_path / "top"), str(top), device=top.stat().st_dev)
    for path in sorted(top.rglob("*")):
        line = recorded_file(str(path))
        assert line is not None
        assert line.stat is not None
        disk.add(str(path), line.kind, line.stat, line.link)
    return tmp_path / "top"


def answer(ask: Callable[[], object]) -> object:
    """The answer, or the number of the error."""
    try:
        return ask()
    except OSError as problem:
        return problem.errno


NAMES = (
    "", "in", "in/a.mkv", "in/link.mkv", "in/far.mkv", "in/dead.mkv", "in/round.mkv", "in/deep",
    "pipe", "none", "in/none/more", "in/./a.mkv", "in//a.mkv", "in/deep/",
)  # fmt: skip


def marks(found: os.stat_result) -> tuple[int, ...]:
    is_folder = (found.st_mode & 0o170000) == 0o040000
    numbers = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_nlink)
    return (found.st_mode & 0o170000, found.st_dev, *(() if is_folder else numbers))


@pytest.mark.parametrize("name", NAMES)
def test_it_answers_as_the_disk_did(disk: RecordedDisk, folder: Path, name: str) -> None:
    path = f"{folder}/{name}" if name else str(folder.resolve())
    for ask in ("stat", "lstat"):
        one = answer(lambda ask=ask: marks(getattr(disk, ask)(path)))  # type: ignore[misc]
        other = answer(lambda ask=ask: marks(getattr(LOCAL_DISK, ask)(path)))  # type: ignore[misc]
        if name != "in/deep/":
            assert one == other, ask
    for ask in ("lexists", "is_folder", "is_file", "has_entries"):
        assert getattr(disk, ask)(path) == getattr(LOCAL_DISK, ask)(path), ask
    if name:
        assert answer(lambda: disk.read_link(path)) == answer(lambda: LOCAL_DISK.read_link(path))


def entries(disk: RecordedDisk, path: str) -> list[tuple[object, ...]]:
    with disk.scandir(path) as found:
        return sorted(
            (one.name, one.path, one.is_dir(follow_symlinks=False), one.is_dir(),
             one.is_file(follow_symlinks=False), one.is_file(), one.is_symlink())
            for one in found
        )  # fmt: skip


def test_folders_list_as_they_did(disk: RecordedDisk, folder: Path) -> None:
    (folder / "in" / "round.mkv").unlink()  # which the system calls an error
    disk.add(f"{folder.resolve()}/in/round.mkv", NodeKind.LINK, RecordedStat(0, 0, 0, 0, 0), "none")
    (folder / "in" / "round.mkv").symlink_to("none")
    path = f"{folder}/in"
    assert entries(disk, path) == entries(LOCAL_DISK, path)  # type: ignore[arg-type]
    for other in (f"{folder}/none", f"{folder}/in/a.mkv"):
        with pytest.raises(OSError, match=r".*"):
            disk.scandir(other)


def test_its_real_path(disk: RecordedDisk, folder: Path) -> None:
    assert disk.real_path(folder / "in") == str(folder.resolve() / "in")
    assert disk.real_path("/elsewhere/in") == "/elsewhere/in"


def test_what_was_not_read_is_unknown(
    disk: RecordedDisk, cache: LibraryCache, folder: Path
) -> None:
    path = str(folder.resolve() / "in" / "a.mkv")
    with pytest.raises(OSError, match="its content was not recorded"):
        disk.content_key(path)
    with pytest.raises(OSError, match="its head was not recorded"):
        disk.head_key(path)
    cache.put_content_key(FileStat.of(os.stat(path)), "4-key")
    assert disk.content_key(path) == "4-key"
    assert disk.content_key(f"{folder}/in/link.mkv") == "4-key"


def test_a_folder_that_could_not_be_read(disk: RecordedDisk) -> None:
    disk.add_folder("/films/secret")
    disk.add_problem("/films/secret", 13)
    with pytest.raises(PermissionError):
        disk.scandir("/films/secret")


def test_paths_of_any_depth_and_figures_of_any_size(disk: RecordedDisk) -> None:
    deep = "/a" * 200
    disk.add(deep, NodeKind.FILE, RecordedStat(1, 2**64 - 1, 3, -5, 6))
    assert disk.lstat(deep).st_ino == 2**64 - 1
    with pytest.raises(ValueError, match="out of range"):
        disk.add("/b", NodeKind.FILE, RecordedStat(1, 2**64, 3, 4, 5))


def test_the_stat_of_a_file_is_kept_in_full(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"a")
    stat = FileStat.of(path.stat())
    assert recorded_stat(stat).file_stat == stat
