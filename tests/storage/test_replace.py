"""One file takes the place of another; what can't be done is taken back, what differs refused."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from av1rules.base.errors import Av1rulesError, PlanOutdatedError
from av1rules.base.hashing import content_key, file_digest
from av1rules.storage.replace import (
    Repair,
    Replacement,
    apply_replacement,
    copy_compared,
    repair_replacement,
    same_content,
)

OLD, NEW, OTHER = b"the original", b"the new one", b"what someone else wrote"


@pytest.fixture
def exchange(tmp_path: Path) -> Replacement:
    """A replacement that changes the extension: `a.mp4` goes to the trash, `a.mkv` comes."""
    old, new = tmp_path / "a.mp4", tmp_path / "part.mkv"
    old.write_bytes(OLD)
    new.write_bytes(NEW)
    return Replacement(
        incoming=str(new),
        place_in=str(tmp_path / "a.mkv"),
        key_in=content_key(new),
        place_out=str(old),
        aside=str(tmp_path / "trash" / "a.mp4"),
        key_out=content_key(old),
    )


def files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_the_new_comes_and_the_old_goes_to_the_trash(tmp_path: Path, exchange: Replacement) -> None:
    apply_replacement(exchange)
    assert files(tmp_path) == {"a.mkv": NEW, "trash/a.mp4": OLD}


def test_an_old_name_that_can_not_go_takes_the_new_one_back(
    tmp_path: Path, exchange: Replacement, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sticky folder, or a program that holds the file: two films of one name would be left."""
    unlink = os.unlink

    def refuse(path: str, **more: object) -> None:
        if path == exchange.place_out:
            raise PermissionError(errno.EPERM, "Operation not permitted", path)
        unlink(path, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        with pytest.raises(PermissionError):
            apply_replacement(exchange)
    assert files(tmp_path) == {"a.mp4": OLD, "part.mkv": NEW, "trash/a.mp4": OLD}
    assert repair_replacement(exchange) is Repair.ROLLED_BACK
    assert files(tmp_path) == {"a.mp4": OLD, "part.mkv": NEW}


def test_an_old_name_that_somebody_wrote_to_stays(tmp_path: Path, exchange: Replacement) -> None:
    def write(step: str) -> None:
        if step == "in place":
            Path(tmp_path, "a.mp4").unlink()
            Path(tmp_path, "a.mp4").write_bytes(OTHER)

    with pytest.raises(PlanOutdatedError, match="changed on its way to the trash"):
        apply_replacement(exchange, failpoint=write)
    assert files(tmp_path) == {"a.mp4": OTHER, "part.mkv": NEW, "trash/a.mp4": OLD}
    assert repair_replacement(exchange) is Repair.STUCK
    assert files(tmp_path) == {"a.mp4": OTHER, "part.mkv": NEW, "trash/a.mp4": OLD}


def test_another_file_that_comes_to_the_trash_is_not_taken_for_the_old_one(
    tmp_path: Path, exchange: Replacement
) -> None:
    def write(step: str) -> None:
        if step == "kept aside":
            Path(tmp_path, "trash", "a.mp4").unlink()
            Path(tmp_path, "trash", "a.mp4").write_bytes(OTHER)

    with pytest.raises(PlanOutdatedError):
        apply_replacement(exchange, failpoint=write)
    assert files(tmp_path) == {"a.mp4": OLD, "part.mkv": NEW, "trash/a.mp4": OTHER}


def damaged(origin: str, goal: Path, **_: object) -> None:
    """A copy as a bad cable makes it: as long, with one bit turned."""
    content = Path(origin).read_bytes()
    goal.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


@pytest.mark.parametrize("is_digest_known", [False, True])
def test_a_copy_to_another_file_system_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_digest_known: bool
) -> None:
    origin, goal = tmp_path / "a", tmp_path / "b"
    origin.write_bytes(OLD)
    digest = file_digest(origin) if is_digest_known else None
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copy2", damaged)
        with pytest.raises(Av1rulesError, match="differs from what was read"):
            copy_compared(str(origin), str(goal), digest=digest)
    assert files(tmp_path) == {"a": OLD}
    copy_compared(str(origin), str(goal), digest=digest)
    assert files(tmp_path) == {"a": OLD, "b": OLD}


def test_a_copy_of_what_has_rotted_since_is_refused(tmp_path: Path) -> None:
    origin = tmp_path / "a"
    origin.write_bytes(OLD)
    digest = file_digest(origin)
    origin.write_bytes(OTHER)
    with pytest.raises(Av1rulesError, match="differs from what was read"):
        copy_compared(str(origin), str(tmp_path / "b"), digest=digest)
    assert files(tmp_path) == {"a": OTHER}


def test_across_devices_the_old_one_goes_only_if_its_copy_is_whole(
    tmp_path: Path, exchange: Replacement, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other_device(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", other_device)
        patch.setattr(shutil, "copy2", damaged)
        with pytest.raises(Av1rulesError):
            apply_replacement(exchange)
    assert files(tmp_path) == {"a.mp4": OLD, "part.mkv": NEW}


def test_same_content_is_the_same_file_or_the_same_bytes(tmp_path: Path) -> None:
    one, other = tmp_path / "a", tmp_path / "b"
    one.write_bytes(OLD)
    assert not same_content(str(one), str(other))
    other.write_bytes(OLD)
    assert same_content(str(one), str(other))
    other.write_bytes(OLD[::-1])
    assert not same_content(str(one), str(other))
    other.write_bytes(OLD + b".")
    assert not same_content(str(one), str(other))
