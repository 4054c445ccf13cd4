"""The ledger: what was built from what. The truth of the graph; one commit per target.

Paths are stored as the bytes the file system knows. What else the ledger keeps has a table and a
module of its own: `kept`, `runs`, `moves`, `census`, `checks`,
`clips`, `samples`, `searches`.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from av1rules.base.errors import LedgerError
from av1rules.base.text import printable
from av1rules.ledger.checks import CheckTable, SourceCheckTable
from av1rules.ledger.clips import ClipTable
from av1rules.ledger.database import LEDGER_NAME, SCHEMA_VERSION, LedgerDb
from av1rules.ledger.mapping import COLUMNS, dump_row, parse_row, put_row, row_of
from av1rules.ledger.records import (
    VERDICT_COLUMNS,
    Attempt,
    AttemptResult,
    TargetRow,
    attempt_of,
    put_attempt,
)
from av1rules.ledger.runs import InventoryTable, MoveTable, RunTable
from av1rules.ledger.samples import SampleTable, SearchTable
from av1rules.ledger.trash_table import TrashTable

__all__ = ["LEDGER_NAME", "SCHEMA_VERSION", "InHand", "Ledger"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InHand:
    """Work in hand when a run ended: its private folder, and the row if it was verified."""

    folder: str
    source: str
    row: TargetRow | None
    receipt: bytes | None


class Ledger:
    """Open with `Ledger.open` (to write) or `Ledger.read` (never changes a byte on disk)."""

    def __init__(self, db: LedgerDb) -> None:
        self.db = db
        self.kept = TrashTable(db)
        self.runs = RunTable(db)
        self.moves = MoveTable(db)
        self.inventories = InventoryTable(db)
        self.checks = CheckTable(db)
        self.health = SourceCheckTable(db)
        self.clips = ClipTable(db)
        self.samples = SampleTable(db)
        self.searches = SearchTable(db)

    @classmethod
    def open(cls, state_dir: Path) -> Ledger:
        """Open to write; makes the ledger if there is none. Raises LedgerError."""
        return cls(LedgerDb.open(state_dir))

    @classmethod
    def read(cls, state_dir: Path) -> Ledger:
        """Open to read; an absent ledger reads as an empty one. Raises LedgerError."""
        return cls(LedgerDb.read(state_dir))

    def close(self) -> None:
        self.db.close()

    # --- reading

    def find(self, target: str) -> TargetRow | None:
        rows = self.db.query(f"SELECT {COLUMNS} FROM targets WHERE target=?", os.fsencode(target))
        return next(map(_row, rows), None)

    def made_from(self, source_path: str) -> tuple[str, ...]:
        """The targets whose source lay at this path when they were made."""
        sql = "SELECT target FROM targets WHERE source_path=? ORDER BY built_at DESC"
        return tuple(os.fsdecode(row[0]) for row in self.db.query(sql, os.fsencode(source_path)))

    def of_content(self, content_key: str) -> tuple[TargetRow, ...]:
        """Every target that was made from this content."""
        sql = f"SELECT {COLUMNS} FROM targets WHERE content_key=? ORDER BY target"
        return tuple(map(_row, self.db.query(sql, content_key)))

    def of_own_content(self, target_key: str) -> tuple[TargetRow, ...]:
        """Every row whose target, as it was written, has this content."""
        sql = f"SELECT {COLUMNS} FROM targets WHERE target_key=? ORDER BY target"
        return tuple(map(_row, self.db.query(sql, target_key)))

    def sources(self) -> Iterator[tuple[str, int]]:
        """Library path and size of the source of every target."""
        for source, size in self.db.query("SELECT source, source_bytes FROM targets"):
            yield os.fsdecode(source), size

    def targets(self) -> Iterator[bytes]:
        """Every target, those to be made anew included."""
        return (target for (target,) in self.db.query("SELECT target FROM targets"))

    def rows(self) -> Iterator[TargetRow]:
        for values in self.db.query(f"SELECT {COLUMNS} FROM targets ORDER BY target"):
            yield _row(values)

    def glance(self) -> dict[bytes, tuple[str, int, int, str]]:
        """Of every valid row, by target: fingerprint, size, mtime (ns), tools: cheap to compare."""
        return {
            target: (fingerprint, size, mtime, tools)
            for target, fingerprint, size, mtime, tools in self.db.query(
                "SELECT target, fingerprint, target_bytes, target_mtime_ns, tools"
                " FROM targets WHERE forgotten=0"
            )
        }

    def receipt(self, target: str) -> bytes | None:
        rows = self.db.query("SELECT receipt FROM receipts WHERE target=?", os.fsencode(target))
        return zlib.decompress(rows[0][0]) if rows else None

    def verdict(self, content_key: str, fingerprint: str) -> Attempt | None:
        rows = self.db.query(
            f"SELECT {VERDICT_COLUMNS} FROM verdicts WHERE content_key=? AND fingerprint=?",
            content_key,
            fingerprint,
        )
        return next(map(attempt_of, rows), None)

    def jobs_in_progress(self) -> tuple[InHand, ...]:
        return tuple(
            InHand(
                folder=os.fsdecode(folder),
                source=os.fsdecode(source),
                row=None if row is None else parse_row(row),
                receipt=receipt,
            )
            for folder, source, row, receipt in self.db.query(
                "SELECT folder, source, row, receipt FROM in_hand"
            )
        )

    # --- writing, one transaction each

    def begin(self, folder: str, source: str) -> None:
        """Record a private folder before it is made, so that a crash can't orphan it."""
        with self.db.transaction() as write:
            write.execute(
                "INSERT OR REPLACE INTO in_hand VALUES (?, ?, NULL, NULL)",
                (os.fsencode(folder), os.fsencode(source)),
            )

    def prepare(self, folder: str, row: TargetRow, receipt: bytes | None) -> None:
        """Record the verified result before its file is published."""
        with self.db.transaction() as write:
            write.execute(
                "UPDATE in_hand SET row=?, receipt=? WHERE folder=?",
                (dump_row(row), receipt, os.fsencode(folder)),
            )

    def commit(self, row: TargetRow, receipt: bytes | None) -> None:
        """The target is published: write its row. The work stays in hand until `release`."""
        with self.db.transaction() as write:
            put_row(write, row, receipt)
            self.kept.renew(write, row, receipt)

    def release(self, folder: str, *, even_if_prepared: bool) -> None:
        """Let work in hand go. What was prepared may be published already: only who knows better
        lets it go, else the next start looks."""
        unless = "" if even_if_prepared else " AND row IS NULL"
        with self.db.transaction() as write:
            write.execute(f"DELETE FROM in_hand WHERE folder=?{unless}", (os.fsencode(folder),))

    def record_attempt(self, verdict: Attempt) -> None:
        """Remember what came of these settings for this content; failures are counted."""
        with self.db.transaction() as write:
            put_attempt(write, verdict)

    def set_mtimes(self, mtimes: dict[str, int]) -> None:
        """Targets that were touched and are still as written: times in ns, by target."""
        if not mtimes:
            return
        with self.db.transaction() as write:
            write.executemany(
                "UPDATE targets SET target_mtime_ns=? WHERE target=?",
                [(mtime, os.fsencode(target)) for target, mtime in mtimes.items()],
            )

    def free_failures(self, sources: tuple[str, ...] | None = None) -> int:
        """Forget the failures of these sources (library paths; None: of all); returns how many."""
        with self.db.transaction() as write:
            if sources is None:
                return write.execute("DELETE FROM verdicts WHERE kind='failed'").rowcount
            return sum(
                write.execute(
                    "DELETE FROM verdicts WHERE kind='failed' AND source=?", (os.fsencode(source),)
                ).rowcount
                for source in sources
            )

    def verdicts(self, kind: AttemptResult) -> tuple[Attempt, ...]:
        """All verdicts of one kind, by source."""
        rows = self.db.query(
            f"SELECT {VERDICT_COLUMNS} FROM verdicts WHERE kind=? ORDER BY source", kind.value
        )
        return tuple(map(attempt_of, rows))

    def forget(self, source: str | None = None) -> None:
        """Make the targets of one source (or of all) stale, and drop the verdicts on it, what was
        searched for it and its samples."""
        self.searches.forget(source)
        self.samples.forget(source)
        where, values = ("", ()) if source is None else (" WHERE source=?", (os.fsencode(source),))
        with self.db.transaction() as write:
            write.execute(f"UPDATE targets SET forgotten=1{where}", values)
            write.execute(f"DELETE FROM verdicts{where}", values)


def _row(values: tuple[Any, ...]) -> TargetRow:
    try:
        return row_of(values)
    except (msgspec.MsgspecError, ValueError, TypeError) as problem:
        raise LedgerError(
            f"a row of the ledger can't be read: {problem}",
            where=printable(os.fsdecode(values[0])),
            hint="was it written by a newer av1rules, or by hand? Restore a backup of the ledger",
        ) from problem
