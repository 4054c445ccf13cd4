"""Folders of a mirror: what a run made or emptied goes, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.storage.mirror_folders import MirrorFolders, remove_emptied


@pytest.fixture
def top(tmp_path: Path) -> Path:
    top = tmp_path / "out"
    top.mkdir()
    return top


def test_unused_folders_go_up_to_the_root(top: Path) -> None:
    folders = MirrorFolders(str(top))
    folders.make(str(top / "a" / "b"))
    folders.make_private(str(top / "a" / "b" / ".private"))
    folders.remove_unused(str(top / "a" / "b"))
    assert (top / "a" / "b" / ".private").is_dir(), "in use"
    (top / "a" / "b" / ".private").rmdir()
    folders.remove_unused(str(top / "a" / "b"))
    assert list(top.iterdir()) == []


def test_what_others_made_stays(top: Path) -> None:
    (top / "theirs").mkdir()
    folders = MirrorFolders(str(top))
    folders.make(str(top / "theirs"))
    folders.make(str(top / "theirs" / "ours"))
    folders.remove_unused(str(top / "theirs" / "ours"))
    folders.remove_unused(str(top / "theirs"))
    assert [path.name for path in top.rglob("*")] == ["theirs"]


def test_the_root_itself_and_what_is_beside_it_stays(top: Path) -> None:
    top.rmdir()
    folders = MirrorFolders(str(top))
    folders.make(str(top / "a"))
    folders.remove_unused(str(top / "a"))
    assert top.is_dir()
    folders.make(str(top.parent / "elsewhere"))
    folders.remove_unused(str(top.parent / "elsewhere"))
    assert (top.parent / "elsewhere").is_dir()


def test_without_a_mirror_nothing_goes(top: Path) -> None:
    folders = MirrorFolders()
    folders.make(str(top / "a"))
    folders.remove_unused(str(top / "a"))
    assert (top / "a").is_dir()


def test_emptied_folders_go_up_to_the_root(top: Path) -> None:
    (top / "a" / "b" / "c").mkdir(parents=True)
    (top / "a" / "kept.mkv").touch()
    (top / "a" / "b" / "c").rmdir()  # went before a kill
    remove_emptied(str(top / "a" / "b" / "c"), str(top))
    assert sorted(path.name for path in top.rglob("*")) == ["a", "kept.mkv"]
    (top / "a" / "kept.mkv").unlink()
    remove_emptied(str(top / "a"), str(top))
    assert list(top.parent.iterdir()) == [top]
    remove_emptied(str(top), str(top))
    remove_emptied(str(top.parent), str(top))
    assert top.is_dir()
