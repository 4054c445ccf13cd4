"""The results of `verify` and `health`: the tables of checked targets and sources.

A result is written only if the file is still the same, because a run may be active.
"""

from __future__ import annotations

import functools
import os
import sqlite3
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

import msgspec

from av1rules.ledger.database import LedgerDb
from av1rules.ledger.mapping import LedgerPath, RecordMapper, RecordTable, StoredColumn
from av1rules.ledger.records import TargetRow


class CheckMethod(StrEnum):
    """What to check of a target, besides its size and times."""

    DIGEST = "digest"  # all bytes are as written
    DECODE = "decode"  # it decodes to its end


def _dump_ways(ways: frozenset[CheckMethod]) -> str:
    return " ".join(sorted(ways))


@functools.lru_cache(maxsize=16)  # every row has one of four
def _load_ways(how: str) -> frozenset[CheckMethod]:
    return frozenset(way for way in CheckMethod if way.value in how.split())


class LastCheck(msgspec.Struct, frozen=True, kw_only=True):
    """The last check of one target. Empty `ways`: only size and times; `at` is ISO 8601, UTC."""

    at: str
    ways: Annotated[
        frozenset[CheckMethod], StoredColumn(name="how", dump=_dump_ways, load=_load_ways)
    ]
    fault: str | None


class TargetResult(msgspec.Struct, frozen=True, kw_only=True):
    """The check of the target of `row`, to be recorded; `mtime_ns`: it was touched but not
    changed."""

    row: TargetRow
    checked: LastCheck
    mtime_ns: int | None = None


class DamageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A damaged file: a target by its path, or a source by its library path."""

    name: str
    at: str
    fault: str


class CheckTable(RecordTable[LastCheck]):
    """The last check of each target, as long as it is the same file."""

    name = "checked"
    mapper = RecordMapper(LastCheck)
    beside = ("target",)

    def all(self) -> dict[str, LastCheck]:
        """Every recorded check, by target."""
        return {os.fsdecode(target): checked for target, checked in self.select_with("target")}

    def faults(self) -> dict[str, str]:
        """Damage of targets whose size and times are as written, by target."""
        return {one.name: one.fault for one in self.damaged()}

    def damaged(self) -> tuple[DamageRecord, ...]:
        """Targets that were found damaged and not redone since, by name."""
        return _faults(self._db, "SELECT target, at, fault FROM checked")

    def put(self, row: TargetRow, checked: LastCheck, *, mtime_ns: int | None = None) -> bool:
        """Record one check; returns whether the ledger still has that file there."""
        return self.put_all((TargetResult(row=row, checked=checked, mtime_ns=mtime_ns),)) == 1

    def put_all(self, results: Iterable[TargetResult]) -> int:
        """Record checks in one transaction; returns how many.

        Nothing is written where the ledger has another file by now. A passed check with fewer
        methods, or with others than the one that found damage, keeps the older result.
        """
        with self._db.transaction() as write:
            return sum(self._put(write, result) for result in results)

    def _put(self, write: sqlite3.Connection, result: TargetResult) -> bool:
        name = os.fsencode(result.row.target)
        sql = (
            f"SELECT target_key, built_at, {self.columns()} FROM targets"
            " LEFT JOIN checked USING (target) WHERE target=?"
        )
        there = write.execute(sql, (name,)).fetchone()
        if there is None or there[:2] != (result.row.target_key, result.row.built_at):
            return False
        if result.mtime_ns is not None:
            write.execute(
                "UPDATE targets SET target_mtime_ns=? WHERE target=?", (result.mtime_ns, name)
            )
        older = None if there[2] is None else self.load(there[2:])
        if older is None or not _supersedes(older, result.checked):
            self.insert(write, result.checked, {"target": name})
        return True


def _supersedes(older: LastCheck, newer: LastCheck) -> bool:
    if newer.fault is not None or older.ways <= newer.ways:
        return False
    return older.fault is not None or newer.ways < older.ways


class SourceCheckRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The result of decoding one content; `source` is the library path that it had then."""

    source: LedgerPath
    at: str  # ISO 8601, UTC
    fault: str | None


class SourceCheckTable(RecordTable[SourceCheckRecord]):
    """Contents that were fully decoded, by content key: a renamed source is not checked again."""

    name = "health"
    mapper = RecordMapper(SourceCheckRecord)
    beside = ("content_key",)

    def of_contents(self, keys: Iterable[str]) -> dict[str, SourceCheckRecord]:
        """The results for these contents."""
        wanted = frozenset(keys)
        return {key: one for key, one in self.select_with("content_key") if key in wanted}

    def damaged(self) -> tuple[DamageRecord, ...]:
        """Sources that were found damaged, by name."""
        return _faults(self._db, "SELECT source, at, fault FROM health")

    def put(self, content_key: str, health: SourceCheckRecord) -> None:
        with self._db.transaction() as write:
            self.insert(write, health, {"content_key": content_key})


def _faults(db: LedgerDb, select: str) -> tuple[DamageRecord, ...]:
    rows = db.query(f"{select} WHERE fault IS NOT NULL ORDER BY 1")
    return tuple(
        DamageRecord(name=os.fsdecode(name), at=at, fault=fault) for name, at, fault in rows
    )
