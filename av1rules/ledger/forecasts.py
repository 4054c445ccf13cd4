"""The ledger's table of forecasts: what was foretold of each encode, and what came out."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass

from av1rules.ledger.database import LedgerDb
from av1rules.ledger.records import Basis, Interval

_COLUMNS = (
    "run, target, at, encoder, preset, resolution, source_tier, level, encodes, jobs, low_s, "
    "mid_s, high_s, took_s, low_bytes, mid_bytes, high_bytes, came_bytes, source_bytes"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastForecast:
    """Foretold `seconds` (of encoding and verifying beside the other `jobs`) and `size_bytes` of
    one target, and what it `took_s` and `came_bytes` to. `at` is ISO 8601, UTC."""

    target: str
    run: int | None
    at: str
    encoder: str
    preset: int
    resolution: str | None
    source_tier: str | None
    basis: Basis
    jobs: int
    seconds: Interval
    actual_s: float
    size_bytes: Interval
    actual_bytes: int
    source_bytes: int


class ForecastTable:
    """One row for each encode that came out; those that failed have nothing to compare with."""

    def __init__(self, db: LedgerDb) -> None:
        self._db = db

    def add(self, past: PastForecast) -> None:
        with self._db.transaction() as write:
            self.put(write, past)

    @staticmethod
    def put(write: sqlite3.Connection, past: PastForecast) -> None:
        """Inside a transaction."""
        values = (
            past.run,
            os.fsencode(past.target),
            past.at,
            past.encoder,
            past.preset,
            past.resolution,
            past.source_tier,
            past.basis.level,
            past.basis.encodes,
            past.jobs,
            *(past.seconds.low, past.seconds.mid, past.seconds.high, past.actual_s),
            *(past.size_bytes.low, past.size_bytes.mid, past.size_bytes.high, past.actual_bytes),
            past.source_bytes,
        )
        marks = ", ".join("?" * len(values))
        write.execute(f"INSERT INTO forecasts ({_COLUMNS}) VALUES ({marks})", values)

    def all(self) -> tuple[PastForecast, ...]:
        """Oldest first. Raises LedgerError."""
        return self._read("ORDER BY id")

    def newest(self, count: int, *, since: str = "") -> tuple[PastForecast, ...]:
        """The newest since then (a time as the ledger has it), oldest first. Raises LedgerError."""
        return self._read("WHERE at >= ? ORDER BY id DESC LIMIT ?", since, count)[::-1]

    def middles(self) -> dict[str, tuple[float, float]]:
        """What was foretold last of each target: seconds and bytes. Raises LedgerError."""
        rows = self._db.query("SELECT target, mid_s, mid_bytes FROM forecasts ORDER BY id")
        return {os.fsdecode(target): (mid_s, mid_bytes) for target, mid_s, mid_bytes in rows}

    def _read(self, which: str, *values: object) -> tuple[PastForecast, ...]:
        return tuple(
            PastForecast(
                run=row[0],
                target=os.fsdecode(row[1]),
                at=row[2],
                encoder=row[3],
                preset=row[4],
                resolution=row[5],
                source_tier=row[6],
                basis=Basis(level=row[7], encodes=row[8]),
                jobs=row[9],
                seconds=Interval(low=row[10], mid=row[11], high=row[12]),
                actual_s=row[13],
                size_bytes=Interval(low=row[14], mid=row[15], high=row[16]),
                actual_bytes=row[17],
                source_bytes=row[18],
            )
            for row in self._db.query(f"SELECT {_COLUMNS} FROM forecasts {which}", *values)
        )
