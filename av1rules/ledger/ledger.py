"""The ledger: what was made from what. The graph relies on it; each target is one commit.

Paths are stored as the bytes of the file system. The other tables (`kept`, `runs`, `moves`,
`census`, `checks`, `clips`, `forecasts`, `samples`, `searches`) have their own modules.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from av1rules.ledger.checks import CheckTable, SourceCheckTable
from av1rules.ledger.clips import ClipTable
from av1rules.ledger.database import LEDGER_NAME, SCHEMA_VERSION, LedgerDb
from av1rules.ledger.forecasts import ForecastTable
from av1rules.ledger.mapping import LedgerPath, RecordMapper, RecordTable
from av1rules.ledger.records import (
    Attempt,
    AttemptResult,
    AttemptTable,
    LedgerRow,
    TargetRow,
    TargetTable,
    dump_row,
    put_attempt,
    put_row,
)
from av1rules.ledger.runs import InventoryTable, MoveTable, RunTable
from av1rules.ledger.samples import SampleTable, SearchTable
from av1rules.ledger.trash_table import TrashTable

__all__ = ["LEDGER_NAME", "SCHEMA_VERSION", "JobInProgress", "Ledger"]

PAGE_ROWS = 2000
"""A library of 100,000 targets is never in memory at once."""


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


class TargetTotals(msgspec.Struct, frozen=True, kw_only=True):
    """All targets of the ledger together. Sizes in bytes."""

    count: int
    source_bytes: int
    target_bytes: int


class Ledger:
    """Open with `Ledger.open` (to write) or `Ledger.read` (never changes a byte on disk)."""

    def __init__(self, db: LedgerDb) -> None:
        self._db = db
        self._targets = TargetTable(db)
        self._attempts = AttemptTable(db)
        self._in_hand = JobInProgressTable(db)
        self.kept = TrashTable(db)
        self.runs = RunTable(db)
        self.moves = MoveTable(db)
        self.inventories = InventoryTable(db)
        self.checks = CheckTable(db)
        self.health = SourceCheckTable(db)
        self.clips = ClipTable(db)
        self.forecasts = ForecastTable(db)
        self.samples = SampleTable(db)
        self.searches = SearchTable(db)

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

    # --- reading

    def find(self, target: str) -> TargetRow | None:
        return next(self._targets.select("WHERE target=?", os.fsencode(target)), None)

    def made_from(self, source_path: str) -> tuple[str, ...]:
        """The targets whose source was at this path when they were made."""
        sql = "SELECT target FROM targets WHERE source_path=? ORDER BY built_at DESC"
        return tuple(os.fsdecode(row[0]) for row in self._db.query(sql, os.fsencode(source_path)))

    def of_content(self, content_key: str) -> tuple[TargetRow, ...]:
        """Every target that was made from this content."""
        return tuple(self._targets.select("WHERE content_key=? ORDER BY target", content_key))

    def of_own_content(self, target_key: str) -> tuple[TargetRow, ...]:
        """Every row whose target, as it was written, has this content."""
        return tuple(self._targets.select("WHERE target_key=? ORDER BY target", target_key))

    def sources(self) -> Iterator[tuple[str, int]]:
        """Library path and size of the source of every target."""
        for source, size in self._db.query("SELECT source, source_bytes FROM targets"):
            yield os.fsdecode(source), size

    def targets(self) -> Iterator[str]:
        """Every target, including those to be redone."""
        return (os.fsdecode(target) for (target,) in self._db.query("SELECT target FROM targets"))

    def rows(self) -> Iterator[TargetRow]:
        return self._targets.select("ORDER BY target")

    def totals(self) -> TargetTotals:
        rows = self._db.query(
            "SELECT count(*), coalesce(sum(source_bytes), 0), coalesce(sum(target_bytes), 0)"
            " FROM targets"
        )
        count, source_bytes, target_bytes = rows[0]
        return TargetTotals(count=count, source_bytes=source_bytes, target_bytes=target_bytes)

    def built_since(self, at: str) -> Iterator[tuple[TargetRow, bytes | None]]:
        """Every target that was made then or later, with its receipt, by name and in pages."""
        after = b""
        clause = "WHERE targets.target > ? AND built_at >= ? ORDER BY targets.target LIMIT ?"
        while page := self._with_receipts(clause, after, at, PAGE_ROWS):
            after = os.fsencode(page[-1][0].target)
            yield from page

    def built_lately(self, count: int) -> list[tuple[TargetRow, bytes | None]]:
        """The newest targets that were encoded, with their receipts, by name."""
        return self._with_receipts(
            "WHERE targets.target IN (SELECT target FROM targets WHERE encode_s > 0"
            " ORDER BY built_at DESC LIMIT ?) ORDER BY targets.target",
            count,
        )

    def _with_receipts(self, clause: str, *values: object) -> list[tuple[TargetRow, bytes | None]]:
        columns = f"receipt, {self._targets.columns()}"
        sql = f"SELECT {columns} FROM targets LEFT JOIN receipts USING (target) {clause}"
        return [
            (self._targets.load(tuple(of_row)), receipt)
            for receipt, *of_row in self._db.query(sql, *values)
        ]

    def known_targets(self) -> dict[str, tuple[str, int, int, str]]:
        """Fingerprint, size, mtime (ns) and tools of every valid row, by target: cheap to
        compare."""
        return {
            os.fsdecode(target): (fingerprint, size, mtime, tools)
            for target, fingerprint, size, mtime, tools in self._db.query(
                "SELECT target, fingerprint, target_bytes, target_mtime_ns, tools"
                " FROM targets WHERE forgotten=0"
            )
        }

    def receipt(self, target: str) -> bytes | None:
        rows = self._db.query("SELECT receipt FROM receipts WHERE target=?", os.fsencode(target))
        return zlib.decompress(rows[0][0]) if rows else None

    def attempt(self, content_key: str, fingerprint: str) -> Attempt | None:
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
            put_row(write, row, receipt)
            self.kept.renew(write, row, receipt)

    def release(self, folder: str, *, even_if_prepared: bool) -> None:
        """End a job. A prepared one may be published already: unless the caller knows that it is
        not (`even_if_prepared`), the next start checks."""
        unless = "" if even_if_prepared else " AND row IS NULL"
        with self._db.transaction() as write:
            write.execute(f"DELETE FROM in_hand WHERE folder=?{unless}", (os.fsencode(folder),))

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
        """Forget the failures of these sources (library paths; None: of all); returns how many."""
        with self._db.transaction() as write:
            if sources is None:
                return write.execute("DELETE FROM verdicts WHERE kind='failed'").rowcount
            return sum(
                write.execute(
                    "DELETE FROM verdicts WHERE kind='failed' AND source=?", (os.fsencode(source),)
                ).rowcount
                for source in sources
            )

    def attempts(self, kind: AttemptResult) -> tuple[Attempt, ...]:
        """All attempts with one result, by source."""
        return tuple(self._attempts.select("WHERE kind=? ORDER BY source", kind.value))

    def forget(self, source: str | None = None) -> None:
        """Make the targets of one source (or of all) stale, and drop its attempts, searches and
        samples."""
        self.searches.forget(source)
        self.samples.forget(source)
        where, values = ("", ()) if source is None else (" WHERE source=?", (os.fsencode(source),))
        with self._db.transaction() as write:
            write.execute(f"UPDATE targets SET forgotten=1{where}", values)
            write.execute(f"DELETE FROM verdicts{where}", values)
