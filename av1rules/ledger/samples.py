"""The ledger's tables of sample encodes and of the CRF searches based on them.

A sample encode holds short excerpts spread over a film, encoded with some settings. Its scores
guide the search for a CRF; its size forecasts that of the film, so that a hopeless encode is left
out.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import ClassVar, Generic, TypeVar

import msgspec

from av1rules.ledger.database import LedgerDb
from av1rules.ledger.mapping import SqlValue, canonical_json, insert
from av1rules.ledger.records import ToolsUsed
from av1rules.policy.fingerprint import settings_digest
from av1rules.policy.settings import EncodeSettings
from av1rules.quality.result import Score


class SampleEncode(msgspec.Struct, frozen=True, kw_only=True):
    """Encoded excerpts of one content. `settings` have the CRF and grain used, without a target;
    `passages` are the excerpts as (start, duration) in seconds by the film's timestamps; sizes are
    bytes of video, `scores` those requested. `made_at` is ISO 8601, UTC."""

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
    """One CRF of a search, and its score."""

    crf: float
    value: float


class SearchResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a search, by the fingerprint of its target. `crf` None: no CRF of the range is
    good enough; `text` describes the result."""

    fingerprint: str
    tools: ToolsUsed
    crf: float | None
    text: str
    tried: tuple[Tried, ...]
    elapsed_s: float
    made_at: str


R = TypeVar("R")


class _FactsTable(Generic[R]):
    """Records as JSON, by keys and tools, since other tools give other results. Unreadable rows (of
    another version) are ignored."""

    name: ClassVar[str]
    keys: ClassVar[tuple[str, ...]]
    decoder: msgspec.json.Decoder[R]

    def __init__(self, db: LedgerDb) -> None:
        self._db = db

    def forget(self, source: str | None = None) -> None:
        """Drop the records of one source (library path), or of all: they are due again."""
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
    contents_without: AbstractSet[str] = frozenset()
    """Contents that are known to have none, while rows are read ahead."""

    def of_contents(self, content_keys: Sequence[str]) -> set[str]:
        """Which of these contents have any samples."""
        marks = ",".join("?" * len(content_keys))
        sql = f"SELECT DISTINCT content_key FROM samples WHERE content_key IN ({marks})"
        return {key for (key,) in self._db.query(sql, *content_keys)}

    def find(
        self, content_key: str, settings: EncodeSettings, tools: ToolsUsed
    ) -> SampleEncode | None:
        if content_key in self.contents_without:
            return None
        return self._find(content_key, settings_digest(settings), canonical_json(tools))

    def put(self, sample: SampleEncode, *, source: str) -> None:
        """`source` is the library path, by which it can be forgotten."""
        digest, tools = settings_digest(sample.settings), canonical_json(sample.tools)
        self._put(sample.content_key, digest, tools, record=sample, source=source)


class SearchTable(_FactsTable[SearchResult]):
    """One row for each target with a search and the tools of the search."""

    name = "searches"
    keys = ("fingerprint", "tools")
    decoder = msgspec.json.Decoder(SearchResult)

    def find(self, fingerprint: str, tools: ToolsUsed) -> SearchResult | None:
        return self._find(fingerprint, canonical_json(tools))

    def put(self, result: SearchResult, *, source: str) -> None:
        """`source` is the library path, by which it can be forgotten."""
        tools = canonical_json(result.tools)
        self._put(result.fingerprint, tools, record=result, source=source)
