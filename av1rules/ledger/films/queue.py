"""The ledger's table of films that a run has yet to do, for monitors: written as a run begins, a
film less as each job ends. What a run does is decided by its plan alone."""

from __future__ import annotations

import os
from collections.abc import Iterable

import msgspec

from av1rules.ledger.mapping import LedgerPath, RecordMapper, RecordTable


class QueuedFilm(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A film that waits for its job. `kind` is the action of the plan in words, `place` orders
    films; `seconds`, `likely_bytes` and `saving_bytes` are forecasts. The rest are facts of the
    source, None where not known."""

    film: LedgerPath
    place: int
    kind: str
    size_bytes: int
    rule: str | None = None
    source_tier: str | None = None
    cause: str = ""
    seconds: float | None = None
    likely_bytes: float | None = None
    saving_bytes: float | None = None
    width: int | None = None
    height: int | None = None
    codec: str | None = None
    bitrate_bps: int | None = None
    hdr: str | None = None
    bit_depth: int | None = None


class QueueTotals(msgspec.Struct, frozen=True, kw_only=True):
    """All that waits, together; sums of forecasts are None where there is none."""

    films: int
    size_bytes: int
    seconds: float | None
    saving_bytes: float | None


class QueueTable(RecordTable[QueuedFilm]):
    """One row for each film."""

    name = "queue"
    mapper = RecordMapper(QueuedFilm)

    def put(self, films: Iterable[QueuedFilm], *, is_whole: bool) -> None:
        """Write what a run is to do. `is_whole`: nothing else waits. Raises LedgerError."""
        with self._db.transaction() as write:
            if is_whole:
                write.execute("DELETE FROM queue")
            names = self.mapper.columns
            sql = (
                f"INSERT OR REPLACE INTO queue ({', '.join(names)})"
                f" VALUES ({', '.join('?' * len(names))})"
            )
            write.executemany(sql, map(self.mapper.dump, films))

    def remove(self, film: str) -> None:
        """A film has been done. Raises LedgerError."""
        with self._db.transaction() as write:
            write.execute("DELETE FROM queue WHERE film=?", (os.fsencode(film),))

    def totals(self) -> QueueTotals:
        """Raises LedgerError."""
        sql = "SELECT count(*), coalesce(sum(size_bytes), 0), sum(seconds), sum(saving_bytes)"
        ((films, size_bytes, seconds, saving),) = self._db.query(f"{sql} FROM queue")
        return QueueTotals(films=films, size_bytes=size_bytes, seconds=seconds, saving_bytes=saving)

    def find(self, film: str) -> QueuedFilm | None:
        """Raises LedgerError."""
        return next(self.select("WHERE film=?", os.fsencode(film)), None)
