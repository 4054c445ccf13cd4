"""`verify`: what is found of targets that were touched, rotted, cut, edited, or are gone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.base.errors import RunInterruptedError, UsageError
from av1rules.base.events import CheckStarted, Event, FileChecked
from av1rules.base.hashing import content_key
from av1rules.execute.resources.run_lock import run_lock
from av1rules.ledger.checks import CheckMethod, CheckTable, LastCheck
from av1rules.ledger.database import LedgerDb
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import put_row
from av1rules.operations.verify_targets import (
    RECORDED_TOGETHER,
    TargetCheck,
    TargetHealth,
    VerifyOptions,
    check_targets,
    due_rows,
    selected_rows,
)
from av1rules.plan.names.find import wanted_name
from av1rules.plan.workspace import open_workspace
from tests.plan.test_freshness import ROW
from tests.sample_library import SampleLibrary

DEEP = frozenset(CheckMethod)
DIGEST = frozenset({CheckMethod.DIGEST})
DECODE = frozenset({CheckMethod.DECODE})
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def check(
    library: SampleLibrary, ways: frozenset[CheckMethod] = frozenset()
) -> dict[str, TargetCheck]:
    """All targets, by file name."""
    events: list[Event] = []
    request = VerifyOptions(ways=ways)
    with open_workspace(library.rules_file, write=True) as workspace:
        rows = selected_rows(workspace.ledger.rows(), request)
        found = list(check_targets(rows, workspace, request, known=0, sink=events.append))
    assert [type(event) for event in events if isinstance(event, CheckStarted | FileChecked)] == [
        CheckStarted,
        *[FileChecked] * len(rows),
    ]
    return {os.path.basename(one.row.target): one for one in found}


def faults(library: SampleLibrary) -> dict[str, str]:
    with ledger(library) as opened:
        return {os.path.basename(name): fault for name, fault in opened.checks.faults().items()}


@contextmanager
def ledger(library: SampleLibrary) -> Iterator[Ledger]:
    opened = Ledger.read(library.state_dir)
    try:
        yield opened
    finally:
        opened.close()


def flip(path: Path, *, keep_time: bool = True) -> None:
    """One bit in the middle: what a disk forgets in the dark."""
    seen = path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)
    if keep_time:
        os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))


def wreck(path: Path) -> None:
    """The second half is noise, size and time stay."""
    seen = path.stat()
    data = path.read_bytes()
    half = len(data) // 2
    path.write_bytes(data[:half] + bytes(byte ^ 0x5A for byte in data[half:]))
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))


@pytest.mark.real
class TestFindings:
    def test_all_well(self, library: SampleLibrary) -> None:
        library.add("a.mkv")
        library.run()
        found = check(library, DEEP)["a.mkv"]
        assert (found.health, found.detail, found.hint) == (TargetHealth.WELL, None, None)
        with ledger(library) as opened:
            (recorded,) = opened.checks.all().values()
        assert (recorded.ways, recorded.fault) == (DEEP, None)

    def test_bit_rot_is_found_by_digest_only_and_recorded_until_made_anew(
        self, library: SampleLibrary
    ) -> None:
        library.add("a.mkv")
        library.run()
        flip(library.target("a.mkv"))
        assert check(library)["a.mkv"].health is TargetHealth.WELL
        found = check(library, DIGEST)["a.mkv"]
        assert found.health is TargetHealth.DAMAGED
        assert "bit rot" in (found.detail or "")
        assert "redoes it from its source" in (found.hint or "")
        assert "bit rot" in faults(library)["a.mkv"]
        check(library)
        assert "a.mkv" in faults(library), "size and time show no damage"
        library.run(library.folder / "films", force=True)
        assert faults(library) == {}
        assert check(library, DIGEST)["a.mkv"].health is TargetHealth.WELL

    def test_decoding_finds_what_does_not_play(self, library: SampleLibrary) -> None:
        library.add("a.mkv")
        library.run()
        wreck(library.target("a.mkv"))
        found = check(library, DECODE)["a.mkv"]
        assert found.health is TargetHealth.DAMAGED
        assert found.is_hidden
        assert list(faults(library)) == ["a.mkv"]

    def test_touched_target_is_well_and_its_new_time_is_kept(self, library: SampleLibrary) -> None:
        library.add("a.mkv")
        library.run()
        os.utime(library.target("a.mkv"), ns=(1, 2_000_000_000))
        assert check(library)["a.mkv"].touched_ns == 2_000_000_000
        assert library.ledger_rows()[0].target_mtime_ns == 2_000_000_000
        assert check(library)["a.mkv"].touched_ns is None

    def test_gone_cut_edited_and_foreign_targets_are_told_apart(
        self, library: SampleLibrary, make_clip: object
    ) -> None:
        for name in ("cut", "edited", "foreign", "gone"):
            library.add(f"{name}.mkv")
        library.rules(
            "version: 1\nlibrary: {roots: [films], settle: 0}\n"
            "output: {mode: mirror, root: out, copies: encode}\nrun: {reserve: 0}\n"
            "rules: [{name: all, review: never, "
            "encode: {crf: 50, preset: 12, max_size_ratio: 9}}]\n"
        )
        library.run()
        cut, edited = library.target("cut.mkv"), library.target("edited.mkv")
        os.truncate(cut, cut.stat().st_size // 2)
        edited.write_bytes(edited.read_bytes().replace(b"Lavf", b"Lavg", 1) + b"\xec\x80")
        library.target("foreign.mkv").write_bytes(library.clip.read_bytes())
        library.target("gone.mkv").unlink()
        found = check(library, DEEP)
        assert {name: one.health for name, one in found.items()} == {
            "cut.mkv": TargetHealth.DAMAGED,
            "edited.mkv": TargetHealth.MODIFIED,
            "foreign.mkv": TargetHealth.FOREIGN,
            "gone.mkv": TargetHealth.MISSING,
        }
        assert "bytes, not" in (found["cut.mkv"].detail or "")
        assert "av1rules adopt" in (found["edited.mkv"].hint or "")
        assert faults(library) == {}, "a plan sees these by itself"

    def test_lost_source_makes_a_difference_to_what_is_to_be_done(
        self, library: SampleLibrary
    ) -> None:
        source = library.add("a.mkv")
        library.run()
        library.target("a.mkv").unlink()
        source.unlink()
        assert "from a backup" in (check(library)["a.mkv"].hint or "")
        library.target("a.mkv").parent.rmdir()
        assert "is the disk mounted?" in (check(library)["a.mkv"].hint or "")

    def test_interrupted_check_keeps_what_it_found(self, library: SampleLibrary) -> None:
        for name in ("a.mkv", "b.mkv"):
            library.add(name)
        library.run()
        request = VerifyOptions(ways=DIGEST, older_than_s=3600)
        with open_workspace(library.rules_file, write=True) as workspace:
            rows = selected_rows(workspace.ledger.rows(), request)
            steps = check_targets(rows, workspace, request, known=0, sink=lambda _: None)
            assert next(steps).row.target.endswith("a.mkv")
            workspace.children.stop()
            with pytest.raises(RunInterruptedError):
                next(steps)
        with ledger(library) as opened:
            due = due_rows(rows, opened.checks.all(), request, now=datetime.now(UTC))
        assert [os.path.basename(one.target) for one in due] == ["b.mkv"]

    def test_a_run_at_work_is_no_hindrance(self, library: SampleLibrary) -> None:
        library.add("a.mkv")
        library.run()
        flip(library.target("a.mkv"))
        with run_lock(library.state_dir):
            check(library, DIGEST)
        assert list(faults(library)) == ["a.mkv"]


class TestManyTargets:
    """More than one transaction and one query hold, by size and time alone."""

    @pytest.fixture
    def many(self, library: SampleLibrary) -> tuple[str, ...]:
        """Targets as written, the first of them with another time in the ledger."""
        names = []
        out = library.folder / "out"
        out.mkdir()
        rows = []
        for number in range(RECORDED_TOGETHER + 7):
            path = out / f"{number:04}.mkv"
            path.write_bytes(b"%d" % number)
            stat = path.stat()
            rows.append(
                replace(
                    ROW,
                    target=str(path),
                    target_bytes=stat.st_size,
                    target_mtime_ns=stat.st_mtime_ns - (number == 0),
                    target_key=content_key(path),
                )
            )
            names.append(str(path))
        db = LedgerDb.open(library.state_dir)
        with db.transaction() as write:
            for row in rows:
                put_row(write, row, None)
        db.close()
        return tuple(names)

    def test_all_are_checked_and_recorded(
        self, library: SampleLibrary, many: tuple[str, ...]
    ) -> None:
        found = check(library)
        assert [one.row.target for one in found.values()] == list(many)
        assert {one.health for one in found.values()} == {TargetHealth.WELL}
        assert found["0000.mkv"].touched_ns == os.stat(many[0]).st_mtime_ns
        with ledger(library) as opened:
            assert list(opened.checks.all()) == list(many)
            assert next(opened.rows_of(many[:1])).target_mtime_ns == found["0000.mkv"].touched_ns

    def test_what_was_checked_before_a_stop_is_recorded(
        self, library: SampleLibrary, many: tuple[str, ...]
    ) -> None:
        with open_workspace(library.rules_file, write=True) as workspace:
            rows = tuple(workspace.ledger.briefs())
            steps = check_targets(rows, workspace, VerifyOptions(), known=0, sink=lambda _: None)
            for _ in range(3):
                next(steps)
            workspace.children.stop()
            with pytest.raises(RunInterruptedError):
                next(steps)
        with ledger(library) as opened:
            assert list(opened.checks.all()) == list(many[:3])

    def test_a_row_that_went_meanwhile_is_left_out(
        self, library: SampleLibrary, many: tuple[str, ...]
    ) -> None:
        with ledger(library) as opened:
            names = (many[-1], "/gone.mkv", many[0])
            assert [row.target for row in opened.rows_of(names)] == [many[-1], many[0]]
            assert set(opened.written(names)) == {many[0], many[-1]}


class TestDue:
    ROWS = tuple(replace(ROW, target=f"/out/{name}.mkv") for name in "abc")

    def due(self, done: dict[str, LastCheck], request: VerifyOptions) -> list[str]:
        return [
            os.path.basename(one.target)[0] for one in due_rows(self.ROWS, done, request, now=NOW)
        ]

    def at(self, days: float, ways: frozenset[CheckMethod], fault: str | None = None) -> LastCheck:
        at = (NOW - timedelta(days=days)).isoformat(timespec="seconds")
        return LastCheck(at=at, ways=ways, fault=fault)

    def test_without_a_limit_all_are_due_the_longest_unchecked_first(self) -> None:
        done = {"/out/a.mkv": self.at(1, DIGEST), "/out/b.mkv": self.at(9, DIGEST)}
        assert self.due(done, VerifyOptions(ways=DIGEST)) == ["c", "b", "a"]

    def test_recent_ones_are_left_out_if_they_were_checked_as_well(self) -> None:
        request = VerifyOptions(ways=DIGEST, older_than_s=5 * 86400)
        done = {
            "/out/a.mkv": self.at(4, DEEP),
            "/out/b.mkv": self.at(6, DEEP),
            "/out/c.mkv": self.at(1, frozenset()),
        }
        assert self.due(done, request) == ["b", "c"]

    def test_a_fault_is_looked_at_again(self) -> None:
        request = VerifyOptions(ways=DIGEST, older_than_s=5 * 86400)
        done = dict.fromkeys((one.target for one in self.ROWS), self.at(1, DIGEST, "rot"))
        assert self.due(done, request) == ["a", "b", "c"]

    def test_wished_by_target_or_by_source(self) -> None:
        rows = [replace(ROW, target="/out/a.mkv", source_path="/films/x/a.avi")]
        for name in ("/out", "/films/x/a.avi", ROW.source):
            assert selected_rows(rows, VerifyOptions(names=(wanted_name(name),))) == tuple(rows)
        with pytest.raises(UsageError, match="no target of this name"):
            selected_rows(rows, VerifyOptions(names=(wanted_name("/out/elsewhere"),)))


class TestTable:
    @pytest.fixture
    def table(self, tmp_path: Path) -> Iterator[CheckTable]:
        opened = Ledger.open(tmp_path)
        opened.commit(ROW, None)
        yield opened.checks
        opened.close()

    def put(
        self, table: CheckTable, ways: frozenset[CheckMethod], fault: str | None = None
    ) -> None:
        assert table.put(ROW, LastCheck(at=NOW.isoformat(), ways=ways, fault=fault))

    def test_less_says_nothing_against_more(self, table: CheckTable) -> None:
        self.put(table, DEEP)
        self.put(table, DIGEST)
        assert next(iter(table.all().values())).ways == DEEP

    def test_only_the_same_look_clears_a_fault(self, table: CheckTable) -> None:
        self.put(table, DIGEST, "rot")
        self.put(table, frozenset())
        self.put(table, DECODE)
        assert list(table.faults().values()) == ["rot"]
        self.put(table, DEEP)
        assert table.faults() == {}

    def test_another_file_in_the_ledger_meanwhile(self, table: CheckTable) -> None:
        for other in (replace(ROW, target_key="9-9"), replace(ROW, target="/gone.mkv")):
            checked = LastCheck(at=NOW.isoformat(), ways=DIGEST, fault="rot")
            assert not table.put(other, checked, mtime_ns=5)
        assert table.all() == {}
