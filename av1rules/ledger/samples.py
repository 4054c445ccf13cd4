"""The ledger's tables of sample encodes and of the searches that rest on them.

A sample encode is short passages of a film, spread over it, encoded with some settings: by its
scores a CRF is searched for, by its size that of the film is foretold, and a hopeless one left out.
"""

from __future__ import annotations

import os
from typing import ClassVar, Generic, TypeVar

import msgspec

from av1rules.ledger.database import LedgerDb
from av1rules.ledger.mapping import SqlValue, canonical_json, insert
from av1rules.ledger.records import ToolsUsed
from av1rules.policy.fingerprint import settings_digest
from av1rules.policy.settings import EncodeSettings
from av1rules.quality.result import Score


class SampleEncode(msgspec.Struct, frozen=True, kw_only=True):
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


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One CRF of a search, and the figure it came to."""

    crf: float
    value: float


class SearchResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a search came to, by the fingerprint of the target that it is for. `crf` None: no CRF
    of the range is good enough; `text` says it in words."""

    fingerprint: str
    tools: ToolsUsed
    crf: float | None
    text: str
    tried: tuple[Tried, ...]
    elapsed_s: float
    made_at: str


R = TypeVar("R")


class _FactsTable(Generic[R]):
    """A record as JSON, by its keys and tools: with other tools it is another result. What can't
    be read (another version wrote it) is not there."""

    name: ClassVar[str]
    keys: ClassVar[tuple[str, ...]]
    decoder: msgspec.json.Decoder[R]

    def __init__(self, db: LedgerDb) -> None:
        self._db = db

    def forget(self, source: str | None = None) -> None:
        """Drop what is known of one source (library path), or of all: it is due again."""
        where, values = ("", ()) if source is None else (" WHERE source=?", (os.fsencode(source),))
        with self._db.transaction() as write:
            write.execute(f"DELETE FROM {self.name}{where}", values)

    def _find(self, *keys: str) -> R | None:
        where = " AND ".join(f"{name}=?" for name in self.keys)
        rows = self._db.query(f"SELECT facts FROM {self.name} WHERE {where}", *keys)
        try:
            return self.decoder.decode(rows[0][0]) if rows else None
        except msgspec.MsgspecError:
            return None

    def _put(self, *keys: str, record: R, source: str) -> None:
        values: dict[str, SqlValue] = dict(zip(self.keys, keys, strict=True))
        values |= {"source": os.fsencode(source), "facts": canonical_json(record)}
        with self._db.transaction() as write:
            insert(write, self.name, values)


class SampleTable(_FactsTable[SampleEncode]):
    """One row for each content, settings and tools."""

    name = "samples"
    keys = ("content_key", "settings", "tools")
    decoder = msgspec.json.Decoder(SampleEncode)

    def find(
        self, content_key: str, settings: EncodeSettings, tools: ToolsUsed
    ) -> SampleEncode | None:
        return self._find(content_key, settings_digest(settings), canonical_json(tools))

    def put(self, sample: SampleEncode, *, source: str) -> None:
        """`source` is the library path, by which it can be forgotten."""
        digest, tools = settings_digest(sample.settings), canonical_json(sample.tools)
        self._put(sample.content_key, digest, tools, record=sample, source=source)


class SearchTable(_FactsTable[SearchResult]):
    """One row for each target that was searched for, and the tools it was searched with."""

    name = "searches"
    keys = ("fingerprint", "tools")
    decoder = msgspec.json.Decoder(SearchResult)

    def find(self, fingerprint: str, tools: ToolsUsed) -> SearchResult | None:
        return self._find(fingerprint, canonical_json(tools))

    def put(self, result: SearchResult, *, source: str) -> None:
        """`source` is the library path, by which it can be forgotten."""
        tools = canonical_json(result.tools)
        self._put(result.fingerprint, tools, record=result, source=source)
