from __future__ import annotations

import os
from pathlib import Path

import pytest

from av1rules.base.errors import Av1rulesError, EncodeError, UsageError
from av1rules.encode import publish as module
from av1rules.encode.publish import publish_target


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mkv"
    path.write_bytes(b"source")
    path.chmod(0o640)
    os.utime(path, ns=(1_000_000_000, 2_000_000_000))
    return path


@pytest.fixture
def part(tmp_path: Path) -> Path:
    path = tmp_path / ".av1rules-part.mkv"
    path.write_bytes(b"target" * 1000)
    return path


@pytest.fixture
def far_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the temporary folder were on another file system."""
    monkeypatch.setattr(module, "_same_file_system", lambda temp, folder: False)


def test_the_target_appears_with_its_folders_and_the_time_of_its_source(
    film: Path, part: Path, tmp_path: Path
) -> None:
    goal = tmp_path / "new" / "folder" / "film.mkv"
    publish_target(str(part), str(goal), keep_mtime_of=str(film))
    assert goal.read_bytes() == b"target" * 1000
    assert goal.stat().st_mtime_ns == 2_000_000_000
    assert goal.stat().st_mode & 0o7777 == 0o640
    assert not part.exists()
    assert film.read_bytes() == b"source"


@pytest.mark.usefixtures("far_away")
def test_across_file_systems_it_is_copied_and_compared(
    film: Path, part: Path, tmp_path: Path
) -> None:
    goal = tmp_path / "film.av1.mkv"
    publish_target(str(part), str(goal), keep_mtime_of=str(film))
    assert goal.read_bytes() == b"target" * 1000
    assert goal.stat().st_mtime_ns == 2_000_000_000
    assert not part.exists()


@pytest.mark.usefixtures("far_away")
def test_a_copy_that_differs_is_not_published(
    part: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(origin: str, copy: Path) -> None:
        copy.write_bytes(b"torn")

    monkeypatch.setattr("shutil.copyfile", torn)
    goal = tmp_path / "film.av1.mkv"
    goal.write_bytes(b"earlier target")
    with pytest.raises(Av1rulesError, match="differs from what was written") as caught:
        publish_target(str(part), str(goal))
    assert not isinstance(caught.value, EncodeError)  # the disk's fault, not the source's
    assert goal.read_bytes() == b"earlier target"
    assert sorted(path.name for path in tmp_path.iterdir()) == [part.name, goal.name]


def test_the_source_is_never_overwritten(film: Path, part: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.mkv"
    link.symlink_to(film)
    for goal in (film, link):
        with pytest.raises(UsageError, match="never overwritten"):
            publish_target(str(part), str(goal), source=str(film))
    assert film.read_bytes() == b"source"
    assert part.exists()


def test_an_earlier_target_is_replaced(film: Path, part: Path, tmp_path: Path) -> None:
    goal = tmp_path / "film.av1.mkv"
    goal.write_bytes(b"earlier target")
    before = part.stat().st_mtime_ns
    publish_target(str(part), str(goal), source=str(film))
    assert goal.read_bytes() == b"target" * 1000
    assert goal.stat().st_mtime_ns == before


def test_set_uid_is_not_carried_over(film: Path, part: Path, tmp_path: Path) -> None:
    film.chmod(0o6444)
    goal = tmp_path / "film.av1.mkv"
    publish_target(str(part), str(goal), source=str(film))
    assert goal.stat().st_mode & 0o7777 == 0o644


@pytest.mark.parametrize("is_far", [False, True])
def test_without_replace_nothing_that_exists_is_overwritten(
    is_far: bool, film: Path, part: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_same_file_system", lambda temp, folder: not is_far)
    goal = tmp_path / "film.av1.mkv"
    goal.write_bytes(b"someone else's")
    with pytest.raises(FileExistsError):
        publish_target(str(part), str(goal), source=str(film), replace=False)
    assert goal.read_bytes() == b"someone else's"
    assert part.exists()
    assert len(list(tmp_path.iterdir())) == 3
    goal.unlink()
    publish_target(str(part), str(goal), source=str(film), replace=False)
    assert goal.read_bytes() == b"target" * 1000
    assert not part.exists()
