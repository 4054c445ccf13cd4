"""The ledger: what was made from what. The graph relies on it; each target is one commit.

Paths are stored as the bytes of the file system. The other tables (`kept`, `runs`, `findings`,
`moves`, `census`, `checks`, `clips`, `forecasts`, `samples`, `searches`, `stand_ins`,
`own_touches`, `as_made`, `controls`, `segments`, `queue`, `outbox`) have their own modules.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from av1rules.ledger.as_made import AsMadeTable
from av1rules.ledger.checks import CheckTable, SourceCheckTable
from av1rules.ledger.clips import ClipTable
from av1rules.ledger.controls import ControlTable
from av1rules.ledger.database import LEDGER_NAME, PAGE_ROWS, SCHEMA_VERSION, LedgerDb, pages_of
from av1rules.ledger.films.film_list import FilmList
from av1rules.ledger.films.queue import QueueTable
from av1rules.ledger.findings import FindingTable
from av1rules.ledger.forecasts import ForecastTable
from av1rules.ledger.mapping import LedgerPath, RecordMapper, RecordTable
from av1rules.ledger.moved import NOTHING_MOVED, MovedFiles, write_moved
from av1rules.ledger.outbox.changes import published, renamed
from av1rules.ledger.outbox.table import OutboxTable
from av1rules.ledger.packed_receipt import unpack_receipt
from av1rules.ledger.read_ahead import ReadAhead, read_ahead
from av1rules.ledger.records import (
    MADE_TARGET,
    Attempt,
    AttemptResult,
    AttemptTable,
    LedgerRow,
    MadeTarget,
    RunTarget,
    TargetBrief,
    TargetRow,
    TargetTable,
    TargetTotals,
    WrittenTarget,
    dump_row,
    load_target,
    put_attempt,
    put_row,
)
from av1rules.ledger.runs import InventoryTable, MoveTable, RunTable, TargetMove
from av1rules.ledger.samples import SampleTable, SearchTable
from av1rules.ledger.segments.tables import SegmentedFilmTable, SegmentTable
from av1rules.ledger.stand_ins import OwnTouchTable, StandInTable
from av1rules.ledger.trash_table import TrashTable
from av1rules.ledger.valid_targets import ValidTargets

__all__ = ["LEDGER_NAME", "SCHEMA_VERSION", "JobInProgress", "Ledger"]


class JobInProgress(msgspec.Struct, frozen=True, kw_only=True):
    """A job that a run began: its private folder, and its row once it is verified."""

    folder: LedgerPath
    source: LedgerPath
    row: LedgerRow | None
    receipt: bytes | None


class JobInProgressTable(RecordTable[JobInProgress]):
    """The jobs in progress."""

    name = "in_hand"
    mapper = RecordMapper(JobInProgress)


class Ledger:
    """Open with `Ledger.open` (to write) or `Ledger.read` (never changes a byte on disk)."""

    def __init__(self, db: LedgerDb, moved: MovedFiles = NOTHING_MOVED) -> None:
        self._db = db
        self._left = {one.was.target: one.now for one in moved.targets}
        self._came = {one.now.target: one.now for one in moved.targets}
        self._targets = TargetTable(db)
        self._attempts = AttemptTable(db)
        self._in_hand = JobInProgressTable(db)
        self._ahead: ReadAhead | None = None
        self.valid = ValidTargets(db, self._left, self._came)
        self.kept = TrashTable(db, moved.entries)
        self.runs = RunTable(db)
        self.findings = FindingTable(db)
        self.moves = MoveTable(db)
        self.inventories = InventoryTable(db)
        self.checks = CheckTable(db)
        self.health = SourceCheckTable(db)
        self.clips = ClipTable(db)
        self.forecasts = ForecastTable(db)
        self.samples = SampleTable(db)
        self.searches = SearchTable(db)
        self.stand_ins = StandInTable(db)
        self.own_touches = OwnTouchTable(db)
        self.as_made = AsMadeTable(db)
        self.controls = ControlTable(db)
        self.segmented = SegmentedFilmTable(db)
        self.segments = SegmentTable(db)
        self.queue = QueueTable(db)
        self.films = FilmList(db)
        self.outbox = OutboxTable(db)

    @classmethod
    def open(cls, state_dir: Path) -> Ledger:
        """Open to write; creates a missing ledger. Raises LedgerError."""
        return cls(LedgerDb.open(state_dir))

    @classmethod
    def read(cls, state_dir: Path) -> Ledger:
        """Open to read; a missing ledger reads as an empty one. Raises LedgerError."""
        return cls(LedgerDb.read(state_dir))

    def close(self) -> None:
        self._db.close()

    def as_moved(self, moved: MovedFiles) -> Ledger:
        """This ledger, read as if `moved` were written: for plans."""
        return Ledger(self._db, moved) if moved else self

    # --- reading

    @contextlib.contextmanager
    def reading_ahead(self, content_keys: Iterable[str]) -> Iterator[None]:
        """Read all rows of these contents now: inside, `find`, `of_content`, `attempt` and
        `samples.find` answer from them where they can. Nothing may be written meanwhile."""
        self._ahead = read_ahead(
            content_keys, self._targets, self._attempts, self.samples, moved=self._left
        )
        self.samples.contents_without = self._ahead.without_samples
        try:
            yield
        finally:
            self._ahead, self.samples.contents_without = None, frozenset()

    def find(self, target: str) -> TargetRow | None:
        if self._ahead is not None:
            known = self._ahead.by_target.get(target)
            if known is not None or not self._ahead.has_targets:
                return known
        if target in self._came or target in self._left:
            return self._came.get(target)
        return next(self._targets.select("WHERE target=?", os.fsencode(target)), None)

    def made_from(self, source_path: str) -> tuple[str, ...]:
        """The targets whose source was at this path when they were made."""
        sql = "SELECT target FROM targets WHERE source_path=? ORDER BY built_at DESC"
        return tuple(os.fsdecode(row[0]) for row in self._db.query(sql, os.fsencode(source_path)))

    def of_content(self, content_key: str) -> tuple[TargetRow, ...]:
        """Every target that was made from this content."""
        if self._ahead is not None and content_key in self._ahead.contents:
            return self._ahead.by_content.get(content_key, ())
        rows = self._targets.select("WHERE content_key=? ORDER BY target", content_key)
        return tuple(self._left.get(row.target, row) for row in rows)

    def of_own_content(self, target_key: str) -> tuple[TargetRow, ...]:
        """Every row whose target, as it was written, has this content."""
        return tuple(self._targets.select("WHERE target_key=? ORDER BY target", target_key))

    def sources(self) -> Iterator[tuple[str, int]]:
        """Library path and size of the source of every target."""
        for source, size in self._db.query("SELECT source, source_bytes FROM targets"):
            yield os.fsdecode(source), size

    def targets(self) -> Iterator[str]:
        """Every target, including those to be redone."""
        for (name,) in self._db.stream("SELECT target FROM targets"):
            target = os.fsdecode(name)
            yield self._left[target].target if target in self._left else target

    def forgotten(self) -> tuple[str, ...]:
        """The targets to be redone because a user said so."""
        rows = self._db.query("SELECT target FROM targets WHERE forgotten")
        return tuple(os.fsdecode(target) for (target,) in rows)

    def rows(self) -> Iterator[TargetRow]:
        return self._targets.select("ORDER BY target")

    def briefs(self) -> Iterator[TargetBrief]:
        """Every target, by name, without its row."""
        sql = "SELECT target, source, source_path, target_bytes FROM targets ORDER BY target"
        for target, source, source_path, size in self._db.stream(sql):
            yield TargetBrief(
                target=os.fsdecode(target),
                source=os.fsdecode(source),
                source_path=os.fsdecode(source_path),
                target_bytes=size,
            )

    def names(self) -> Iterator[tuple[str, str, str]]:
        """Library path and path on disk of the source of every target, and the target's path."""
        sql = "SELECT source, source_path, target FROM targets"
        for source, source_path, target in self._db.query(sql):
            yield os.fsdecode(source), os.fsdecode(source_path), os.fsdecode(target)

    def made_by(self, run: int) -> tuple[RunTarget, ...]:
        """The targets that a run made and none made anew since, by source."""
        sql = (
            "SELECT source, target, source_bytes, target_bytes FROM targets WHERE run=?"
            " ORDER BY source"
        )
        return tuple(
            RunTarget(
                source=os.fsdecode(source),
                target=os.fsdecode(target),
                source_bytes=source_bytes,
                target_bytes=target_bytes,
            )
            for source, target, source_bytes, target_bytes in self._db.query(sql, run)
        )

    def rows_of(self, targets: Sequence[str]) -> Iterator[TargetRow]:
        """The rows of these targets, in their order; those without a row are left out."""
        for page in pages_of(targets):
            clause = f"WHERE target IN ({', '.join('?' * len(page))})"
            rows = {
                row.target: row for row in self._targets.select(clause, *map(os.fsencode, page))
            }
            rows = {path: row for path, row in rows.items() if path not in self._left} | self._came
            yield from (rows[target] for target in page if target in rows)

    def written(self, targets: Sequence[str]) -> dict[str, WrittenTarget]:
        """The targets among these that have a row."""
        found: dict[str, WrittenTarget] = {}
        for page in pages_of(targets):
            sql = (
                "SELECT target, target_bytes, target_mtime_ns, target_key FROM targets"
                f" WHERE target IN ({', '.join('?' * len(page))})"
            )
            for target, size, mtime_ns, key in self._db.query(sql, *map(os.fsencode, page)):
                found[os.fsdecode(target)] = WrittenTarget(
                    target_bytes=size, target_mtime_ns=mtime_ns, target_key=key
                )
        return found

    def target_sizes(self) -> frozenset[int]:
        """The sizes that targets have."""
        rows = self._db.query("SELECT DISTINCT target_bytes FROM targets")
        return frozenset(size for (size,) in rows)

    def totals(self) -> TargetTotals:
        rows = self._db.query(
            "SELECT count(*), coalesce(sum(source_bytes), 0), coalesce(sum(target_bytes), 0)"
            " FROM targets"
        )
        count, source_bytes, target_bytes = rows[0]
        return TargetTotals(count=count, source_bytes=source_bytes, target_bytes=target_bytes)

    def built_since(self, at: str) -> Iterator[tuple[MadeTarget, bytes | None]]:
        """Every target that was made then or later, with its receipt, by name and in pages."""
        after = b""
        clause = "WHERE targets.target > ? AND built_at >= ? ORDER BY targets.target LIMIT ?"
        while page := self._with_receipts(clause, after, at, PAGE_ROWS):
            after = os.fsencode(page[-1][0].target)
            yield from page

    def built_lately(self, count: int) -> list[tuple[MadeTarget, bytes | None]]:
        """The newest targets that were encoded, with their receipts, by name."""
        return self._with_receipts(
            "WHERE targets.target IN (SELECT target FROM targets WHERE encode_s > 0"
            " ORDER BY built_at DESC LIMIT ?) ORDER BY targets.target",
            count,
        )

    def _with_receipts(self, clause: str, *values: object) -> list[tuple[MadeTarget, bytes | None]]:
        columns = ", ".join(map(TargetTable.column, MADE_TARGET.columns))
        sql = f"SELECT receipt, {columns} FROM targets LEFT JOIN receipts USING (target) {clause}"
        return [
            (load_target(MADE_TARGET, tuple(of_row)), receipt)
            for receipt, *of_row in self._db.query(sql, *values)
        ]

    def known_targets(self) -> dict[str, tuple[str, int, int, str]]:
        """Fingerprint, size, mtime (ns) and tools of every valid row, by target: cheap to
        compare."""
        return {
            os.fsdecode(target): (fingerprint, size, mtime, tools)
            for target, fingerprint, size, mtime, tools in self._db.query(
                "SELECT target, fingerprint, target_bytes, target_mtime_ns,"
                f" {self._targets.column('tools')} FROM targets WHERE forgotten=0"
            )
        }

    def receipt(self, target: str) -> bytes | None:
        rows = self._db.query("SELECT receipt FROM receipts WHERE target=?", os.fsencode(target))
        return unpack_receipt(rows[0][0]) if rows else None

    def attempt(self, content_key: str, fingerprint: str) -> Attempt | None:
        if self._ahead is not None and content_key in self._ahead.contents:
            return self._ahead.attempts.get((content_key, fingerprint))
        clause = "WHERE content_key=? AND fingerprint=?"
        return next(self._attempts.select(clause, content_key, fingerprint), None)

    def jobs_in_progress(self) -> tuple[JobInProgress, ...]:
        return tuple(self._in_hand.select())

    # --- writing, one transaction each

    def begin(self, folder: str, source: str) -> None:
        """Record a private folder before it is created, so that a crash can't orphan it."""
        with self._db.transaction() as write:
            self._in_hand.insert(
                write, JobInProgress(folder=folder, source=source, row=None, receipt=None)
            )

    def prepare(self, folder: str, row: TargetRow, receipt: bytes | None) -> None:
        """Record the verified result before its file is published."""
        with self._db.transaction() as write:
            write.execute(
                "UPDATE in_hand SET row=?, receipt=? WHERE folder=?",
                (dump_row(row), receipt, os.fsencode(folder)),
            )

    def commit(self, row: TargetRow, receipt: bytes | None) -> None:
        """Write the row of a published target. The job stays in progress until `release`."""
        with self._db.transaction() as write:
            sql = "SELECT 1 FROM targets WHERE target=?"
            was_there = write.execute(sql, (os.fsencode(row.target),)).fetchone() is not None
            self.outbox.announce(write, published(row, row.target if was_there else None))
            put_row(write, row, receipt)
            self.kept.renew(write, row, receipt)

    def release(self, folder: str, *, even_if_prepared: bool) -> None:
        """End a job. A prepared one may be published already: unless the caller knows that it is
        not (`even_if_prepared`), the next start checks."""
        unless = "" if even_if_prepared else " AND row IS NULL"
        with self._db.transaction() as write:
            write.execute(f"DELETE FROM in_hand WHERE folder=?{unless}", (os.fsencode(folder),))

    def follow(self, moved: MovedFiles, journal: Sequence[TargetMove]) -> None:
        """Record what a user moved. `journal`: settled moves, whose receipts are to be renewed."""
        with self._db.transaction() as write:
            write_moved(write, moved)
            for one in moved.targets:
                self.outbox.announce(write, renamed(one.was.target, one.now))
            for move in journal:
                MoveTable.insert(write, move)

    def record_attempt(self, attempt: Attempt) -> None:
        """Record the result of these settings for this content; failures are counted."""
        with self._db.transaction() as write:
            put_attempt(write, attempt)

    def set_mtimes(self, mtimes: dict[str, int]) -> None:
        """Record new mtimes of targets that were touched but not changed: ns, by target."""
        if not mtimes:
            return
        with self._db.transaction() as write:
            write.executemany(
                "UPDATE targets SET target_mtime_ns=? WHERE target=?",
                [(mtime, os.fsencode(target)) for target, mtime in mtimes.items()],
            )

    def free_failures(self, sources: tuple[str, ...] | None = None) -> int:
        """Forget the failures of these sources (library paths; None: of all): the next one is news
        again. Returns how many."""
        where = "" if sources is None else " AND source=?"
        keys = [()] if sources is None else [(os.fsencode(source),) for source in sources]
        with self._db.transaction() as write:
            write.executemany(f"UPDATE findings SET is_over=1 WHERE kind='failed'{where}", keys)
            return write.executemany(
                f"DELETE FROM verdicts WHERE kind='failed'{where}", keys
            ).rowcount

    def attempts(self, kind: AttemptResult) -> tuple[Attempt, ...]:
        """All attempts with one result, by source."""
        return tuple(self._attempts.select("WHERE kind=? ORDER BY source", kind.value))

    def attempt_counts(self) -> dict[AttemptResult, int]:
        """How many attempts there are with each result that occurred."""
        rows = self._db.query("SELECT kind, count(*) FROM verdicts GROUP BY kind")
        return {AttemptResult(kind): count for kind, count in rows}

    def forget(self, source: str | None = None) -> None:
        """Make the targets of one source (or of all) stale; drop attempts, searches and samples."""
        self.searches.forget(source)
        self.samples.forget(source)
        where, values = ("", ()) if source is None else (" WHERE source=?", (os.fsencode(source),))
        with self._db.transaction() as write:
            write.execute(f"UPDATE targets SET forgotten=1{where}", values)
            write.execute(f"DELETE FROM verdicts{where}", values)
