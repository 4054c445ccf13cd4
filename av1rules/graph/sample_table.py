"""The ledger's tables of sample encodes and of the searches that rest on them.

A sample encode is short passages of a film, spread over it, encoded with some settings: by its
scores a CRF is searched for, by its size and time the film is foretold and hopeless ones left out.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import msgspec

from av1rules.encode.score_parse import Score
from av1rules.graph.ledger_db import LedgerDb
from av1rules.graph.ledger_rows import tools_json
from av1rules.graph.stale import ToolsUsed
from av1rules.rules.settings import EncodeSettings
from av1rules.rules.shaping import settings_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleEncode:
    """Passages of one content, encoded. `settings` have the very CRF and grain that were used, no
    target; `passages` are (start, duration) in seconds by the film's clock; sizes are bytes of
    pictures, `scores` those that were asked for. `made_at` is ISO 8601, UTC."""

    content_key: str
    source: str  # library path, as it was then
    settings: EncodeSettings
    tools: ToolsUsed
    passages: tuple[tuple[float, float], ...]
    frames: int
    duration_s: float
    size_bytes: int
    encode_s: float
    made_at: str
    scores: tuple[Score, ...] = ()
    score_problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One CRF of a search, and the figure it came to."""

    crf: float
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What a search came to, by the fingerprint of the target that it is for. `crf` None: no CRF
    of the range is good enough; `text` says it in words."""

    fingerprint: str
    content_key: str
    source: str  # library path, as it was then
    tools: ToolsUsed
    crf: float | None
    text: str
    tried: tuple[Tried, ...]
    elapsed_s: float
    made_at: str


_ENCODER = msgspec.json.Encoder(order="deterministic")
_SAMPLE = msgspec.json.Decoder(SampleEncode)
_SEARCH = msgspec.json.Decoder(SearchResult)


class SampleTable:
    """One row for each content, settings and tools: with other tools it is another encode. What
    can't be read (another version wrote it) is not there."""

    def __init__(self, db: LedgerDb) -> None:
        self._db = db

    def find(
        self, content_key: str, settings: EncodeSettings, tools: ToolsUsed
    ) -> SampleEncode | None:
        rows = self._db.query(
            "SELECT facts FROM samples WHERE content_key=? AND settings=? AND tools=?",
            content_key,
            settings_digest(settings),
            tools_json(tools),
        )
        try:
            return _SAMPLE.decode(rows[0][0]) if rows else None
        except msgspec.MsgspecError:
            return None

    def put(self, sample: SampleEncode) -> None:
        with self._db.transaction() as write:
            write.execute(
                "INSERT OR REPLACE INTO samples VALUES (?, ?, ?, ?)",
                (
                    sample.content_key,
                    settings_digest(sample.settings),
                    tools_json(sample.tools),
                    _ENCODER.encode(sample).decode(),
                ),
            )

    def forget(self, content_keys: tuple[str, ...] | None = None) -> None:
        """Drop the samples of these contents, or of all: they are due again."""
        _forget(self._db, "samples", content_keys)


class SearchTable:
    """One row for each target that was searched for, and the tools it was searched with."""

    def __init__(self, db: LedgerDb) -> None:
        self._db = db

    def find(self, fingerprint: str, tools: ToolsUsed) -> SearchResult | None:
        rows = self._db.query(
            "SELECT facts FROM searches WHERE fingerprint=? AND tools=?",
            fingerprint,
            tools_json(tools),
        )
        try:
            return _SEARCH.decode(rows[0][0]) if rows else None
        except msgspec.MsgspecError:
            return None

    def put(self, result: SearchResult) -> None:
        with self._db.transaction() as write:
            write.execute(
                "INSERT OR REPLACE INTO searches VALUES (?, ?, ?, ?, ?)",
                (
                    result.fingerprint,
                    tools_json(result.tools),
                    result.content_key,
                    os.fsencode(result.source),
                    _ENCODER.encode(result).decode(),
                ),
            )

    def contents_of(self, source: str) -> tuple[str, ...]:
        """The contents that were searched for a source (library path)."""
        rows = self._db.query(
            "SELECT DISTINCT content_key FROM searches WHERE source=?", os.fsencode(source)
        )
        return tuple(key for (key,) in rows)

    def forget(self, content_keys: tuple[str, ...] | None = None) -> None:
        """Drop the searches of these contents, or of all: they are due again."""
        _forget(self._db, "searches", content_keys)


def _forget(db: LedgerDb, table: str, content_keys: tuple[str, ...] | None) -> None:
    with db.transaction() as write:
        if content_keys is None:
            write.execute(f"DELETE FROM {table}")
        else:
            write.executemany(
                f"DELETE FROM {table} WHERE content_key=?", [(key,) for key in content_keys]
            )
