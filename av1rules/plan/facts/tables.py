"""The tables of the ledger that a plan reads, as lines: each column in a form that people can read,
and back. Pure, but for the queries."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any

import msgspec

from av1rules.ledger.as_made import AsMadeTable
from av1rules.ledger.checks import CheckTable
from av1rules.ledger.clips import ClipTable
from av1rules.ledger.controls import ControlTable
from av1rules.ledger.history import history_facts
from av1rules.ledger.ledger import JobInProgressTable
from av1rules.ledger.mapping import RecordTable, SqlValue, canonical_json, dump_paths, load_paths
from av1rules.ledger.packed_receipt import pack_receipt
from av1rules.ledger.records import AttemptTable, TargetTable, dump_row, parse_row
from av1rules.ledger.samples import SampleTable, SearchTable
from av1rules.ledger.stand_ins import OwnTouchTable, StandInTable
from av1rules.ledger.trash_table import TrashTable
from av1rules.media.packed_source import pack_json, source_from_json, unpack_json
from av1rules.plan.facts.lines import path_of_text, text_of_path
from av1rules.plan.safety_stop import known_files, take_inventory


class ColumnKind(Enum):
    """What a column holds, and so how a line shows it."""

    PLAIN = "plain"
    PATH = "path"
    NAME = "name"  # a library path, or a name in a folder
    TEXT = "text"  # said by a program
    JSON = "json"
    ROW = "row"  # of the targets
    SOURCE = "source"  # probed facts, packed
    PAIRS = "pairs"  # of paths
    INVENTORY = "inventory"  # of a root
    RECEIPT = "receipt"  # as far as forecasts read it
    MARK = "mark"  # whether there is anything
    LEFT_OUT = "left out"


class TableForm(msgspec.Struct, frozen=True, kw_only=True):
    """A table: its columns, and what reads a row of it, to check one that comes from a file.
    `shared` columns have the number of a text."""

    columns: Mapping[str, ColumnKind]
    check: Callable[[Mapping[str, SqlValue]], object]
    shared: frozenset[str] = frozenset()
    where: str = ""


def _by_mapper(table: type[RecordTable[Any]]) -> Callable[[Mapping[str, SqlValue]], object]:
    return lambda values: table.mapper.load([values.get(name) for name in table.mapper.columns])


def _columns(**kinds: str) -> dict[str, ColumnKind]:
    """The columns by kind, named with blanks between them."""
    return {
        name: ColumnKind[kind.upper()] for kind, names in kinds.items() for name in names.split()
    }


_HISTORY = (
    "WHERE target IN (SELECT target FROM targets WHERE encode_s > 0 ORDER BY built_at DESC LIMIT ?)"
)

TABLES: dict[str, TableForm] = {
    "targets": TableForm(
        columns=_columns(
            path="target source_path",
            name="source",
            json="settings tools",
            plain="content_key source_digest source_bytes fingerprint target_bytes target_mtime_ns "
            "target_key target_head target_digest rule built_at encode_s verify_s forgotten run",
        ),
        check=_by_mapper(TargetTable),
        shared=TargetTable.shared,
    ),
    "receipts": TableForm(
        columns=_columns(path="target", receipt="receipt"),
        check=lambda values: None,
        where=_HISTORY,
    ),
    "verdicts": TableForm(
        columns=_columns(
            name="source",
            text="detail",
            json="measured",
            plain="content_key fingerprint kind source_bytes target_bytes count at is_final "
            "accepted is_projected film_s",
        ),
        check=_by_mapper(AttemptTable),
    ),
    "in_hand": TableForm(
        columns=_columns(path="folder", name="source", row="row", left_out="receipt"),
        check=_by_mapper(JobInProgressTable),
    ),
    "kept": TableForm(
        columns=_columns(
            path="path target place",
            row="row",
            source="facts",
            pairs="side_files",
            mark="intent",
            left_out="receipt",
            plain="id run kind at gone_at origin",
        ),
        check=_by_mapper(TrashTable),
    ),
    "census": TableForm(
        columns=_columns(path="root", inventory="files"), check=lambda values: None
    ),
    "checked": TableForm(
        columns=_columns(path="target", text="fault", plain="at how"),
        check=_by_mapper(CheckTable),
    ),
    "clips": TableForm(
        columns=_columns(
            path="origin path", name="source", json="facts", plain="fingerprint size_bytes made_at"
        ),
        check=_by_mapper(ClipTable),
    ),
    "samples": TableForm(
        columns=_columns(name="source", json="tools facts", plain="content_key settings"),
        check=lambda values: SampleTable.decoder.decode(str(values["facts"])),
    ),
    "searches": TableForm(
        columns=_columns(name="source", json="tools facts", plain="fingerprint"),
        check=lambda values: SearchTable.decoder.decode(str(values["facts"])),
    ),
    "stand_ins": TableForm(
        columns=_columns(
            path="folder source_path link",
            name="name",
            plain="is_pending kind is_film inode size_bytes mtime_ns source_inode source_bytes "
            "source_mtime_ns",
        ),
        check=_by_mapper(StandInTable),
    ),
    "own_touches": TableForm(
        columns=_columns(plain="inode before_ns after_ns at"), check=_by_mapper(OwnTouchTable)
    ),
    "as_made": TableForm(
        columns=_columns(plain="made wanted choice at"), check=_by_mapper(AsMadeTable)
    ),
    "controls": TableForm(
        columns=_columns(name="film", text="reason", plain="kind since until place"),
        check=_by_mapper(ControlTable),
    ),
}
"""Each table with all of its columns. What a plan does not read is not here."""


def select_of(table: str) -> str:
    """The query of a table, in the order of its columns."""
    form = TABLES[table]
    names = (
        f"(SELECT text FROM texts WHERE id={table}.{name})" if name in form.shared else name
        for name in form.columns
        if form.columns[name] is not ColumnKind.LEFT_OUT
    )
    return f"SELECT {', '.join(names)} FROM {table} {form.where}"


def shown_values(table: str, row: tuple[Any, ...]) -> dict[str, Any]:
    """A row of `select_of` as a line shows it; columns with nothing in them are left out."""
    kinds = TABLES[table].columns
    names = (name for name, kind in kinds.items() if kind is not ColumnKind.LEFT_OUT)
    return {
        name: value if (show := _SHOWN.get(kinds[name])) is None else show(value)
        for name, value in zip(names, row, strict=True)
        if value is not None
    }


def stored_values(table: str, values: Mapping[str, Any]) -> dict[str, SqlValue]:
    """The inverse of `shown_values`, checked. Raises ValueError, TypeError, KeyError or
    msgspec.MsgspecError for what is no row of the table."""
    form = TABLES[table]
    stored = {
        name: _plain(value) if (store := _STORED.get(kind)) is None else store(value)
        for name, kind in form.columns.items()
        if (value := values.get(name)) is not None
    }
    form.check(stored)
    return stored


def _plain(value: Any) -> SqlValue:
    if not isinstance(value, str | int | float):
        raise TypeError(f"expected a text or a number, found {type(value).__name__}")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("a number is out of range")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a text, found {type(value).__name__}")
    return value


def _json_of(text: str) -> Any:
    return msgspec.Raw(text.encode())


def _shown_measured(text: str) -> Any:
    return json.loads(text)


def _shown_row(text: str) -> dict[str, Any]:
    """A row of the targets within another table."""
    values = dict(
        zip(TargetTable.mapper.columns, TargetTable.mapper.dump(parse_row(text)), strict=True)
    )
    return shown_values("targets", tuple(values[name] for name in TABLES["targets"].columns))


def _stored_row(values: Any) -> str:
    stored = stored_values("targets", values)
    columns = TargetTable.mapper.columns
    return dump_row(TargetTable.mapper.load([stored.get(name) for name in columns]))


def _shown_inventory(packed: bytes) -> list[tuple[str, int, int]]:
    return [(text_of_path(path), size, mtime_ns) for path, (size, mtime_ns) in known_files(packed)]


def _stored_inventory(files: Any) -> bytes:
    read = msgspec.convert(files, list[tuple[str, int, int]])
    marked = ((path_of_text(path), (size, mtime_ns)) for path, size, mtime_ns in read)
    return take_inventory("", marked).packed


def _stored_source(value: Any) -> bytes:
    text = msgspec.json.encode(value)
    source_from_json(text)
    return pack_json(text)


def _stored_pairs(value: Any) -> str:
    pairs = msgspec.convert(value, tuple[tuple[str, str], ...])
    return dump_paths(tuple((path_of_text(old), path_of_text(new)) for old, new in pairs))


_SHOWN: dict[ColumnKind, Callable[[Any], Any]] = {
    ColumnKind.PATH: text_of_path,
    ColumnKind.NAME: text_of_path,
    ColumnKind.JSON: _json_of,
    ColumnKind.ROW: _shown_row,
    ColumnKind.SOURCE: lambda packed: msgspec.Raw(unpack_json(packed)),
    ColumnKind.PAIRS: lambda text: [
        (text_of_path(old), text_of_path(new)) for old, new in load_paths(text)
    ],
    ColumnKind.INVENTORY: _shown_inventory,
    ColumnKind.RECEIPT: history_facts,
    ColumnKind.MARK: lambda _: True,
}

_STORED: dict[ColumnKind, Callable[[Any], SqlValue]] = {
    ColumnKind.PATH: lambda text: os.fsencode(path_of_text(_text(text))),
    ColumnKind.NAME: lambda text: os.fsencode(path_of_text(_text(text))),
    ColumnKind.TEXT: _text,
    ColumnKind.JSON: canonical_json,
    ColumnKind.ROW: _stored_row,
    ColumnKind.SOURCE: _stored_source,
    ColumnKind.PAIRS: _stored_pairs,
    ColumnKind.INVENTORY: _stored_inventory,
    ColumnKind.RECEIPT: lambda value: pack_receipt(msgspec.json.encode(value)),
    ColumnKind.MARK: lambda _: "recorded",
}


def ledger_rows(
    query: Callable[..., Iterator[tuple[Any, ...]]], *, history: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """All rows of all tables; of `history` encodes what forecasts learn from."""
    for table, form in TABLES.items():
        values = (history,) if form.where else ()
        for row in query(select_of(table), *values):
            yield table, shown_values(table, row)
