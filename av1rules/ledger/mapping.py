"""Maps records to rows and back by the fields of the record: one mapper for all tables. Pure.

A column has the name of its field. Enums are stored by value, flags as 0 or 1, nested values as
canonical JSON; None is NULL, and NULL is the default of a field that can't be None. Annotations
(`LedgerPath`, `StoredColumn`, `Embedded`) add what the type alone doesn't say.
"""

from __future__ import annotations

import functools
import json
import operator
import os
import sqlite3
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Annotated, Any, ClassVar, Generic, TypeVar, Union

import msgspec

from av1rules.ledger.database import LedgerDb
from av1rules.policy.fingerprint import parse_settings, settings_json
from av1rules.policy.settings import EncodeSettings

R = TypeVar("R")

SqlValue = str | int | float | bytes | None


class StoredColumn(msgspec.Struct, frozen=True, kw_only=True):
    """How a field is stored: `name` of its column (None: as the field), and a codec if the type
    doesn't determine it."""

    name: str | None = None
    dump: Callable[[Any], SqlValue] | None = None
    load: Callable[[Any], Any] | None = None
    is_bytes: bool = False


class Embedded(msgspec.Struct, frozen=True, kw_only=True):
    """A nested record whose fields are columns of the same row: `columns` by field."""

    columns: Mapping[str, str]


class _Leaf(msgspec.Struct, frozen=True, kw_only=True):
    """One column: `field` is dotted for a field of an embedded record."""

    field: str
    column: StoredColumn
    is_nullable: bool

    @property
    def name(self) -> str:
        return self.column.name or self.field


class RecordMapper(Generic[R]):
    """Maps one type of record. It resolves the type only when the first row is mapped."""

    def __init__(self, record: type[R]) -> None:
        self.record = record

    @functools.cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in the order of the fields."""
        return tuple(leaf.name for leaf in self._leaves)

    @property
    def nullable(self) -> frozenset[str]:
        """The columns whose field may be None."""
        return frozenset(leaf.name for leaf in self._leaves if leaf.is_nullable)

    def dump(self, record: R) -> tuple[SqlValue, ...]:
        """A record as SQLite's values, in the order of `columns`."""
        return tuple(
            value if value is None or leaf.column.dump is None else leaf.column.dump(value)
            for leaf, value in zip(self._leaves, self._read(record), strict=True)
        )

    def load(self, values: Sequence[Any]) -> R:
        """The inverse of `dump`; columns missing at the end get their defaults.

        Raises msgspec.MsgspecError, ValueError or TypeError for a value that doesn't fit.
        """
        fields: dict[str, Any] = {}
        for (field, load, is_nullable), value in zip(self._loaders, values, strict=False):
            if value is not None:
                fields[field] = value if load is None else load(value)
            elif is_nullable:
                fields[field] = None
        for name, inner, parts in self._inner_fields:
            fields[name] = inner(
                **{part: fields.pop(field) for field, part in parts if field in fields}
            )
        return self.record(**fields)

    def dump_plain(self, record: R) -> dict[str, str | int | float | None]:
        """A record for JSON, by column; bytes in hex, because JSON has no surrogates."""
        return {
            name: value.hex() if isinstance(value, bytes) else value
            for name, value in zip(self.columns, self.dump(record), strict=True)
        }

    def load_plain(self, values: Sequence[Any]) -> R:
        """The inverse of `dump_plain`, from its values. Raises like `load`."""
        return self.load(
            [
                bytes.fromhex(value) if leaf.column.is_bytes and value is not None else value
                for leaf, value in zip(self._leaves, values, strict=False)
            ]
        )

    @functools.cached_property
    def _hints(self) -> dict[str, Any]:
        return _hints(self.record)

    @functools.cached_property
    def _embedded(self) -> dict[str, Any]:
        return {
            name: typing.get_args(hint)[0]
            for name, hint in self._hints.items()
            if isinstance(_marker(hint), Embedded)
        }

    @functools.cached_property
    def _leaves(self) -> tuple[_Leaf, ...]:
        leaves: list[_Leaf] = []
        for name, hint in self._hints.items():
            marker = _marker(hint)
            if not isinstance(marker, Embedded):
                leaves.append(_leaf(name, hint, None))
                continue
            inner = _hints(self._embedded[name])
            leaves += [
                _leaf(f"{name}.{field}", inner[field], column)
                for field, column in marker.columns.items()
            ]
        return tuple(leaves)

    @functools.cached_property
    def _inner_fields(self) -> tuple[tuple[str, Any, tuple[tuple[str, str], ...]], ...]:
        """Name and type of each embedded record, and its fields: dotted, and as it has them."""
        return tuple(
            (
                name,
                inner,
                tuple(
                    (leaf.field, leaf.field.removeprefix(f"{name}."))
                    for leaf in self._leaves
                    if leaf.field.startswith(f"{name}.")
                ),
            )
            for name, inner in self._embedded.items()
        )

    @functools.cached_property
    def _loaders(self) -> tuple[tuple[str, Callable[[Any], Any] | None, bool], ...]:
        return tuple((leaf.field, leaf.column.load, leaf.is_nullable) for leaf in self._leaves)

    @functools.cached_property
    def _read(self) -> Callable[[R], tuple[Any, ...]]:
        return operator.attrgetter(*(leaf.field for leaf in self._leaves))


def _hints(record: type) -> dict[str, Any]:
    hints = typing.get_type_hints(record, include_extras=True)
    return {name: hint for name, hint in hints.items() if typing.get_origin(hint) is not ClassVar}


def _marker(hint: Any) -> StoredColumn | Embedded | None:
    notes = getattr(hint, "__metadata__", ())
    return next((note for note in notes if isinstance(note, StoredColumn | Embedded)), None)


def _leaf(field: str, hint: Any, name: str | None) -> _Leaf:
    kind, marker, is_nullable = hint, None, False
    while True:
        if (found := _marker(kind)) is not None:
            marker = found
            kind = typing.get_args(kind)[0]
        elif typing.get_origin(kind) in (types.UnionType, Union):
            parts = [part for part in typing.get_args(kind) if part is not type(None)]
            is_nullable = is_nullable or len(parts) < len(typing.get_args(kind))
            if len(parts) != 1:
                raise TypeError(f"{field} is one of several types: no column can hold it")
            kind = parts[0]
        else:
            break
    column = marker if isinstance(marker, StoredColumn) else StoredColumn()
    if column.dump is None and column.load is None:
        column = _codec(kind, column.name)
    return _Leaf(
        field=field,
        column=column if name is None else _named(column, name),
        is_nullable=is_nullable,
    )


def _named(column: StoredColumn, name: str) -> StoredColumn:
    return StoredColumn(name=name, dump=column.dump, load=column.load, is_bytes=column.is_bytes)


_JSON = msgspec.json.Encoder(order="deterministic")


def _codec(kind: Any, name: str | None) -> StoredColumn:
    """How values of this type are stored."""
    if kind is bool:
        return StoredColumn(name=name, dump=int, load=bool)
    if kind in (str, int, float, bytes):
        return StoredColumn(name=name, is_bytes=kind is bytes)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return StoredColumn(name=name, dump=operator.attrgetter("value"), load=kind)
    load = functools.lru_cache(maxsize=256)(msgspec.json.Decoder(kind).decode)
    return StoredColumn(name=name, dump=canonical_json, load=load)  # many rows hold the same few


def canonical_json(value: object) -> str:
    """Canonical JSON: equal values give equal text."""
    return _JSON.encode(value).decode()


def dump_paths(pairs: tuple[tuple[str, str], ...]) -> str:
    """Pairs of paths as JSON, in hex, because JSON has no surrogates."""
    return canonical_json([[os.fsencode(path).hex() for path in pair] for pair in pairs])


def load_paths(text: str) -> tuple[tuple[str, str], ...]:
    """The inverse of `dump_paths`."""
    pairs = msgspec.json.decode(text, type=list[tuple[str, str]])
    return tuple((_from_hex(old), _from_hex(new)) for old, new in pairs)


def _from_hex(path: str) -> str:
    return os.fsdecode(bytes.fromhex(path))


def _dump_figures(figures: Figures) -> str | None:
    return json.dumps(figures) if figures else None


def _load_figures(text: str) -> Figures:
    return tuple((str(key), float(value)) for key, value in json.loads(text))


Figures = tuple[tuple[str, float], ...]

LedgerPath = Annotated[str, StoredColumn(dump=os.fsencode, load=os.fsdecode, is_bytes=True)]
"""A path, stored as the bytes of the file system."""

LedgerPaths = Annotated[tuple[tuple[str, str], ...], StoredColumn(dump=dump_paths, load=load_paths)]
"""Pairs of paths: (from, to)."""

LedgerSettings = Annotated[
    EncodeSettings,
    StoredColumn(dump=settings_json, load=functools.lru_cache(maxsize=256)(parse_settings)),
]
"""All settings of an encode, without absent requests."""

LedgerFigures = Annotated[Figures, StoredColumn(dump=_dump_figures, load=_load_figures)]
"""Figures by their names, as JSON; NULL if there are none."""


class RecordTable(Generic[R]):
    """A table whose columns are the fields of a record, plus a few for queries and keys."""

    name: ClassVar[str]
    mapper: RecordMapper[R]
    beside: ClassVar[tuple[str, ...]] = ()
    """Columns that are not fields of the record."""
    shared: ClassVar[frozenset[str]] = frozenset()
    """Columns of texts that many rows share: the row has the number of its text in `texts`."""

    def __init__(self, db: LedgerDb) -> None:
        self._db = db

    @classmethod
    @functools.cache
    def columns(cls) -> str:
        """The columns of the record, for a SELECT."""
        return ", ".join(map(cls.column, cls.mapper.columns))

    @classmethod
    def column(cls, name: str) -> str:
        """One column, for a SELECT."""
        place = f"{cls.name}.{name}"
        return f"(SELECT text FROM texts WHERE id={place})" if name in cls.shared else place

    def select(self, clause: str = "", *values: object) -> Iterator[R]:
        """The records of some rows: `clause` is the SQL after the table. Raises LedgerError."""
        sql = f"SELECT {self.columns()} FROM {self.name} {clause}"
        return map(self.load, self._db.query(sql, *values))

    def select_with(
        self, column: str, clause: str = "", *values: object
    ) -> Iterator[tuple[Any, R]]:
        """Like `select`, each record with a column from `beside`. Raises LedgerError."""
        sql = f"SELECT {self.name}.{column}, {self.columns()} FROM {self.name} {clause}"
        for value, *of_record in self._db.query(sql, *values):
            yield value, self.load(tuple(of_record))

    def load(self, values: tuple[Any, ...]) -> R:
        """A record from the values of its columns."""
        return self.mapper.load(values)

    @classmethod
    def insert(
        cls, write: sqlite3.Connection, record: R, beside: Mapping[str, SqlValue] | None = None
    ) -> int:
        """Write a record inside a transaction, with the `beside` values by column; it replaces a
        record with the same key. Returns the number of the row."""
        values = dict(zip(cls.mapper.columns, cls.mapper.dump(record), strict=True))
        for name in cls.shared:
            values[name] = _number_of(write, values[name])
        return insert(write, cls.name, values | dict(beside or {}))


def _number_of(write: sqlite3.Connection, text: SqlValue) -> int:
    """The number of a shared text, which is added if it is new."""
    write.execute("INSERT OR IGNORE INTO texts (text) VALUES (?)", (text,))
    number: int = write.execute("SELECT id FROM texts WHERE text=?", (text,)).fetchone()[0]
    return number


def insert(write: sqlite3.Connection, table: str, values: Mapping[str, SqlValue]) -> int:
    """Write a row by column; it replaces one with the same key. Returns the number of the row."""
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    sql = f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})"
    return write.execute(sql, tuple(values.values())).lastrowid or 0
