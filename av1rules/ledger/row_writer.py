"""Writes rows that come from elsewhere into a ledger: as SQLite declares their columns, or not at
all."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Self

from av1rules.ledger.database import LedgerDb
from av1rules.ledger.mapping import SqlValue, insert

_TYPES: dict[str, type | tuple[type, ...]] = {
    "INTEGER": int,
    "REAL": (int, float),
    "TEXT": str,
    "BLOB": bytes,
}


class RowWriter:
    """Inside one transaction of a ledger."""

    def __init__(self, write: sqlite3.Connection) -> None:
        self._write = write
        self._texts: dict[str, int] = {}
        self._declared: dict[str, dict[str, str]] = {}

    @classmethod
    @contextlib.contextmanager
    def opened(cls, db: LedgerDb) -> Iterator[Self]:
        """Raises LedgerError if the transaction can't be made."""
        with db.transaction() as write:
            yield cls(write)

    def add(
        self, table: str, values: Mapping[str, SqlValue], *, shared: frozenset[str] = frozenset()
    ) -> None:
        """A row by its columns; `shared` ones are texts that many rows have. Raises TypeError for a
        value of another type than its column's, ValueError for a row that the table refuses."""
        numbers = {name: self._number_of(str(values[name])) for name in shared}
        row = {**values, **numbers}
        declared = self._types_of(table)
        for name, value in row.items():
            if value is not None and not isinstance(value, _TYPES[declared[name]]):
                raise TypeError(f"{table}.{name} is of type {type(value).__name__}")
        try:
            insert(self._write, table, row)
        except sqlite3.Error as problem:
            raise ValueError(str(problem)) from problem

    def _types_of(self, table: str) -> dict[str, str]:
        found = self._declared.get(table)
        if found is None:
            rows = self._write.execute(f"PRAGMA table_info({table})")
            found = self._declared[table] = {row[1]: row[2] for row in rows}
        return found

    def _number_of(self, text: str) -> int:
        number = self._texts.get(text)
        if number is None:
            number = self._texts[text] = len(self._texts) + 1
            insert(self._write, "texts", {"id": number, "text": text})
        return number
