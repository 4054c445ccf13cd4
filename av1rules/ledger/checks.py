"""What was found when targets and sources were looked through: the tables of `verify` and `health`.

Each result is one transaction of its own, so that a check of weeks can be broken off at any time.
It is written only if it still is about the same file: a run may be at work meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from av1rules.ledger.database import LedgerDb
from av1rules.ledger.records import TargetRow


class CheckMethod(StrEnum):
    """How a target is looked at, beside its size and times."""

    DIGEST = "digest"  # all bytes are those that were written
    DECODE = "decode"  # it plays to its end


@dataclass(frozen=True, slots=True, kw_only=True)
class LastCheck:
    """The last check of one target. `ways` empty: only size and times; `at` is ISO 8601, UTC."""

    at: str
    ways: frozenset[CheckMethod]
    fault: str | None


class CheckTable:
    """The last check of each target, as long as it is the same file."""

    def __init__(self, db: LedgerDb) -> None:
        self._db = db

    def all(self) -> dict[str, LastCheck]:
        """Every recorded check, by target."""
        return {
            os.fsdecode(target): LastCheck(at=at, ways=_methods(how), fault=fault)
            for target, at, how, fault in self._db.query(
                "SELECT target, at, how, fault FROM checked"
            )
        }

    def faults(self) -> dict[str, str]:
        """What is wrong with targets that look as written, by target."""
        return {
            os.fsdecode(target): fault
            for target, fault in self._db.query(
                "SELECT target, fault FROM checked WHERE fault IS NOT NULL"
            )
        }

    def put(self, row: TargetRow, checked: LastCheck, *, mtime_ns: int | None = None) -> bool:
        """Record what was found of the target of `row`; with `mtime_ns` it was touched, no more.

        False, and nothing written, if the ledger has another file there by now. What was found well
        in fewer ways, or in other ways than a fault, says nothing against the older result.
        """
        name = os.fsencode(row.target)
        with self._db.transaction() as write:
            there = write.execute(
                "SELECT target_key, built_at FROM targets WHERE target=?", (name,)
            ).fetchone()
            if there != (row.target_key, row.built_at):
                return False
            if mtime_ns is not None:
                write.execute(
                    "UPDATE targets SET target_mtime_ns=? WHERE target=?", (mtime_ns, name)
                )
            older = write.execute(
                "SELECT how, fault FROM checked WHERE target=?", (name,)
            ).fetchone()
            if older is not None and _says_more(_methods(older[0]), older[1], checked):
                return True
            write.execute(
                "INSERT OR REPLACE INTO checked VALUES (?, ?, ?, ?)",
                (name, checked.at, " ".join(sorted(checked.ways)), checked.fault),
            )
        return True


def _says_more(ways: frozenset[CheckMethod], fault: str | None, newer: LastCheck) -> bool:
    if newer.fault is not None or ways <= newer.ways:
        return False
    return fault is not None or newer.ways < ways


def _methods(how: str) -> frozenset[CheckMethod]:
    return frozenset(way for way in CheckMethod if way.value in how.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCheckRecord:
    """What came of decoding one content; `source` is the library path it had then."""

    source: str
    at: str  # ISO 8601, UTC
    fault: str | None


class SourceCheckTable:
    """Which contents were decoded whole, by content key: a renamed source is not done again."""

    def __init__(self, db: LedgerDb) -> None:
        self._db = db

    def of_contents(self, keys: Iterable[str]) -> dict[str, SourceCheckRecord]:
        """What is known of these contents."""
        wanted = frozenset(keys)
        return {
            key: SourceCheckRecord(source=os.fsdecode(source), at=at, fault=fault)
            for key, source, at, fault in self._db.query(
                "SELECT content_key, source, at, fault FROM health"
            )
            if key in wanted
        }

    def put(self, content_key: str, health: SourceCheckRecord) -> None:
        with self._db.transaction() as write:
            write.execute(
                "INSERT OR REPLACE INTO health VALUES (?, ?, ?, ?)",
                (content_key, os.fsencode(health.source), health.at, health.fault),
            )
