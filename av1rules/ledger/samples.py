"""The ledger's tables of sample encodes and of the searches that rest on them.

A sample encode is short passages of a film, spread over it, encoded with some settings: by its
scores a CRF is searched for, by its size that of the film is foretold, and a hopeless one left out.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import msgspec

from av1rules.ledger.database import LedgerDb
from av1rules.ledger.mapping import tools_json
from av1rules.ledger.records import ToolsUsed
from av1rules.policy.canonical import settings_digest
from av1rules.policy.settings import EncodeSettings
from av1rules.quality.result import Score


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleEncode:
    """Passages of one content, encoded. `settings` have the very CRF and grain that were used, no
    target; `passages` are (start, duration) in seconds by the film's clock; sizes are bytes of
    pictures, `scores` those that were asked for. `made_at` is ISO 8601, UTC."""

    content_key: str
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

    def put(self, sample: SampleEncode, *, source: str) -> None:
        """`source` is the library path, by which it can be forgotten."""
        with self._db.transaction() as write:
            write.execute(
                "INSERT OR REPLACE INTO samples VALUES (?, ?, ?, ?, ?)",
                (
                    sample.content_key,
                    settings_digest(sample.settings),
                    tools_json(sample.tools),
                    os.fsencode(source),
                    _ENCODER.encode(sample).decode(),
                ),
            )

    def forget(self, source: str | None = None) -> None:
        """Drop the samples of one source, or of all: they are due again."""
        _forget(self._db, "samples", source)


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

    def put(self, result: SearchResult, *, source: str) -> None:
        """`source` is the library path, by which it can be forgotten."""
        with self._db.transaction() as write:
            write.execute(
                "INSERT OR REPLACE INTO searches VALUES (?, ?, ?, ?)",
                (
                    result.fingerprint,
                    tools_json(result.tools),
                    os.fsencode(source),
                    _ENCODER.encode(result).decode(),
                ),
            )

    def forget(self, source: str | None = None) -> None:
        """Drop the searches for one source, or for all: they are due again."""
        _forget(self._db, "searches", source)


def _forget(db: LedgerDb, table: str, source: str | None) -> None:
    where, values = ("", ()) if source is None else (" WHERE source=?", (os.fsencode(source),))
    with db.transaction() as write:
        write.execute(f"DELETE FROM {table}{where}", values)
