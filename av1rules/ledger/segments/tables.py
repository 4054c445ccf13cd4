"""The ledger's tables of films that are encoded in segments, and of the segments that are finished.

A segment is recorded as soon as it is accepted. Only a recorded one is used again, and only if its
bytes have the recorded digest.
"""

from __future__ import annotations

import os

import msgspec

from av1rules.encode.segments.records import FinishedSegment
from av1rules.ledger.mapping import LedgerPath, RecordMapper, RecordTable


class SegmentedFilm(msgspec.Struct, frozen=True, kw_only=True):
    """A film whose segments are in `folder`, for `target`. `recipe` is the digest of all that their
    bytes depend on, `at` is when it was begun, ISO 8601, UTC."""

    folder: LedgerPath
    film: LedgerPath
    target: LedgerPath
    fingerprint: str
    recipe: str
    at: str


class RecordedSegment(msgspec.Struct, frozen=True, kw_only=True):
    """A finished segment in `folder`."""

    folder: LedgerPath
    number: int
    size_bytes: int
    segment: FinishedSegment


class SegmentTable(RecordTable[RecordedSegment]):
    """One row for each finished segment."""

    name = "segments"
    mapper = RecordMapper(RecordedSegment)

    def of(self, folder: str) -> tuple[FinishedSegment, ...]:
        """The finished segments of a film."""
        rows = self.select("WHERE folder=? ORDER BY number", os.fsencode(folder))
        return tuple(row.segment for row in rows)

    def totals(self, folder: str) -> tuple[int, int]:
        """How many segments of a film are finished, and their bytes."""
        sql = "SELECT count(*), coalesce(sum(size_bytes), 0) FROM segments WHERE folder=?"
        ((count, size_bytes),) = self._db.query(sql, os.fsencode(folder))
        return count, size_bytes

    def add(self, folder: str, segment: FinishedSegment) -> None:
        with self._db.transaction() as write:
            row = RecordedSegment(
                folder=folder,
                number=segment.number,
                size_bytes=segment.size_bytes,
                segment=segment,
            )
            self.insert(write, row)


class SegmentedFilmTable(RecordTable[SegmentedFilm]):
    """One row for each film that is encoded in segments and not done yet."""

    name = "segmented_films"
    mapper = RecordMapper(SegmentedFilm)

    def all(self) -> tuple[SegmentedFilm, ...]:
        return tuple(self.select("ORDER BY folder"))

    def find(self, folder: str) -> SegmentedFilm | None:
        return next(self.select("WHERE folder=?", os.fsencode(folder)), None)

    def begin(self, film: SegmentedFilm) -> None:
        """Record a film before its folder exists."""
        with self._db.transaction() as write:
            self.insert(write, film)

    def forget(self, folder: str) -> None:
        """Forget a film and its segments, once their folder is gone."""
        with self._db.transaction() as write:
            write.execute("DELETE FROM segments WHERE folder=?", (os.fsencode(folder),))
            write.execute("DELETE FROM segmented_films WHERE folder=?", (os.fsencode(folder),))
