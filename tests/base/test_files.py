"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from av1rules.base.files import (
    fsync_folder,
    is_temp_name,
    make_folders,
    publish,
    rename_new,
    temp_name,
    write_text,
)


def test_temp_name_is_private_hidden_and_beside_its_goal(tmp_path: Path) -> None:
    goal = tmp_path / "film.mkv"
    one, other = temp_name(goal), temp_name(goal)
    assert one != other
    assert one.parent == tmp_path
    assert one.suffix == ".mkv"
    assert is_temp_name(one.name)


def test_temp_name_in_another_folder_with_another_suffix(tmp_path: Path) -> None:
    name = temp_name(Path("/films/film.avi"), folder=tmp_path, suffix=".mkv")
    assert name.parent == tmp_path
    assert name.suffix == ".mkv"


def test_temp_name_fits_where_the_goal_has_the_longest_name_possible(tmp_path: Path) -> None:
    goal = tmp_path / ("f" * 251 + ".mkv")
    goal.touch()
    temp = temp_name(goal)
    temp.touch()
    assert sorted(tmp_path.iterdir()) == sorted([goal, temp])


def test_is_temp_name_leaves_films_alone() -> None:
    assert not is_temp_name("film.mkv")
    assert not is_temp_name("av1rules-demo.mkv")


def test_publish_replaces_the_goal_and_takes_the_temp_away(tmp_path: Path) -> None:
    temp, goal = tmp_path / ".av1rules-1.mkv", tmp_path / "film.mkv"
    temp.write_bytes(b"new")
    goal.write_bytes(b"old")
    publish(temp, goal)
    assert goal.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["film.mkv"]


def test_publish_of_a_missing_temp_leaves_the_goal(tmp_path: Path) -> None:
    goal = tmp_path / "film.mkv"
    goal.write_bytes(b"old")
    with pytest.raises(FileNotFoundError):
        publish(tmp_path / "absent", goal)
    assert goal.read_bytes() == b"old"


def test_write_text_keeps_names_that_are_not_utf8(tmp_path: Path) -> None:
    goal = tmp_path / "receipt.json"
    write_text(goal, "film \udcff")
    assert goal.read_bytes() == b"film \xff"


def test_write_text_that_fails_leaves_the_old_text_and_no_temp(tmp_path: Path) -> None:
    goal = tmp_path / "receipt.json"
    goal.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_text(goal, "\ud800")  # half of a pair: no bytes stand for it
    assert goal.read_text() == "old"
    assert os.listdir(tmp_path) == ["receipt.json"]


def test_a_new_name_is_durable_before_the_old_one_in_another_folder_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = tmp_path / "a" / "film.mkv", tmp_path / "b" / "film.mkv"
    for path in (old, new):
        path.parent.mkdir()
    old.write_bytes(b"film")
    synced: list[tuple[str, bool, bool]] = []
    really = os.fsync

    def note(descriptor: int) -> None:
        folder = os.readlink(f"/proc/self/fd/{descriptor}")
        synced.append((folder, old.exists(), new.exists()))
        really(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    rename_new(old, new)
    assert synced == [(str(new.parent), True, True)]
    assert (old.exists(), new.read_bytes()) == (False, b"film")


def test_a_name_that_changes_in_its_folder_is_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "old").write_bytes(b"film")
    left: list[list[str]] = []
    monkeypatch.setattr(os, "fsync", lambda _descriptor: left.append(os.listdir(tmp_path)))
    rename_new(tmp_path / "old", tmp_path / "new")
    assert left == [["new"]]


class TestMakeFolders:
    """The folders above content are as durable as the content."""

    @pytest.fixture
    def synced(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The folders synced, in order."""
        names: list[str] = []
        really = os.fsync

        def note(descriptor: int) -> None:
            names.append(os.readlink(f"/proc/self/fd/{descriptor}"))
            really(descriptor)

        monkeypatch.setattr(os, "fsync", note)
        return names

    def test_each_level_is_durable_before_the_next(self, tmp_path: Path, synced: list[str]) -> None:
        make_folders(tmp_path / "a" / "b")
        assert synced == [str(tmp_path.parent), str(tmp_path), str(tmp_path / "a")]

    def test_a_folder_that_a_killed_run_made_is_synced_too(
        self, tmp_path: Path, synced: list[str]
    ) -> None:
        (tmp_path / "a").mkdir()
        make_folders(tmp_path / "a")
        assert synced == [str(tmp_path)]

    def test_only_the_lowest_gets_the_mode(self, tmp_path: Path) -> None:
        make_folders(tmp_path / "a" / "b", mode=0o700)
        modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/b")]
        (tmp_path / "usual").mkdir()
        assert modes == [stat.S_IMODE((tmp_path / "usual").stat().st_mode), 0o700]

    @pytest.mark.parametrize("kind", ["file", "dangling link"])
    def test_what_has_the_name_stays(self, kind: str, tmp_path: Path) -> None:
        taken = tmp_path / "a"
        taken.write_bytes(b"x") if kind == "file" else taken.symlink_to(tmp_path / "nowhere")
        with pytest.raises(OSError, match=r"exists|Not a directory"):
            make_folders(taken / "b")
        assert not (tmp_path / "nowhere").exists()

    def test_a_disk_that_fails_is_an_error(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(_descriptor: int) -> None:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="Input/output"):
            fsync_folder(tmp_path)
