"""What every table of records can do; each adds the queries of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Generic, TypeVar

from av1rules.ledger.database import LedgerDb
from av1rules.ledger.mapping import RecordMapper, SqlValue

R = TypeVar("R")


class Table(Generic[R]):
    """A table whose columns are the fields of a record, and a few beside them that queries need or
    that the record is called by."""

    name: ClassVar[str]
    mapper: RecordMapper[R]
    beside: ClassVar[tuple[str, ...]] = ()
    """Columns that are no field of the record."""

    def __init__(self, db: LedgerDb) -> None:
        self._db = db

    @classmethod
    def columns(cls) -> str:
        """The columns of the record, for a SELECT."""
        return ", ".join(f"{cls.name}.{column}" for column in cls.mapper.columns)

    def select(self, which: str = "", *values: object) -> Iterator[R]:
        """The records of these rows: `which` is what follows the name of the table. Raises
        LedgerError."""
        sql = f"SELECT {self.columns()} FROM {self.name} {which}"
        return map(self.load, self._db.query(sql, *values))

    def select_with(self, column: str, which: str = "", *values: object) -> Iterator[tuple[Any, R]]:
        """As `select`, each record with a column that stands beside it. Raises LedgerError."""
        sql = f"SELECT {self.name}.{column}, {self.columns()} FROM {self.name} {which}"
        for value, *of_record in self._db.query(sql, *values):
            yield value, self.load(tuple(of_record))

    def load(self, values: tuple[Any, ...]) -> R:
        """A record from the values of its columns."""
        return self.mapper.load(values)

    @classmethod
    def insert(
        cls, write: sqlite3.Connection, record: R, beside: Mapping[str, SqlValue] | None = None
    ) -> int:
        """Write a record inside a transaction, over one with the same key if there is one, with
        what stands `beside` it, by column. Returns the number of the row."""
        values = dict(zip(cls.mapper.columns, cls.mapper.dump(record), strict=True))
        return insert(write, cls.name, values | dict(beside or {}))


def insert(write: sqlite3.Connection, table: str, values: Mapping[str, SqlValue]) -> int:
    """Write a row, by column, over one with the same key. Returns the number of the row."""
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    sql = f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})"
    return write.execute(sql, tuple(values.values())).lastrowid or 0
