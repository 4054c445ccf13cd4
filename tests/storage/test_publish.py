from __future__ import annotations

import errno
import os
import struct
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.base.errors import Av1rulesError, EncodeError, PlanOutdatedError, UsageError
from av1rules.policy.model import OutputSpec
from av1rules.storage import publish as module
from av1rules.storage.publish import FileAttributes, copy_attributes, publish_target

ALL = FileAttributes.of(OutputSpec())
NONE = FileAttributes(keep_mtime=False, keep_mode=False, keep_owner=False, keep_xattrs=False)
ACL = "system.posix_acl_access"


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
    publish_target(str(part), str(goal), source=str(film), attributes=ALL)
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
    publish_target(str(part), str(goal), source=str(film), attributes=ALL)
    assert goal.read_bytes() == b"target" * 1000
    assert goal.stat().st_mtime_ns == 2_000_000_000
    assert not part.exists()


@pytest.mark.usefixtures("far_away")
def test_a_copy_that_differs_is_not_published(
    film: Path, part: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(origin: str, copy: Path) -> None:
        copy.write_bytes(b"torn")

    monkeypatch.setattr("shutil.copyfile", torn)
    goal = tmp_path / "film.av1.mkv"
    goal.write_bytes(b"earlier target")
    with pytest.raises(Av1rulesError, match="differs from what was written") as caught:
        publish_target(str(part), str(goal), source=str(film), attributes=ALL)
    assert not isinstance(caught.value, EncodeError)  # the disk's fault, not the source's
    assert goal.read_bytes() == b"earlier target"
    assert sorted(path.name for path in tmp_path.iterdir()) == [part.name, goal.name, film.name]


def test_the_source_is_never_overwritten(film: Path, part: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.mkv"
    link.symlink_to(film)
    for goal in (film, link):
        with pytest.raises(UsageError, match="never overwritten"):
            publish_target(str(part), str(goal), source=str(film), attributes=ALL)
    assert film.read_bytes() == b"source"
    assert part.exists()


def test_an_earlier_target_is_replaced(film: Path, part: Path, tmp_path: Path) -> None:
    goal = tmp_path / "film.av1.mkv"
    goal.write_bytes(b"earlier target")
    before = part.stat()
    publish_target(str(part), str(goal), source=str(film), attributes=NONE)
    assert goal.read_bytes() == b"target" * 1000
    assert goal.stat().st_mtime_ns == before.st_mtime_ns
    assert goal.stat().st_mode == before.st_mode


def test_set_uid_is_not_carried_over(film: Path, part: Path, tmp_path: Path) -> None:
    film.chmod(0o6444)
    goal = tmp_path / "film.av1.mkv"
    publish_target(str(part), str(goal), source=str(film), attributes=ALL)
    assert goal.stat().st_mode & 0o7777 == 0o644


@pytest.mark.parametrize("is_far", [False, True])
def test_without_replace_nothing_that_exists_is_overwritten(
    is_far: bool, film: Path, part: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_same_file_system", lambda temp, folder: not is_far)
    goal = tmp_path / "film.av1.mkv"
    goal.write_bytes(b"someone else's")
    with pytest.raises(FileExistsError):
        publish_target(str(part), str(goal), source=str(film), attributes=ALL, replace=False)
    assert goal.read_bytes() == b"someone else's"
    assert part.exists()
    assert len(list(tmp_path.iterdir())) == 3
    goal.unlink()
    publish_target(str(part), str(goal), source=str(film), attributes=ALL, replace=False)
    assert goal.read_bytes() == b"target" * 1000
    assert not part.exists()


@pytest.fixture
def with_attributes(film: Path) -> Path:
    """A film with attributes of its user; skips where the file system knows none."""
    try:
        os.setxattr(film, "user.rating", b"5 of 5")
        os.setxattr(film, "user.shatag.sha256", b"of the source's bytes")
        os.setxattr(film, "trusted.overlay.x", b"y") if os.geteuid() == 0 else None
    except OSError as problem:
        pytest.skip(f"no extended attributes here: {problem.strerror}")
    return film


def test_attributes_of_the_user_come_along_but_no_digest(
    with_attributes: Path, part: Path, tmp_path: Path
) -> None:
    goal = tmp_path / "film.av1.mkv"
    publish_target(str(part), str(goal), source=str(with_attributes), attributes=ALL)
    assert os.listxattr(goal) == ["user.rating"]
    assert os.getxattr(goal, "user.rating") == b"5 of 5"


def test_nothing_comes_along_that_is_not_wanted(with_attributes: Path, part: Path) -> None:
    part.chmod(0o600)
    before = part.stat()
    copy_attributes(str(part), str(with_attributes), NONE)
    after = part.stat()
    assert (after.st_mode, after.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)
    assert os.listxattr(part) == []


def test_file_system_without_attributes_is_no_error(
    film: Path, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> list[str]:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr("os.listxattr", refuse)
    copy_attributes(str(part), str(film), ALL)
    assert part.stat().st_mtime_ns == 2_000_000_000


def test_access_list_comes_along_as_part_of_the_mode(film: Path, part: Path) -> None:
    # Version 2; user rw, user 1234 r, group r, mask r, others nothing: tag, rights, id.
    entries = [(1, 6, -1), (2, 4, 1234), (4, 4, -1), (16, 4, -1), (32, 0, -1)]
    packed = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    try:
        os.setxattr(film, ACL, packed)
    except OSError as problem:
        pytest.skip(f"no access lists here: {problem.strerror}")
    copy_attributes(str(part), str(film), replace(ALL, keep_mode=False))
    assert ACL not in os.listxattr(part)
    copy_attributes(str(part), str(film), ALL)
    assert os.getxattr(part, ACL) == packed
    assert part.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_owner_and_group_come_along_for_root(film: Path, part: Path) -> None:
    os.chown(film, 1234, 2345)
    copy_attributes(str(part), str(film), replace(ALL, keep_owner=False))
    assert part.stat().st_uid == 0
    copy_attributes(str(part), str(film), ALL)
    assert (part.stat().st_uid, part.stat().st_gid) == (1234, 2345)
    assert part.stat().st_mtime_ns == 2_000_000_000


def test_group_alone_comes_along_where_the_owner_can_not(
    film: Path, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[int, int]] = []

    def chown(_path: str, uid: int, gid: int) -> None:
        calls.append((uid, gid))
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr("os.chown", chown)
    copy_attributes(str(part), str(film), ALL)
    found = film.stat()
    assert calls == [(found.st_uid, found.st_gid), (-1, found.st_gid)]


def test_source_that_vanished_is_left_to_the_last_look(
    film: Path, part: Path, tmp_path: Path
) -> None:
    film.unlink()

    def gone() -> None:
        raise PlanOutdatedError("the source is gone")

    goal = tmp_path / "film.av1.mkv"
    with pytest.raises(PlanOutdatedError):
        publish_target(str(part), str(goal), source=str(film), attributes=ALL, check=gone)
    assert part.exists()


@pytest.mark.parametrize(
    ("number", "is_copied"), [(errno.EXDEV, True), (errno.EACCES, False), (errno.ENOSPC, False)]
)
def test_only_another_mount_makes_a_copy_of_a_rename_that_failed(
    number: int,
    film: Path,
    part: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_copied: bool,
) -> None:
    """Two mounts may have one device number: the rename itself says so then."""
    goal, rename = tmp_path / "film.av1.mkv", os.replace

    def refuse(origin: str | Path, place: str | Path) -> None:
        if Path(origin) == part:
            raise OSError(number, os.strerror(number), str(origin))
        rename(origin, place)

    monkeypatch.setattr(os, "replace", refuse)
    if is_copied:
        publish_target(str(part), str(goal), source=str(film), attributes=ALL)
        assert goal.read_bytes() == b"target" * 1000
        assert not part.exists()
    else:
        with pytest.raises(OSError, match=os.strerror(number)):
            publish_target(str(part), str(goal), source=str(film), attributes=ALL)
        assert sorted(path.name for path in tmp_path.iterdir()) == [part.name, film.name]


@pytest.mark.usefixtures("far_away")
def test_a_copy_that_could_not_begin_says_why(
    film: Path, part: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(origin: str, copy: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(copy))

    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(OSError, match="No space left on device"):
        publish_target(str(part), str(tmp_path / "a.mkv"), source=str(film), attributes=ALL)
    assert sorted(path.name for path in tmp_path.iterdir()) == [part.name, film.name]
