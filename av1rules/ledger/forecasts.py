"""The ledger's table of forecasts: the forecast of each encode beside its actual result."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Annotated

import msgspec

from av1rules.ledger.mapping import Embedded, LedgerPath, RecordMapper, RecordTable, StoredColumn
from av1rules.ledger.records import Basis, Interval


class PastForecast(msgspec.Struct, frozen=True, kw_only=True):
    """The forecast of one target (`seconds` of encoding and verifying with `jobs` at a time, and
    `size_bytes`) and the actual values. `at` is ISO 8601, UTC."""

    target: LedgerPath
    run: int | None
    at: str
    encoder: str
    preset: int
    resolution: str | None
    source_tier: str | None
    basis: Annotated[Basis, Embedded(columns={"level": "level", "encodes": "encodes"})]
    jobs: int
    seconds: Annotated[
        Interval, Embedded(columns={"low": "low_s", "mid": "mid_s", "high": "high_s"})
    ]
    actual_s: Annotated[float, StoredColumn(name="took_s")]
    size_bytes: Annotated[
        Interval, Embedded(columns={"low": "low_bytes", "mid": "mid_bytes", "high": "high_bytes"})
    ]
    actual_bytes: Annotated[int, StoredColumn(name="came_bytes")]
    source_bytes: int


class ForecastTable(RecordTable[PastForecast]):
    """One row for each encode that succeeded; failed ones have nothing to compare."""

    name = "forecasts"
    mapper = RecordMapper(PastForecast)
    beside = ("id",)

    def add(self, past: PastForecast) -> None:
        with self._db.transaction() as write:
            self.insert(write, past)

    def all(self) -> tuple[PastForecast, ...]:
        """Oldest first. Raises LedgerError."""
        return tuple(self.select("ORDER BY id"))

    def each(self) -> Iterator[PastForecast]:
        """The same one by one. Raises LedgerError."""
        columns = self.columns()
        return map(self.load, self._db.stream(f"SELECT {columns} FROM forecasts ORDER BY id"))

    def newest(self, count: int, *, since: str = "") -> tuple[PastForecast, ...]:
        """The newest since that time (as in the ledger), oldest first. Raises LedgerError."""
        return tuple(self.select("WHERE at >= ? ORDER BY id DESC LIMIT ?", since, count))[::-1]

    def latest_medians(self) -> dict[str, tuple[float, float]]:
        """The last forecast of each target: seconds and bytes. Raises LedgerError."""
        rows = self._db.query("SELECT target, mid_s, mid_bytes FROM forecasts ORDER BY id")
        return {os.fsdecode(target): (mid_s, mid_bytes) for target, mid_s, mid_bytes in rows}
