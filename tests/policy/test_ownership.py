"""Who else can change a rules file, with real permissions on real files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from av1rules.policy.ownership import writable_by_others

IS_ROOT = os.geteuid() == 0
FOREIGN_ID = 54_321  # of no user and no group here
HARM = "and so choose the programs that a run starts; to close it:"

needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root can give files away")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "policy"
    folder.mkdir()
    path = folder / "rules.yaml"
    path.write_text("version: 1\n")
    os.chmod(folder, 0o755)
    os.chmod(path, 0o644)
    return path


def test_own_file_in_own_folder_is_safe(file: Path) -> None:
    assert writable_by_others(file) is None


@pytest.mark.parametrize("mode", [0o646, 0o666, 0o602])
def test_file_that_everyone_writes(file: Path, mode: int) -> None:
    os.chmod(file, mode)
    assert (
        writable_by_others(file) == f"every user can change the rules file {HARM} chmod o-w {file}"
    )


def test_folder_that_everyone_writes(file: Path) -> None:
    os.chmod(file.parent, 0o777)
    assert writable_by_others(file) == (
        f"every user can change the rules file's folder {HARM} chmod o-w {file.parent}"
    )


def test_sticky_folder_keeps_the_file_but_not_its_content(file: Path) -> None:
    os.chmod(file.parent, 0o1777)
    assert writable_by_others(file) is None
    os.chmod(file, 0o666)
    assert "the rules file and" in (writable_by_others(file) or "")


def test_sticky_bit_of_a_file_protects_nothing(file: Path) -> None:
    os.chmod(file, 0o1666)
    assert writable_by_others(file) is not None


def test_own_group_may_write(file: Path) -> None:
    os.chown(file, -1, os.getegid())
    os.chown(file.parent, -1, os.getegid())
    os.chmod(file, 0o664)
    os.chmod(file.parent, 0o775)
    assert writable_by_others(file) is None


@needs_root
def test_other_group_may_not_write(file: Path) -> None:
    os.chown(file, -1, FOREIGN_ID)
    assert writable_by_others(file) is None
    os.chmod(file, 0o664)
    assert writable_by_others(file) == (
        f"group {FOREIGN_ID} can change the rules file {HARM} chmod g-w {file}"
    )
    os.chmod(file, 0o644)
    os.chown(file.parent, -1, FOREIGN_ID)
    os.chmod(file.parent, 0o775)
    assert "the rules file's folder" in (writable_by_others(file) or "")


@needs_root
@pytest.mark.parametrize("is_sticky", [False, True])
def test_owner_of_file_or_folder_is_another(file: Path, is_sticky: bool) -> None:
    os.chown(file, FOREIGN_ID, -1)
    assert writable_by_others(file) == (
        f"user {FOREIGN_ID}, its owner, can change the rules file {HARM} chown 0 {file}"
    )
    os.chown(file, 0, -1)
    os.chown(file.parent, FOREIGN_ID, -1)
    os.chmod(file.parent, 0o1755 if is_sticky else 0o755)
    assert "its owner, can change the rules file's folder" in (writable_by_others(file) or "")


def test_a_link_is_as_safe_as_both_ends(file: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    link = shared / "rules.yaml"
    link.symlink_to(file)
    os.chmod(shared, 0o755)
    assert writable_by_others(link) is None
    os.chmod(file.parent, 0o777)
    assert str(file.parent) in (writable_by_others(link) or "")
    os.chmod(file.parent, 0o755)
    os.chmod(shared, 0o777)
    assert str(shared) in (writable_by_others(link) or "")


def test_name_is_quoted_and_loses_escapes(file: Path) -> None:
    odd = file.with_name("a b\x1b[2J.yaml")
    file.rename(odd)
    os.chmod(odd, 0o646)
    message = writable_by_others(odd) or ""
    assert message.endswith(f"chmod o-w '{odd.parent}/a b\\x1b[2J.yaml'")


def test_missing_file_is_for_the_reader_to_tell(tmp_path: Path) -> None:
    assert writable_by_others(tmp_path / "gone" / "rules.yaml") is None


def test_relative_name_is_looked_up_here(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    os.chmod(file.parent, 0o777)
    assert str(file.parent) in (writable_by_others(Path("rules.yaml")) or "")
