"""All films that the ledger knows in one list: those in the queue, finished ones, and those of
which no target came. Read a page at a time, for libraries of 100,000 films."""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import Enum

import msgspec

from av1rules.ledger.database import LedgerDb


class FilmState(Enum):
    """What the ledger says of a film. The value is its word in lists and in SQL."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    DECIDED = "no target"  # too large, too poor, or put back by a user


class FilmSort(Enum):
    """The order of a list. The value is its name for users."""

    DATE = "date"  # what waits in its order, then the newest first
    SIZE = "size"
    STATUS = "status"
    SAVINGS = "savings"
    NAME = "name"

    @property
    def next(self) -> FilmSort:
        kinds = tuple(FilmSort)
        return kinds[(kinds.index(self) + 1) % len(kinds)]


class ListedFilm(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A film of the list. `result_bytes` is the size of its target, or what it is expected to be;
    `at` is None while it waits. `detail` says why."""

    film: str
    state: FilmState
    source_bytes: int
    result_bytes: int | None = None
    at: str | None = None
    seconds: float | None = None
    rule: str | None = None
    detail: str = ""
    target: str | None = None
    width: int | None = None
    height: int | None = None
    codec: str | None = None
    bitrate_bps: int | None = None
    hdr: str | None = None
    bit_depth: int | None = None
    source_tier: str | None = None
    quality: str | None = None  # its CRF; read only for what is shown

    @property
    def saved_share(self) -> float | None:
        """0..1; None where there is no size of a result."""
        if not self.result_bytes or not self.source_bytes:
            return None
        return 1.0 - self.result_bytes / self.source_bytes


class FilmQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which films, in which order. `text` is a part of the name, without regard to case; `films`
    limits the list to these."""

    states: frozenset[FilmState] = frozenset(FilmState)
    sort: FilmSort = FilmSort.DATE
    text: str = ""
    films: tuple[str, ...] | None = None


_COLUMNS = (
    "film", "state", "size_bytes", "result", "at", "seconds", "rule", "detail", "target", "width",
    "height", "codec", "bitrate_bps", "hdr", "bit_depth", "source_tier", "place",
)  # fmt: skip

_NO_FACTS = "NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0"

_PARTS = {
    FilmState.WAITING: (
        "SELECT film, 'waiting', size_bytes, likely_bytes, NULL, seconds, rule, cause, NULL, width,"
        " height, codec, bitrate_bps, hdr, bit_depth, source_tier, place + 1000000000 * coalesce("
        "(SELECT place FROM controls WHERE controls.film=queue.film AND kind='order'), 0)"
        " FROM queue"
    ),
    FilmState.DONE: (
        "SELECT source, 'done', source_bytes, target_bytes, built_at, encode_s, rule, '', target,"
        f" {_NO_FACTS} FROM targets"
    ),
    FilmState.FAILED: (
        "SELECT source, 'failed', source_bytes, NULL, at, NULL, NULL, detail, NULL,"
        f" {_NO_FACTS} FROM verdicts WHERE kind='failed'"
    ),
    FilmState.DECIDED: (
        "SELECT source, 'no target', source_bytes, target_bytes, at, NULL, NULL, detail, NULL,"
        f" {_NO_FACTS} FROM verdicts WHERE kind!='failed'"
    ),
}

_ORDERS = {
    FilmSort.DATE: "at IS NOT NULL, place, at DESC, film",
    FilmSort.SIZE: "size_bytes DESC, film",
    FilmSort.STATUS: (
        "CASE state WHEN 'failed' THEN 0 WHEN 'waiting' THEN 1 WHEN 'done' THEN 2 ELSE 3 END,"
        " place, film"
    ),
    FilmSort.SAVINGS: "result IS NULL, size_bytes - result DESC, film",
    FilmSort.NAME: "film",
}


class FilmList:
    """Reads the list. Each call costs about 0.1 s for 100,000 films, whatever the page."""

    def __init__(self, db: LedgerDb) -> None:
        self._db = db

    def page(self, query: FilmQuery, *, offset: int, count: int) -> tuple[ListedFilm, ...]:
        """`count` films from place `offset` on. Raises LedgerError."""
        table, where, values = _table(query)
        sql = f"{table} SELECT * FROM listed{where} ORDER BY {_ORDERS[query.sort]} LIMIT ? OFFSET ?"
        return tuple(map(_listed, self._db.query(sql, *values, count, offset)))

    def count(self, query: FilmQuery) -> int:
        """Raises LedgerError."""
        table, where, values = _table(query)
        ((count,),) = self._db.query(f"{table} SELECT count(*) FROM listed{where}", *values)
        return int(count)

    def version(self) -> int:
        """Another number once another process has written to the ledger. Raises LedgerError."""
        ((version,),) = self._db.query("PRAGMA data_version")
        return int(version)

    def encode_seconds(self) -> float:
        """How long all encodes of finished targets took together. Raises LedgerError."""
        ((seconds,),) = self._db.query("SELECT coalesce(sum(encode_s + verify_s), 0) FROM targets")
        return float(seconds)

    def saved_shares(self, count: int) -> tuple[float, ...]:
        """How much the last films saved, 0..1 of each, oldest first. Raises LedgerError."""
        sql = "SELECT source_bytes, target_bytes FROM targets ORDER BY built_at DESC LIMIT ?"
        rows = self._db.query(sql, count)
        return tuple(1.0 - made / was for was, made in reversed(rows) if was)


def _table(query: FilmQuery) -> tuple[str, str, list[object]]:
    """The list as a common table expression, the condition, and its values."""
    parts = " UNION ALL ".join(_PARTS[state] for state in FilmState if state in query.states)
    conditions, values = [], list[object]()
    if query.text:
        conditions.append("instr(lower(CAST(film AS TEXT)), ?)")
        values.append(query.text.lower())
    if query.films is not None:
        conditions.append(f"film IN ({', '.join('?' * len(query.films))})")
        values += map(os.fsencode, query.films)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"WITH listed ({', '.join(_COLUMNS)}) AS ({parts})", where, values


def _listed(row: Sequence[object]) -> ListedFilm:
    film, state, size_bytes, result, *rest, _place = row
    fields = dict(zip(ListedFilm.__struct_fields__[4:-1], rest, strict=True))
    if isinstance(target := fields["target"], bytes):
        fields["target"] = os.fsdecode(target)
    assert isinstance(film, bytes)
    assert isinstance(size_bytes, int)
    return ListedFilm(
        film=os.fsdecode(film),
        state=FilmState(state),
        source_bytes=size_bytes,
        result_bytes=round(result) if isinstance(result, int | float) else None,
        **fields,  # type: ignore[arg-type]
    )
