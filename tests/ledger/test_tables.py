"""Every table has a column for each field of its record, and none that no one writes."""

from __future__ import annotations

import contextlib
import inspect
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from av1rules.ledger.database import LEDGER_NAME
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.mapping import RecordTable
from av1rules.ledger.trash_table import PairOrigin
from av1rules.policy.tracks.rules import AudioRules, SubtitleRules, TrackChoice
from tests.ledger import sample_records as sample

TABLES: tuple[type[RecordTable[Any]], ...] = tuple(RecordTable.__subclasses__())
WITHOUT_RECORD = {"texts", "receipts", "census", "samples", "searches", "sqlite_sequence"}
"""A key and a value, or a key and a record that is stored whole as JSON."""


@pytest.fixture
def columns(tmp_path: Path) -> dict[str, dict[str, bool]]:
    """Of each table: its columns, and whether they may be NULL."""
    Ledger.open(tmp_path).close()
    with contextlib.closing(sqlite3.connect(tmp_path / LEDGER_NAME)) as db:
        names = [
            name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        return {
            name: {
                column: not (not_null or is_key)
                for _, column, _, not_null, _, is_key in db.execute(f"PRAGMA table_info({name})")
            }
            for name in names
        }


def test_every_table_is_looked_at(columns: dict[str, dict[str, bool]]) -> None:
    assert {table.name for table in TABLES} | WITHOUT_RECORD == set(columns)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: str(table.name))
def test_columns_are_the_fields(
    table: type[RecordTable[Any]], columns: dict[str, dict[str, bool]]
) -> None:
    fields = table.mapper.columns
    assert len(set(fields)) == len(fields)
    assert set(fields) | set(table.beside) == set(columns[table.name])
    assert not set(fields) & set(table.beside)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: str(table.name))
def test_a_field_may_be_none_only_where_its_column_may_be_null(
    table: type[RecordTable[Any]], columns: dict[str, dict[str, bool]]
) -> None:
    nullable = {name for name, is_nullable in columns[table.name].items() if is_nullable}
    assert table.mapper.nullable <= nullable


NEWER = frozenset({"deinterlace_rate", "audio", "subtitles", "tracks", "on_change"})
"""Unset in the records of `ledger_v5.sql`, which is older; see `test_newer_settings_are_kept`."""

RECORDS = (
    sample.ROW,
    replace(sample.VERDICT, is_final=True, accepted="damage", is_projected=True, film_s=70.5),
    replace(sample.KEPT, origin=PairOrigin.DECODED), sample.MOVE, sample.CHECKED, sample.HEALTH,
    sample.CLIP, sample.PAST, sample.WHOLE_RUN, sample.FINDING, sample.IN_HAND,
    sample.STAND_IN, sample.OWN_TOUCH, sample.AS_MADE, sample.CONTROL, sample.QUEUED,
    sample.OUTGOING,
    sample.SEGMENTED_FILM, sample.SEGMENT,
)  # fmt: skip
"""One of each, no field at its default."""


def test_there_is_a_record_for_each_table() -> None:
    assert {type(record) for record in RECORDS} == {table.mapper.record for table in TABLES}


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_no_field_is_lost_on_the_way(record: Any, tmp_path: Path) -> None:
    (table,) = (table for table in TABLES if table.mapper.record is type(record))
    assert list(_at_default(record)) == []
    with contextlib.closing(Ledger.open(tmp_path)) as ledger:
        tables = {type(one): one for one in vars(ledger).values()}
        with tables[table]._db.transaction() as write:
            beside = {
                name: None if name in ("id", "intent") else b"beside" for name in table.beside
            }
            table.insert(write, record, beside)
        assert list(tables[table].select()) == [record]


def test_newer_settings_are_kept(tmp_path: Path) -> None:
    settings = replace(
        sample.SETTINGS,
        deinterlace_rate="fields",
        audio=AudioRules(keep=("original", "eng"), commentary=False, default=()),
        subtitles=SubtitleRules(keep=(), forced="titled"),
        tracks=TrackChoice(dropped=(2, 3), flags=((1, ("default",)), (4, ()))),
        on_change="gain > 20%",
    )
    row = replace(sample.ROW, settings=settings)
    clip = replace(sample.CLIP, facts=replace(sample.CLIP.facts, settings=row.settings))
    with contextlib.closing(Ledger.open(tmp_path)) as ledger:
        ledger.commit(row, None)
        ledger.clips.put(clip)
        assert list(ledger.rows()) == [row]
        assert list(ledger.clips.all()) == [clip]


def _at_default(record: Any) -> Iterator[str]:
    """The fields whose loss nobody would notice, those of inner records included."""
    for name, field in inspect.signature(type(record)).parameters.items():
        if name in NEWER:
            continue
        value = getattr(record, name)
        if value is None or value == field.default:
            yield name
        if isinstance(value, msgspec.Struct):
            yield from (f"{name}.{inner}" for inner in _at_default(value))
