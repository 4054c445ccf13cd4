"""Files of ours are opened only where they are ours: regular, no link, no stranger's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from av1rules.base.own_files import (
    PlantedFileError,
    ignore_in_git,
    make_marker,
    read_own,
    require_own,
    require_own_database,
    require_own_folder,
    write_own,
)

ROOT_ONLY = pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0, reason="root changes owners"
)


def test_a_file_of_ours_is_read_up_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "note").write_bytes(b"12345")
    assert read_own(tmp_path / "note") == b"12345"
    assert read_own(tmp_path / "note", limit=3) == b"123"
    require_own(tmp_path / "note")
    require_own(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError):
        read_own(tmp_path / "nothing")


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_anything_else_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "note"
    if kind == "link":
        (tmp_path / "other").write_bytes(b"x")
        path.symlink_to(tmp_path / "other")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises(PlantedFileError, match=r"take it away") as caught:
        require_own(path)
    assert caught.value.filename == str(path)
    with pytest.raises(PlantedFileError):
        read_own(path)


@pytest.mark.parametrize("ending", ["", "-wal", "-shm", "-journal"])
def test_all_files_of_a_database_are_looked_at(ending: str, tmp_path: Path) -> None:
    require_own_database(tmp_path / "ledger.sqlite3")
    (tmp_path / f"ledger.sqlite3{ending}").symlink_to(tmp_path / "other")
    with pytest.raises(PlantedFileError, match="it is a link"):
        require_own_database(tmp_path / "ledger.sqlite3")


def test_a_folder_must_be_one(tmp_path: Path) -> None:
    require_own_folder(tmp_path)
    require_own_folder(tmp_path / "nothing")
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(PlantedFileError, match="it is a link"):
        require_own_folder(tmp_path / "link")
    (tmp_path / "file").touch()
    with pytest.raises(PlantedFileError, match="it is no folder"):
        require_own_folder(tmp_path / "file")


@ROOT_ONLY
def test_a_file_of_neither_this_user_nor_the_folder_s_owner(tmp_path: Path) -> None:
    path = tmp_path / "note"
    path.touch()
    os.chown(path, 1234, -1)
    with pytest.raises(PlantedFileError, match="another user"):
        read_own(path)
    os.chown(tmp_path, 1234, -1)
    assert read_own(path) == b"", "the folder's owner may keep what root wrote for him"


def test_writing_replaces_a_link(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"theirs")
    (tmp_path / "note").symlink_to(tmp_path / "other")
    write_own(tmp_path / "note", b"ours")
    assert (tmp_path / "other").read_bytes() == b"theirs"
    assert not (tmp_path / "note").is_symlink()
    assert read_own(tmp_path / "note") == b"ours"
    assert sorted(os.listdir(tmp_path)) == ["note", "other"]


def test_a_marker_is_made_once_and_through_no_link(tmp_path: Path) -> None:
    make_marker(tmp_path / ".ignore")
    (tmp_path / ".ignore").write_bytes(b"kept")
    make_marker(tmp_path / ".ignore")
    assert (tmp_path / ".ignore").read_bytes() == b"kept"
    (tmp_path / "dangling").symlink_to(tmp_path / "new")
    make_marker(tmp_path / "dangling")
    assert not (tmp_path / "new").exists()


# --- state folders and git


def test_a_state_folder_ignores_itself(tmp_path: Path) -> None:
    for name in (".av1rules", "state of a user's choice"):
        folder = tmp_path / name
        folder.mkdir()
        ignore_in_git(folder)
        assert (folder / ".gitignore").read_text().splitlines()[-1] == "*"


def test_an_older_state_folder_ignores_itself_too(tmp_path: Path) -> None:
    folder = tmp_path / ".av1rules"
    folder.mkdir()
    (folder / "ledger.sqlite3").touch()
    ignore_in_git(folder)
    assert (folder / ".gitignore").exists()


def test_a_folder_with_other_content_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").touch()
    ignore_in_git(tmp_path)
    assert not (tmp_path / ".gitignore").exists()


def test_what_is_there_stays(tmp_path: Path) -> None:
    folder = tmp_path / ".av1rules"
    folder.mkdir()
    (folder / ".gitignore").write_text("my own\n")
    ignore_in_git(folder)
    assert (folder / ".gitignore").read_text() == "my own\n"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / ".av1rules"
    folder.mkdir()
    (folder / ".gitignore").symlink_to(tmp_path / "elsewhere")
    ignore_in_git(folder)
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_can_not_be_written_is_no_error(tmp_path: Path) -> None:
    ignore_in_git(tmp_path / "gone" / ".av1rules")
    assert not (tmp_path / "gone").exists()
