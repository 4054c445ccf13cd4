"""The tables of targets and their receipts, as far as other tables write to them too."""

from __future__ import annotations

import os
import sqlite3
import zlib
from typing import Annotated, Any

import msgspec

from av1rules.base.errors import LedgerError
from av1rules.base.text import printable
from av1rules.ledger.mapping import Column, RecordMapper, canonical_json
from av1rules.ledger.records import TargetRow
from av1rules.ledger.table import Table


class TargetTable(Table[TargetRow]):
    """One row for each target that was built."""

    name = "targets"
    mapper = RecordMapper(TargetRow)

    def load(self, values: tuple[Any, ...]) -> TargetRow:
        """Raises LedgerError where another version, or nobody, knows what the row says."""
        try:
            return self.mapper.load(values)
        except (msgspec.MsgspecError, ValueError, TypeError) as problem:
            raise unreadable(os.fsdecode(values[0]), problem) from problem


def unreadable(target: str, problem: Exception) -> LedgerError:
    """The error for a row that says something nobody understands."""
    return LedgerError(
        f"a row of the ledger can't be read: {problem}",
        where=printable(target),
        hint="was it written by a newer av1rules, or by hand? Restore a backup of the ledger",
    )


def dump_row(row: TargetRow) -> str:
    """A row of the targets as JSON: the values in the order of the columns."""
    return canonical_json(tuple(TargetTable.mapper.dump_plain(row).values()))


def parse_row(text: str) -> TargetRow:
    """The inverse of `dump_row`, also for rows that were written before a column was added."""
    return TargetTable.mapper.load_plain(msgspec.json.decode(text))


LedgerRow = Annotated[TargetRow, Column(dump=dump_row, load=parse_row)]
"""A row of the targets within a row of another table."""


def put_row(write: sqlite3.Connection, row: TargetRow, receipt: bytes | None) -> None:
    """Write a row of the targets inside a transaction, with its receipt; what was held against
    this content with these settings is forgotten, and what was found when it was last checked."""
    TargetTable.insert(write, row)
    if receipt is not None:
        write.execute(
            "INSERT OR REPLACE INTO receipts VALUES (?, ?)",
            (os.fsencode(row.target), zlib.compress(receipt, 9)),
        )
    write.execute(
        "DELETE FROM verdicts WHERE content_key=? AND fingerprint=?"
        " AND (kind!='undone' OR source=?)",  # of a copy it says nothing
        (row.content_key, row.fingerprint, os.fsencode(row.source)),
    )
    write.execute("DELETE FROM checked WHERE target=?", (os.fsencode(row.target),))
