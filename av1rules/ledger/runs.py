"""The ledger's small tables: runs, pending moves, and the inventory of each root."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Annotated

import msgspec

from av1rules.base.events import Outcome, OutcomeCounts
from av1rules.ledger.database import LedgerDb
from av1rules.ledger.findings import LedgerNumbers
from av1rules.ledger.mapping import (
    LedgerPath,
    RecordMapper,
    RecordTable,
    StoredColumn,
    canonical_json,
)
from av1rules.ledger.outbox.changes import renamed
from av1rules.ledger.outbox.table import OutboxTable
from av1rules.ledger.packed_receipt import unpack_receipt
from av1rules.ledger.records import TargetRow, put_row


class RunKind(Enum):
    """What a recorded run was asked for. The value is its text in lists."""

    RUN = "run"
    SAMPLES = "samples"  # `plan --sample`
    VARIANTS = "variants"  # `clips try`
    UNDO = "undo"
    PURGE = "purge"
    ADOPT = "adopt"
    MIGRATE = "migrate"


def _dump_counts(counts: OutcomeCounts) -> str | None:
    names = {outcome.name.lower(): count for outcome, count in counts.items()}
    return canonical_json(names) if names else None


def _load_counts(text: str) -> OutcomeCounts:
    """Without outcomes that this version does not know."""
    counts = msgspec.json.decode(text, type=dict[str, int])
    names = {outcome.name.lower(): outcome for outcome in Outcome}
    return {names[name]: count for name, count in counts.items() if name in names}


def _dump_words(words: Sequence[str]) -> bytes | None:
    return b"\0".join(map(os.fsencode, words)) if words else None


def _load_words(packed: bytes) -> tuple[str, ...]:
    return tuple(map(os.fsdecode, packed.split(b"\0")))


LedgerCounts = Annotated[OutcomeCounts, StoredColumn(dump=_dump_counts, load=_load_counts)]
LedgerWords = Annotated[
    tuple[str, ...], StoredColumn(dump=_dump_words, load=_load_words, is_bytes=True)
]


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One run, by its number. Times are ISO 8601, UTC; `ended` is None for a run that is active or
    was killed.

    `command` is the command line as it was given, `problem` what ended the run before its work.
    `exit_code` is None for plain doit, which has its own. `counts` are those of outcomes that
    occurred, sizes those of the films encoded, in bytes. `trashed` counts the files that it moved
    to the trash. `findings` are the numbers of its findings, those that were new also in
    `new_findings`. `summary` (one line) is what versions before 8 recorded in place of all that.
    """

    id: int
    started: str
    ended: str | None
    summary: str | None = None
    kind: RunKind = RunKind.RUN
    command: LedgerWords = ()
    exit_code: int | None = None
    problem: str | None = None
    counts: LedgerCounts = {}
    source_bytes: int = 0
    target_bytes: int = 0
    trashed: int | None = None
    findings: LedgerNumbers = ()
    new_findings: LedgerNumbers = ()

    def count(self, outcome: Outcome) -> int:
        return self.counts.get(outcome, 0)


class RunTable(RecordTable[RunRecord]):
    """All runs with the numbers that `undo`, `runs` and `status` use."""

    name = "runs"
    mapper = RecordMapper(RunRecord)

    def begin(
        self, started: str, *, kind: RunKind = RunKind.RUN, command: Sequence[str] = ()
    ) -> int:
        with self._db.transaction() as write:
            number = write.execute(
                "INSERT INTO runs (started, kind, command) VALUES (?, ?, ?)",
                (started, kind.value, _dump_words(command)),
            ).lastrowid
        assert number is not None
        return number

    def put(self, record: RunRecord) -> None:
        """Write all of a run that has begun."""
        with self._db.transaction() as write:
            self.insert(write, record)

    def find(self, number: int) -> RunRecord | None:
        return next(self.select("WHERE id=?", number), None)

    def latest(self, count: int | None = None) -> tuple[RunRecord, ...]:
        """The newest runs (None: all), newest first."""
        return tuple(self.select("ORDER BY id DESC LIMIT ?", -1 if count is None else count))

    def each(self) -> Iterator[RunRecord]:
        """All runs, newest first, in pages."""
        sql = f"SELECT {self.columns()} FROM {self.name} ORDER BY id DESC"
        return map(self.load, self._db.stream(sql))

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
                OutboxTable(self._db).announce(write, renamed(old, row))
                packed = receipts[old]
                put_row(write, row, unpack_receipt(packed[0]) if packed else None)
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
