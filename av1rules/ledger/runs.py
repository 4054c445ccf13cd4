"""The ledger's small tables: runs, pending moves, and the inventory of each root."""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Mapping, Sequence

import msgspec

from av1rules.ledger.database import LedgerDb
from av1rules.ledger.mapping import LedgerPath, RecordMapper, RecordTable
from av1rules.ledger.records import TargetRow, put_row


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One run, by its number. Times are ISO 8601, UTC; `ended` and `summary` (one line) are None
    for a run that is active or was killed."""

    id: int
    started: str
    ended: str | None
    summary: str | None


class RunTable(RecordTable[RunRecord]):
    """All runs with the numbers that `undo` and `status` use."""

    name = "runs"
    mapper = RecordMapper(RunRecord)

    def begin(self, started: str) -> int:
        with self._db.transaction() as write:
            number = write.execute("INSERT INTO runs (started) VALUES (?)", (started,)).lastrowid
        assert number is not None
        return number

    def end(self, number: int, ended: str, summary: str) -> None:
        with self._db.transaction() as write:
            write.execute("UPDATE runs SET ended=?, summary=? WHERE id=?", (ended, summary, number))

    def drop(self, number: int) -> None:
        """Remove the record of a run that had nothing to do."""
        with self._db.transaction() as write:
            write.execute("DELETE FROM runs WHERE id=?", (number,))

    def latest(self, count: int) -> tuple[RunRecord, ...]:
        """The newest runs, newest first."""
        return tuple(self.select("ORDER BY id DESC LIMIT ?", count))

    def since(self, started: str) -> tuple[RunRecord, ...]:
        """The runs that started then or later (ISO 8601, UTC; "": all), newest first."""
        return tuple(self.select("WHERE started >= ? ORDER BY id DESC", started))


class TargetMove(msgspec.Struct, frozen=True, kw_only=True):
    """A target that follows its source: from `old` via the temporary name `stage` to `new`.
    `source` and `source_path` are those of its row afterwards.

    For a side file `source` is empty and `source_path` is the old path of its target. A settled
    move (files and rows are in place) has no stage.
    """

    old: LedgerPath
    new: LedgerPath
    stage: LedgerPath
    source: LedgerPath
    source_path: LedgerPath

    @property
    def is_side_file(self) -> bool:
        return not self.source

    @property
    def is_settled(self) -> bool:
        return not self.stage


class MoveTable(RecordTable[TargetMove]):
    """The journal of pending moves."""

    name = "moves"
    mapper = RecordMapper(TargetMove)

    def begin(self, moves: Sequence[TargetMove]) -> None:
        with self._db.transaction() as write:
            for move in moves:
                self.insert(write, move)

    def in_flight(self) -> tuple[TargetMove, ...]:
        return tuple(self.select())

    def settle(self, rows: Mapping[str, TargetRow], *, ended: Sequence[TargetMove]) -> None:
        """Write the rows of moved targets, by their old path, and end the moves in `ended`. This is
        one transaction, since targets may swap paths. Moves of these rows are then settled, but
        their side files may still have to follow."""
        with self._db.transaction() as write:
            for old in rows:
                write.execute("DELETE FROM targets WHERE target=?", (os.fsencode(old),))
            receipts = {
                old: write.execute(
                    "SELECT receipt FROM receipts WHERE target=?", (os.fsencode(old),)
                ).fetchone()
                for old in rows
            }
            for old, row in rows.items():
                packed = receipts[old]
                put_row(write, row, zlib.decompress(packed[0]) if packed else None)
            write.executemany(
                "UPDATE moves SET stage=? WHERE old=?", [(b"", os.fsencode(old)) for old in rows]
            )
            _delete(write, ended)

    def end(self, moves: Sequence[TargetMove]) -> None:
        """Drop completed moves from the journal."""
        with self._db.transaction() as write:
            _delete(write, moves)


def _delete(write: sqlite3.Connection, moves: Sequence[TargetMove]) -> None:
    write.executemany("DELETE FROM moves WHERE old=?", [(os.fsencode(move.old),) for move in moves])


class InventoryTable:
    """The files of each root at the last run: relative paths with size and mtime."""

    def __init__(self, db: LedgerDb) -> None:
        self._db = db

    def of_root(self, root: str) -> bytes | None:
        rows = self._db.query("SELECT files FROM census WHERE root=?", os.fsencode(root))
        return rows[0][0] if rows else None

    def put(self, root: str, files: bytes) -> None:
        with self._db.transaction() as write:
            write.execute("INSERT OR REPLACE INTO census VALUES (?, ?)", (os.fsencode(root), files))
