"""What the ledger learns of files that a user renamed or moved: a plan reckons with it before a run
writes it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence

import msgspec

from av1rules.ledger.mapping import SqlValue, dump_paths
from av1rules.ledger.records import TargetRow, TargetTable, dump_row
from av1rules.ledger.trash_table import TrashEntry, TrashKind


class MovedTarget(msgspec.Struct, frozen=True, kw_only=True):
    """A target that a user renamed or moved: its row as recorded, and with its place of now. `film`
    is the library path by which plans know the film: of its source, or of what replaced that."""

    was: TargetRow
    now: TargetRow
    film: str


class MovedFiles(msgspec.Struct, frozen=True, kw_only=True):
    """Moved targets, and entries of the trash as they are afterwards: of the originals of these
    targets, and of undone results whose original was moved."""

    targets: tuple[MovedTarget, ...] = ()
    entries: tuple[TrashEntry, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.targets or self.entries)


NOTHING_MOVED = MovedFiles()


def write_moved(write: sqlite3.Connection, moved: MovedFiles) -> None:
    """Write rows, receipts, checks and entries under their names of now, inside a transaction.
    Targets may have swapped names, so all of it is taken out first."""
    names = {one.was.target: os.fsencode(one.now.target) for one in moved.targets}
    for table in ("receipts", "checked"):
        _rename_rows(write, table, names)
    for old in names:
        write.execute("DELETE FROM targets WHERE target=?", (os.fsencode(old),))
    for one in moved.targets:
        TargetTable.insert(write, one.now)
    for entry in moved.entries:
        _write_entry(write, entry)


def _rename_rows(write: sqlite3.Connection, table: str, names: Mapping[str, bytes]) -> None:
    """Rows of a table whose key `target` is its first column."""
    rows: list[Sequence[SqlValue]] = []
    for old, new in names.items():
        key = (os.fsencode(old),)
        found = write.execute(f"SELECT * FROM {table} WHERE target=?", key).fetchall()
        rows += ((new, *values[1:]) for values in found)
        write.execute(f"DELETE FROM {table} WHERE target=?", key)
    for row in rows:
        marks = ", ".join("?" * len(row))
        write.execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", row)


def _write_entry(write: sqlite3.Connection, entry: TrashEntry) -> None:
    """The places of an entry. What a user undid stays undone under the name of now."""
    row = entry.row
    write.execute(
        "UPDATE kept SET target=?, place=?, path=?, row=?, side_files=? WHERE id=? AND kind=?",
        (
            os.fsencode(row.target),
            os.fsencode(row.source_path),
            os.fsencode(entry.path),
            dump_row(row),
            dump_paths(entry.side_files),
            entry.id,
            entry.kind.value,
        ),
    )
    if entry.kind is TrashKind.RESULT:
        write.execute(
            "UPDATE verdicts SET source=? WHERE content_key=? AND fingerprint=? AND kind='undone'",
            (os.fsencode(row.source), row.content_key, row.fingerprint),
        )
