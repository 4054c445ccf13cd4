"""A file in the trash is deleted only if its counterpart is known to be whole."""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.base.errors import RunInterruptedError
from av1rules.execute.trash import (
    Purged,
    TrashSelection,
    TrashState,
    list_trash,
    purge,
    purge_expired,
    purged_line,
)
from av1rules.ledger.trash_table import TrashEntry, TrashKind
from tests.execute.trash_library import LONG_AGO, TrashLibrary


@pytest.fixture
def trashed(tmp_path: Path) -> TrashLibrary:
    return TrashLibrary(tmp_path)


def purged(
    library: TrashLibrary,
    *entries: TrashEntry,
    is_verified: bool = True,
    with_orphans: bool = False,
) -> list[Purged]:
    ruleset = library.ruleset()
    with library.ledger() as ledger:
        return list(
            purge(ledger, ruleset, entries, is_verified=is_verified, with_orphans=with_orphans)
        )


def refused(library: TrashLibrary, kept: TrashEntry, *, is_verified: bool = True) -> str:
    """The reason; all must be as before."""
    before = sorted(library.films.rglob("*"))
    (result,) = purged(library, kept, is_verified=is_verified)
    assert result.refusal is not None
    assert result.freed_bytes == 0
    assert sorted(library.films.rglob("*")) == before
    assert library.entry(kept).gone_at is None
    return result.refusal


def test_original_with_a_whole_target_goes_and_so_do_empty_folders(
    trashed: TrashLibrary,
) -> None:
    kept = trashed.move_to_trash("series/one/a.mp4")
    (result,) = purged(trashed, kept)
    assert result == Purged(kept=kept, freed_bytes=kept.size_bytes)
    assert trashed.entry(kept).gone_at is not None
    assert sorted(path.name for path in trashed.films.rglob("*")) == [
        "a.mkv",
        "one",
        "series",
    ]


def test_folders_with_anything_in_them_stay(trashed: TrashLibrary) -> None:
    first, second = trashed.move_to_trash("x/a.mp4"), trashed.move_to_trash("x/b.mp4")
    purged(trashed, first)
    assert Path(second.path).exists()
    (trashed.trash / "note.txt").touch()
    purged(trashed, second)
    assert sorted(path.name for path in trashed.trash.iterdir()) == [
        ".ignore", ".nomedia", "note.txt",
    ]  # fmt: skip


def test_marks_that_somebody_filled_stay(trashed: TrashLibrary) -> None:
    kept = trashed.move_to_trash()
    (trashed.trash / ".ignore").write_text("*.tmp")
    purged(trashed, kept)
    assert (trashed.trash / ".ignore").read_text() == "*.tmp"


def test_target_gone_cut_or_rotten_keeps_the_original(trashed: TrashLibrary) -> None:
    kept = trashed.move_to_trash()
    target = Path(kept.row.target)
    whole = target.read_bytes()
    target.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert refused(trashed, kept) == f"its target is not what was written: {target}"
    target.write_bytes(whole[:-1])
    assert "has 59 bytes, not 60" in refused(trashed, kept)
    assert "has 59 bytes, not 60" in refused(trashed, kept, is_verified=False)
    target.unlink()
    assert refused(trashed, kept) == f"its target is not there: {target}"
    target.symlink_to("/dev/zero")
    assert "not a regular file" in refused(trashed, kept)
    target.unlink()
    target.write_bytes(whole)
    assert purged(trashed, kept)[0].refusal is None


def test_unverified_looks_at_the_size_alone(trashed: TrashLibrary) -> None:
    kept = trashed.move_to_trash()
    target = Path(kept.row.target)
    target.write_bytes(b"?" * target.stat().st_size)
    assert purged(trashed, kept, is_verified=False)[0].refusal is None
    assert not Path(kept.path).exists()


def test_target_that_was_renamed_is_found_by_the_ledger(trashed: TrashLibrary) -> None:
    kept = trashed.move_to_trash()
    renamed = trashed.films / "b.mkv"
    os.rename(kept.row.target, renamed)
    with trashed.ledger() as ledger:
        ledger.commit(replace(kept.row, target=str(renamed)), None)
    assert purged(trashed, kept)[0].refusal is None


def test_undone_result_goes_only_if_its_original_is_whole(trashed: TrashLibrary) -> None:
    kept = trashed.move_to_trash(kind=TrashKind.RESULT)
    original = Path(kept.row.source_path)
    content = original.read_bytes()
    original.write_bytes(content.swapcase())
    assert refused(trashed, kept) == f"its original is not what was written: {original}"
    original.write_bytes(content)
    assert purged(trashed, kept)[0].refusal is None
    assert original.read_bytes() == content


def test_orphan_goes_only_if_orphans_are_meant(trashed: TrashLibrary) -> None:
    kept = trashed.move_to_trash(kind=TrashKind.ORPHAN)
    assert "may be the last copy" in refused(trashed, kept)
    assert purged(trashed, kept, with_orphans=True)[0].refusal is None
    assert not Path(kept.path).exists()


def test_other_content_in_its_place_is_not_deleted(trashed: TrashLibrary) -> None:
    kept = trashed.move_to_trash()
    path = Path(kept.path)
    content = path.read_bytes()
    path.write_bytes(b"what somebody put here")
    assert refused(trashed, kept) == "the file there is not the one that was moved to the trash"
    path.unlink()
    elsewhere = trashed.folder / "elsewhere.mp4"
    elsewhere.write_bytes(content)
    path.symlink_to(elsewhere)
    assert refused(trashed, kept) == "the file there is not the one that was moved to the trash"
    assert elsewhere.exists()


def test_links_on_the_way_are_not_followed(trashed: TrashLibrary) -> None:
    kept = trashed.move_to_trash("x/a.mp4")
    elsewhere = trashed.folder / "elsewhere"
    (trashed.trash / "1").rename(elsewhere)
    (trashed.trash / "1").symlink_to(elsewhere)
    assert f"{kept.path}" not in refused(trashed, kept)
    assert (elsewhere / "x" / "a.mp4").exists()
    (trashed.trash / "1").unlink()
    elsewhere.rename(trashed.trash / "1")
    trashed.trash.rename(elsewhere)
    trashed.trash.symlink_to(elsewhere)
    assert refused(trashed, kept)
    assert (elsewhere / "1" / "x" / "a.mp4").exists()


@pytest.mark.parametrize("way", ["a.mp4", "{trash}/../b.mp4", "{trash}"])
def test_nothing_outside_of_a_trash_folder_is_deleted(way: str, trashed: TrashLibrary) -> None:
    kept = trashed.move_to_trash()
    inner = Path(kept.path)
    place = f"{trashed.films}/{way.format(trash=trashed.trash.name)}"
    if not os.path.isdir(place):
        inner.rename(place)
    assert "it is not below a folder .av1rules-kept" in refused(trashed, replace(kept, path=place))
    assert os.path.exists(place)


def test_a_file_right_below_the_trash_folder_is_in_it(trashed: TrashLibrary) -> None:
    kept = trashed.move_to_trash()
    direct = replace(kept, path=str(trashed.trash / "a.mp4"))
    os.rename(kept.path, direct.path)
    assert purged(trashed, direct)[0].refusal is None
    assert not os.path.exists(direct.path)


def test_one_that_somebody_removed_is_written_down(trashed: TrashLibrary) -> None:
    kept = trashed.move_to_trash()
    os.unlink(kept.path)
    (result,) = purged(trashed, kept)
    assert result == Purged(kept=kept, was_there=False)
    assert trashed.entry(kept).gone_at is not None


def test_empty_folders_of_a_purge_that_was_killed_go(trashed: TrashLibrary) -> None:
    kept = trashed.move_to_trash("series/one/a.mp4")
    other = trashed.move_to_trash("b.mp4")
    folder = Path(kept.path).parent
    os.unlink(kept.path)
    os.rmdir(folder)
    (result,) = purged(trashed, kept)
    assert not result.was_there
    assert not folder.parent.exists(), "the folder above the one that had gone"
    assert os.path.exists(other.path)


def test_disk_that_is_not_there_says_nothing_of_its_files(trashed: TrashLibrary) -> None:
    kept = trashed.move_to_trash()
    trashed.films.rename(trashed.folder / "away")
    refusal = "its disk is not mounted"
    assert refused(trashed, kept) == refusal
    assert purged(trashed, kept) == [Purged(kept=kept, refusal=refusal, was_there=False)]
    with trashed.ledger() as ledger:
        (item,) = list_trash(ledger, trashed.ruleset())
    assert (item.state, item.frees_bytes, item.mount) == (TrashState.NO_DISK, 0, None)


def test_a_stop_in_the_middle_deletes_no_more(trashed: TrashLibrary) -> None:
    first, second = trashed.move_to_trash("a.mp4"), trashed.move_to_trash("b.mp4")
    stops = iter((False, True))

    def check() -> None:
        if next(stops):
            raise RunInterruptedError("stopped")

    ruleset = trashed.ruleset()
    with trashed.ledger() as ledger, pytest.raises(RunInterruptedError):
        list(purge(ledger, ruleset, (first, second), check=check))
    assert trashed.entry(first).gone_at is not None
    assert Path(second.path).exists()


def test_hard_linked_original_frees_nothing(trashed: TrashLibrary) -> None:
    kept = trashed.move_to_trash()
    os.link(kept.path, trashed.films / "seeded.mp4")
    with trashed.ledger() as ledger:
        (item,) = list_trash(ledger, trashed.ruleset())
    assert (item.state, item.frees_bytes) == (TrashState.THERE, 0)
    assert purged(trashed, kept)[0].freed_bytes == 0
    assert (trashed.films / "seeded.mp4").exists()


def test_one_that_can_not_be_read_stays(
    trashed: TrashLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = trashed.move_to_trash()

    def fail(path: str) -> str:
        raise OSError(errno.EIO, "Input/output error", path)

    monkeypatch.setattr("av1rules.execute.trash.content_key", fail)
    assert refused(trashed, kept) == "it can't be read: Input/output error"


def test_the_original_of_a_target_that_can_not_be_read_stays(
    trashed: TrashLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = trashed.move_to_trash()

    def fail(path: str, **_: object) -> str:
        raise OSError(errno.EIO, "Input/output error", path)

    monkeypatch.setattr("av1rules.execute.trash.file_digest", fail)
    said = f"its target can't be read (Input/output error): {kept.row.target}"
    assert refused(trashed, kept) == said


def test_a_purge_leaves_no_folder_open(trashed: TrashLibrary) -> None:
    """A library may have thousands of folders, a process has some hundred descriptors."""
    entries = [trashed.move_to_trash(f"x/y/{number}.mp4") for number in range(5)]
    before = len(os.listdir("/proc/self/fd"))
    assert all(one.refusal is None for one in purged(trashed, *entries))
    assert len(os.listdir("/proc/self/fd")) == before


def test_list_has_what_was_not_purged_without_the_large_columns(trashed: TrashLibrary) -> None:
    gone, kept = trashed.move_to_trash("a.mp4"), trashed.move_to_trash("b.mp4")
    with trashed.ledger() as ledger:
        with ledger._db.transaction() as write:
            write.execute("UPDATE kept SET receipt=x'01', facts=x'02'")
        ledger.kept.mark_gone(gone.id, LONG_AGO)
        (item,) = list_trash(ledger, trashed.ruleset())
        whole = {entry.id: entry for entry in ledger.kept.entries()}
        assert ledger.kept.paths() == {gone.path, kept.path}
    assert whole[kept.id].facts == b"\2"
    assert item.kept == replace(whole[kept.id], receipt=None, facts=None)


class TestExpiry:
    NOW = datetime.fromisoformat(LONG_AGO) + timedelta(days=30)

    def lines(self, library: TrashLibrary, policy: str, *, after: timedelta) -> list[str]:
        ruleset = library.ruleset(policy)
        with library.ledger() as ledger:
            expired = purge_expired(ledger, ruleset, now=self.NOW + after)
            return [purged_line(one) for one in expired]

    def test_original_goes_when_its_time_is_over(self, trashed: TrashLibrary) -> None:
        kept = trashed.move_to_trash()
        day = timedelta(days=1)
        assert self.lines(trashed, "keep", after=3650 * day) == []
        assert self.lines(trashed, "keep for 30d", after=-day) == []
        assert self.lines(trashed, "keep for 30d", after=timedelta()) == []
        assert self.lines(trashed, "keep for 30d", after=day) == [
            "deleted the original of films/a.mp4 (510 B)"
        ]
        assert not Path(kept.path).exists()
        assert self.lines(trashed, "keep for 30d", after=day) == []

    def test_deletions_that_a_killed_run_did_not_record_are_recorded(
        self, trashed: TrashLibrary
    ) -> None:
        gone, there = trashed.move_to_trash("a.mp4"), trashed.move_to_trash("b.mp4")
        os.unlink(gone.path)
        assert self.lines(trashed, "keep", after=timedelta()) == []
        assert trashed.entry(gone).gone_at is None
        said = [f"the original of films/a.mp4 was already gone: {gone.path}"]
        assert self.lines(trashed, "delete after verify", after=timedelta()) == said
        assert trashed.entry(gone).gone_at is not None
        assert trashed.entry(there).gone_at is None
        assert Path(there.path).exists()
        assert self.lines(trashed, "delete after verify", after=timedelta()) == []

    def test_one_that_went_before_its_time_is_not_told_again(self, trashed: TrashLibrary) -> None:
        kept = trashed.move_to_trash()
        purged(trashed, kept)
        assert self.lines(trashed, "keep for 1d", after=timedelta()) == []

    def test_only_originals_with_a_whole_target(self, trashed: TrashLibrary) -> None:
        kept = trashed.move_to_trash()
        os.unlink(kept.row.target)
        result = trashed.move_to_trash("b.mp4", kind=TrashKind.RESULT)
        orphan = trashed.move_to_trash("c.mp4", kind=TrashKind.ORPHAN)
        reason = f"its target is not there: {kept.row.target}"
        (line,) = self.lines(trashed, "keep for 1d", after=timedelta())
        first, hint = line.split("\n")
        assert first == f"kept the original of films/a.mp4 in {kept.path}: {reason}"
        assert "--last-copy" in hint
        assert all(Path(entry.path).exists() for entry in (kept, result, orphan))

    def test_clock_that_went_back_deletes_nothing(self, trashed: TrashLibrary) -> None:
        trashed.move_to_trash(at="2040-01-01T00:00:00+00:00")
        assert self.lines(trashed, "keep for 1d", after=timedelta()) == []

    def test_date_beyond_the_calendar_is_never(self, trashed: TrashLibrary) -> None:
        trashed.move_to_trash()
        assert self.lines(trashed, "keep for 9999999d", after=timedelta()) == []


def test_choice_by_run_path_kind_and_age(trashed: TrashLibrary) -> None:
    first = trashed.move_to_trash("x/a.mp4", run=1)
    second = trashed.move_to_trash(
        "y/b.mp4", run=2, kind=TrashKind.RESULT, at="2026-02-01T00:00:00+00:00"
    )
    now = datetime(2026, 2, 2, tzinfo=UTC)

    def chosen(**what: object) -> list[int]:
        choice = TrashSelection(**what)  # type: ignore[arg-type]
        return [kept.id for kept in (first, second) if choice.holds(kept, now)]

    assert chosen() == [1, 2]
    assert chosen(runs=frozenset({2})) == [2]
    assert chosen(kind=TrashKind.ORIGINAL) == [1]
    assert chosen(older_than_s=86400.0) == [1]
    assert chosen(older_than_s=864000000.0) == []
    assert chosen(paths=(f"{trashed.films}/x",)) == [1]
    assert chosen(paths=(str(trashed.films),)) == [1, 2]
    assert chosen(paths=(first.row.target,)) == [1]
    assert chosen(paths=(first.row.source_path,)) == [1]
    assert chosen(paths=(second.path,)) == [2]
    assert chosen(paths=(f"{trashed.films}/x/a",)) == []
    assert chosen(runs=frozenset({2}), paths=(first.path,)) == [1, 2]
    assert chosen(runs=frozenset({2}), kind=TrashKind.ORIGINAL) == []
