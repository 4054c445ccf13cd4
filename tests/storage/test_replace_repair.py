"""After a crash at any moment a replacement is finished or taken back; what is not ours stays."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.base.errors import PlanOutdatedError
from av1rules.base.files import steady_temp_name
from av1rules.base.hashing import content_key
from av1rules.storage.replace import (
    Repair,
    Replacement,
    apply_replacement,
    has_content,
    repair_replacement,
)
from tests.storage.test_replace import NEW, OLD, OTHER, files


@pytest.fixture
def exchange(tmp_path: Path) -> Replacement:
    """`a.mp4` goes to the trash, `part.mkv` becomes `a.mkv`, its subtitles follow."""
    old, new = tmp_path / "a.mp4", tmp_path / "part.mkv"
    old.write_bytes(OLD)
    new.write_bytes(NEW)
    (tmp_path / "a.mp4.srt").write_bytes(b"subtitles")
    return Replacement(
        incoming=str(new),
        place_in=str(tmp_path / "a.mkv"),
        key_in=content_key(new),
        place_out=str(old),
        aside=str(tmp_path / "trash" / "a.mp4"),
        key_out=content_key(old),
        side_files=((str(tmp_path / "a.mp4.srt"), str(tmp_path / "a.mkv.srt")),),
    )


def of_same_name(exchange: Replacement) -> Replacement:
    return replace(exchange, place_in=exchange.place_out)


def only_aside(exchange: Replacement) -> Replacement:
    return replace(exchange, incoming=None, place_in=None, key_in=None)


class _CrashError(Exception):
    pass


STEPS = ("trash made", "kept aside", "in place", "old name gone", "side files renamed")
BEFORE = {"a.mp4": OLD, "part.mkv": NEW, "a.mp4.srt": b"subtitles"}
AFTER = {"a.mkv": NEW, "trash/a.mp4": OLD, "a.mkv.srt": b"subtitles"}
AFTER_SAME = {"a.mp4": NEW, "trash/a.mp4": OLD, "a.mkv.srt": b"subtitles"}


def crash_at(exchange: Replacement, wanted: str) -> None:
    def failpoint(step: str) -> None:
        if step == wanted:
            raise _CrashError

    with pytest.raises(_CrashError):
        apply_replacement(exchange, failpoint=failpoint)


def test_side_files_follow_the_film(tmp_path: Path, exchange: Replacement) -> None:
    apply_replacement(exchange)
    assert files(tmp_path) == AFTER


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("is_same", [False, True], ids=["other name", "same name"])
def test_a_crash_is_finished_or_taken_back(
    step: str, tmp_path: Path, exchange: Replacement, *, is_same: bool
) -> None:
    wanted = of_same_name(exchange) if is_same else exchange
    crash_at(wanted, step)
    is_placed = STEPS.index(step) >= STEPS.index("in place")
    after = AFTER_SAME if is_same else AFTER
    for _ in range(2):  # the second time it finds all done
        found = repair_replacement(wanted)
        assert found is (Repair.FINISHED if is_placed else Repair.ROLLED_BACK)
        assert files(tmp_path) == (after if is_placed else BEFORE)


def test_a_file_that_only_goes_to_the_trash(tmp_path: Path, exchange: Replacement) -> None:
    away = only_aside(exchange)
    assert repair_replacement(away) is Repair.ROLLED_BACK
    assert files(tmp_path) == BEFORE
    crash_at(away, "kept aside")  # two names of one file
    assert repair_replacement(away) is Repair.FINISHED
    gone = {"part.mkv": NEW, "trash/a.mp4": OLD, "a.mkv.srt": b"subtitles"}
    assert files(tmp_path) == gone
    nowhere = replace(away, aside=None)
    assert repair_replacement(nowhere) is Repair.ROLLED_BACK


def test_a_file_that_only_comes_back(tmp_path: Path, exchange: Replacement) -> None:
    """As undo puts an original in its free place."""
    back = replace(exchange, place_out=None, aside=None, key_out=None, side_files=())
    apply_replacement(back)
    there = {"a.mp4": OLD, "a.mkv": NEW, "a.mp4.srt": b"subtitles"}
    assert files(tmp_path) == there
    assert repair_replacement(back) is Repair.FINISHED
    assert files(tmp_path) == there


def test_new_bytes_that_came_from_elsewhere_are_not_this_replacement_s(
    tmp_path: Path, exchange: Replacement
) -> None:
    """Another run with another ledger wrote the same file there, and this one did not begin."""
    shutil.copy(tmp_path / "part.mkv", tmp_path / "a.mkv")
    assert repair_replacement(exchange) is Repair.ROLLED_BACK
    assert files(tmp_path) == BEFORE | {"a.mkv": NEW}


def test_both_names_of_a_placed_file_become_one(tmp_path: Path, exchange: Replacement) -> None:
    """Power was lost between link and unlink of the new file."""
    crash_at(exchange, "in place")
    os.link(tmp_path / "a.mkv", tmp_path / "part.mkv")
    assert repair_replacement(exchange) is Repair.FINISHED
    assert files(tmp_path) == AFTER


def test_the_trash_was_lost_with_the_power_and_the_old_file_is_there(
    tmp_path: Path, exchange: Replacement
) -> None:
    crash_at(exchange, "in place")
    Path(tmp_path, "trash", "a.mp4").unlink()
    assert repair_replacement(exchange) is Repair.FINISHED
    assert files(tmp_path) == AFTER


def test_half_a_copy_in_the_trash_goes(tmp_path: Path, exchange: Replacement) -> None:
    Path(tmp_path, "trash").mkdir()
    assert exchange.aside is not None
    steady_temp_name(Path(exchange.aside)).write_bytes(OLD[:3])
    assert repair_replacement(exchange) is Repair.ROLLED_BACK
    assert files(tmp_path) == BEFORE


# --- file systems and names ---


def refusing(number: int, monkeypatch: pytest.MonkeyPatch, exchange: Replacement) -> None:
    """No hard link into the trash, as FAT, some shares and other devices refuse it."""
    link = os.link

    def refuse(origin: str, goal: str, **more: object) -> None:
        if str(goal) == exchange.aside:
            raise OSError(number, os.strerror(number))
        link(origin, goal, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "link", refuse)


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK])
@pytest.mark.parametrize("is_same", [False, True], ids=["other name", "same name"])
def test_where_the_trash_takes_no_links(
    number: int,
    tmp_path: Path,
    exchange: Replacement,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_same: bool,
) -> None:
    wanted = of_same_name(exchange) if is_same else exchange
    if number != errno.EXDEV:  # the way without links needs renames that fall back on no link
        monkeypatch.setattr("av1rules.storage.replace.rename_new", os.rename)
    refusing(number, monkeypatch, wanted)
    apply_replacement(wanted)
    assert files(tmp_path) == (AFTER_SAME if is_same else AFTER)


def test_another_refusal_of_the_trash_changes_nothing(
    tmp_path: Path, exchange: Replacement, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing(errno.ENOSPC, monkeypatch, exchange)
    with pytest.raises(OSError, match="No space left"):
        apply_replacement(exchange)
    assert files(tmp_path) == BEFORE


def test_a_moved_old_file_goes_back(tmp_path: Path, exchange: Replacement) -> None:
    """Without hard links it has only its name in the trash when power is lost."""
    Path(tmp_path, "trash").mkdir()
    Path(tmp_path, "a.mp4").rename(tmp_path / "trash" / "a.mp4")
    assert repair_replacement(exchange) is Repair.ROLLED_BACK
    assert files(tmp_path) == BEFORE


def test_an_old_file_that_is_in_the_trash_already_is_fine_another_is_not(
    tmp_path: Path, exchange: Replacement
) -> None:
    there = tmp_path / "trash" / "a.mp4"
    there.parent.mkdir()
    there.write_bytes(OTHER)
    with pytest.raises(FileExistsError):
        apply_replacement(exchange)
    assert files(tmp_path) == BEFORE | {"trash/a.mp4": OTHER}
    assert repair_replacement(exchange) is Repair.STUCK
    there.write_bytes(OLD)
    apply_replacement(exchange)
    assert files(tmp_path) == AFTER


def test_a_taken_name_is_not_overwritten(tmp_path: Path, exchange: Replacement) -> None:
    (tmp_path / "a.mkv").write_bytes(OTHER)
    with pytest.raises(FileExistsError):
        apply_replacement(exchange)
    assert files(tmp_path) == BEFORE | {"a.mkv": OTHER, "trash/a.mp4": OLD}
    assert repair_replacement(exchange) is Repair.ROLLED_BACK
    assert files(tmp_path) == BEFORE | {"a.mkv": OTHER}


@pytest.mark.parametrize("step", ["kept aside", "old name gone"])
def test_a_folder_that_took_the_name_after_a_crash_stays(
    step: str, tmp_path: Path, exchange: Replacement
) -> None:
    crash_at(exchange, step)
    Path(tmp_path, "a.mkv").unlink(missing_ok=True)
    Path(tmp_path, "a.mkv").mkdir()
    assert repair_replacement(exchange) is Repair.ROLLED_BACK
    assert Path(tmp_path, "a.mkv").is_dir()
    assert files(tmp_path)["a.mp4"] == OLD


def test_a_file_of_the_same_name_that_somebody_wrote_to_stays(
    tmp_path: Path, exchange: Replacement
) -> None:
    def write(step: str) -> None:
        if step == "kept aside":
            Path(tmp_path, "a.mp4").unlink()
            Path(tmp_path, "a.mp4").write_bytes(OTHER)

    with pytest.raises(PlanOutdatedError, match="changed on its way to the trash"):
        apply_replacement(of_same_name(exchange), failpoint=write)
    assert files(tmp_path) == BEFORE | {"a.mp4": OTHER, "trash/a.mp4": OLD}


def test_a_content_that_changed_before_the_trash_is_not_replaced(
    tmp_path: Path, exchange: Replacement
) -> None:
    """It was written to in place after the last look, so that trash and name are one file."""

    def write() -> None:
        Path(tmp_path, "a.mp4").write_bytes(OTHER)

    with pytest.raises(PlanOutdatedError, match=r"on its way to the trash: .*/a\.mp4"):
        apply_replacement(exchange, check=write)
    assert "a.mkv" not in files(tmp_path)
    assert files(tmp_path)["a.mp4"] == OTHER


def test_a_check_that_raises_changes_nothing(tmp_path: Path, exchange: Replacement) -> None:
    def refuse() -> None:
        raise PlanOutdatedError("no")

    with pytest.raises(PlanOutdatedError):
        apply_replacement(exchange, check=refuse)
    assert files(tmp_path) == BEFORE


def test_a_new_folder_is_made_for_what_comes(tmp_path: Path, exchange: Replacement) -> None:
    inner = replace(exchange, place_in=str(tmp_path / "new" / "folder" / "a.mkv"))
    apply_replacement(inner)
    assert files(tmp_path)["new/folder/a.mkv"] == NEW


@pytest.mark.parametrize("is_far", [False, True], ids=["linked", "copied"])
def test_of_a_symbolic_link_the_link_goes_to_the_trash(
    tmp_path: Path, exchange: Replacement, monkeypatch: pytest.MonkeyPatch, *, is_far: bool
) -> None:
    (tmp_path / "real").write_bytes(OLD)
    Path(tmp_path, "a.mp4").unlink()
    Path(tmp_path, "a.mp4").symlink_to(tmp_path / "real")
    if is_far:
        refusing(errno.EXDEV, monkeypatch, exchange)
    apply_replacement(exchange)
    assert os.readlink(tmp_path / "trash" / "a.mp4") == str(tmp_path / "real")
    assert not os.path.lexists(tmp_path / "a.mp4")


def test_nothing_is_copied_through_a_link_that_waits_under_the_temporary_name(
    tmp_path: Path, exchange: Replacement, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert exchange.aside is not None
    part = steady_temp_name(Path(exchange.aside))
    part.parent.mkdir()
    (tmp_path / "other").write_bytes(OTHER)
    part.symlink_to(tmp_path / "other")
    refusing(errno.EXDEV, monkeypatch, exchange)
    apply_replacement(exchange)
    assert files(tmp_path) == AFTER | {"other": OTHER}
    assert not Path(exchange.aside).is_symlink()


# --- side files ---


def test_side_files_that_can_not_have_their_name_keep_the_old_one(
    tmp_path: Path, exchange: Replacement
) -> None:
    (tmp_path / "a.mkv.srt").write_bytes(OTHER)
    (tmp_path / "a.nfo").write_bytes(b"about")
    pairs = (
        (str(tmp_path / "gone.srt"), str(tmp_path / "new.srt")),
        *exchange.side_files,
        (str(tmp_path / "a.nfo"), str(tmp_path / ("long" * 100))),
        (str(tmp_path / "a.nfo"), str(tmp_path / "b.nfo")),
    )
    apply_replacement(replace(exchange, side_files=pairs))
    kept = {"a.mp4.srt": b"subtitles", "a.mkv.srt": OTHER, "b.nfo": b"about"}
    assert files(tmp_path) == {"a.mkv": NEW, "trash/a.mp4": OLD} | kept


def test_both_names_of_a_side_file_become_one(tmp_path: Path, exchange: Replacement) -> None:
    os.link(tmp_path / "a.mp4.srt", tmp_path / "a.mkv.srt")
    apply_replacement(exchange)
    assert files(tmp_path) == AFTER


def test_what_is_no_file_has_no_content(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(OLD)
    key = content_key(file)
    assert has_content(str(file), key)
    assert not has_content(str(file), None)
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "b", file / "inside"):
        assert not has_content(str(path), key)
