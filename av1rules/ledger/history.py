"""What the ledger knows of work done: every target with how it was made, and what came to nothing.

A pure read, in pages: a library of 100,000 targets is never in memory at once. Of a target that was
made anew the ledger has the last making only.
"""

from __future__ import annotations

import functools
import json
import math
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec

from av1rules.base.errors import LedgerError
from av1rules.base.text import printable
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.mapping import COLUMNS, parse_tools
from av1rules.ledger.records import Attempt, AttemptResult, ToolsUsed
from av1rules.ledger.runs import RunRecord
from av1rules.ledger.trash_table import TrashKind
from av1rules.media.resolution import resolution_of
from av1rules.media.source_text import MainPicture, main_picture
from av1rules.policy.canonical import parse_settings
from av1rules.policy.quality_spec import GateScope, Metric
from av1rules.policy.settings import EncodeSettings

PAGE_ROWS = 2000


_MADE_COLUMNS = (
    "target, source, source_bytes, target_bytes, settings, tools, rule, built_at, encode_s,"
    " verify_s, run, receipt"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSummary:
    """What one metric said of a target, over all compared pictures; `scope`: of which part of the
    film, None where its receipt does not say."""

    metric: Metric
    mean: float
    p5: float
    scope: GateScope | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeRecord:
    """A target and how it was made. Sizes in bytes, times in seconds.

    `encode_s` and `verify_s` are None where nothing was encoded for this target (it was copied) or
    nobody knows (it was adopted). What the receipt tells is None without one.
    """

    target: str
    source: str  # library path
    source_bytes: int
    target_bytes: int
    settings: EncodeSettings
    tools: ToolsUsed
    rule: str | None
    built_at: datetime
    run: int | None
    encode_s: float | None
    verify_s: float | None
    source_tier: str | None
    resolution: str | None
    frame_rate: float | None  # None also where it varies
    frames: int | None
    pixels: int | None = None  # of a frame
    scores: tuple[ScoreSummary, ...] = ()

    @property
    def saved_bytes(self) -> int:
        return self.source_bytes - self.target_bytes

    @property
    def size_ratio(self) -> float | None:
        """Target to source."""
        return self.target_bytes / self.source_bytes if self.source_bytes else None

    @property
    def frames_per_s(self) -> float | None:
        """How fast it was encoded, by the clock on the wall."""
        return self.frames / self.encode_s if self.frames and self.encode_s else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrashSum:
    """Files of one kind that were put aside, as the ledger has them; nobody looked at the disk."""

    kind: TrashKind
    count: int
    size_bytes: int
    purged: int
    purged_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What else the ledger knows. Verdicts are by kind, then by source, runs newest first."""

    verdicts: tuple[Attempt, ...]
    damaged_targets: tuple[DamageRecord, ...]
    damaged_sources: tuple[DamageRecord, ...]
    aside: tuple[TrashSum, ...]
    runs: tuple[RunRecord, ...]

    def of(self, kind: AttemptResult) -> tuple[Attempt, ...]:
        return tuple(one for one in self.verdicts if one.kind is kind)


_Figure = Annotated[float, msgspec.Meta(ge=-1000, le=1000)]


_Side = Annotated[int, msgspec.Meta(ge=0, le=10**6)]


class _ScoreFacts(msgspec.Struct):
    metric: str
    mean: _Figure
    p5: _Figure


class _PictureFacts(msgspec.Struct):
    width: _Side | None = None
    height: _Side | None = None
    frame_rate: Annotated[str, msgspec.Meta(pattern=r"\A\d{1,9}(/\d{1,9})?\Z")] | None = None
    is_variable_rate: bool | None = None


class _ReceiptFacts(msgspec.Struct):
    """What is read of a receipt, which may be one that lay beside an adopted target."""

    source_tier: Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9-]{1,40}\Z")] | None = None
    source_facts: tuple[str, ...] = ()
    frames: Annotated[int, msgspec.Meta(ge=0, le=10**12)] | None = None
    picture: _PictureFacts | None = None
    scores: tuple[_ScoreFacts, ...] = ()
    score_scope: str | None = None


_FACTS = msgspec.json.Decoder(_ReceiptFacts)


def encodes_since(ledger: Ledger, since: datetime | None = None) -> Iterator[EncodeRecord]:
    """Every target that was built since then, by name. Raises LedgerError."""
    after, limit = b"", time_text(since)
    sql = (
        f"SELECT {_MADE_COLUMNS} FROM targets LEFT JOIN receipts USING (target)"
        f" WHERE targets.target > ? AND built_at >= ? ORDER BY targets.target LIMIT {PAGE_ROWS}"
    )
    while rows := ledger.db.query(sql, after, limit):
        after = rows[-1][0]
        yield from map(_made, rows)


def recent_encodes(ledger: Ledger, count: int) -> Iterator[EncodeRecord]:
    """The newest targets that were encoded, by one query. Raises LedgerError."""
    rows = ledger.db.query(
        f"SELECT {_MADE_COLUMNS} FROM (SELECT target FROM targets WHERE encode_s > 0"
        " ORDER BY built_at DESC LIMIT ?) JOIN targets USING (target)"
        " LEFT JOIN receipts USING (target) ORDER BY target",
        count,
    )
    return map(_made, rows)


def read_outcomes(ledger: Ledger, since: datetime | None = None) -> Outcomes:
    """Verdicts, damage and runs since then; what lies aside as it is now. Raises LedgerError."""
    limit = time_text(since)
    return Outcomes(
        verdicts=tuple(
            one for kind in AttemptResult for one in ledger.verdicts(kind) if one.at >= limit
        ),
        damaged_targets=tuple(one for one in damaged_targets(ledger) if one.at >= limit),
        damaged_sources=tuple(one for one in damaged_sources(ledger) if one.at >= limit),
        aside=_aside(ledger),
        runs=ledger.runs.since(limit),
    )


def time_text(since: datetime | None) -> str:
    """A time as the ledger writes it: all are in UTC and sort as text. "" is before all."""
    return "" if since is None else since.isoformat(timespec="seconds")


def _aside(ledger: Ledger) -> tuple[TrashSum, ...]:
    names = COLUMNS.split(", ")
    source, target = names.index("source_bytes"), names.index("target_bytes")
    size = f"json_extract(row, CASE kind WHEN 'original' THEN '$[{source}]' ELSE '$[{target}]' END)"
    rows = ledger.db.query(
        f"SELECT kind, gone_at IS NULL, count(*), sum({size}) FROM kept WHERE intent IS NULL"
        " GROUP BY 1, 2"
    )
    sums = {
        (TrashKind(kind), bool(is_there)): (count, size) for kind, is_there, count, size in rows
    }
    return tuple(
        TrashSum(
            kind=kind,
            count=sums.get((kind, True), (0, 0))[0],
            size_bytes=sums.get((kind, True), (0, 0))[1],
            purged=sums.get((kind, False), (0, 0))[0],
            purged_bytes=sums.get((kind, False), (0, 0))[1],
        )
        for kind in TrashKind
        if (kind, True) in sums or (kind, False) in sums
    )


def _made(values: tuple[Any, ...]) -> EncodeRecord:
    target, source, source_bytes, target_bytes, settings, tools, rule, built_at, *more = values
    encode_s, verify_s, run, receipt = more
    try:
        facts = _receipt_facts(receipt)
        picture = _picture(facts)
        resolution = resolution_of(picture.width, picture.height)
        return EncodeRecord(
            target=os.fsdecode(target),
            source=os.fsdecode(source),
            source_bytes=source_bytes,
            target_bytes=target_bytes,
            settings=_settings(settings),
            tools=_tools(tools),
            rule=rule,
            built_at=datetime.fromisoformat(built_at),
            run=run,
            encode_s=encode_s or None,
            verify_s=verify_s or None,
            source_tier=facts.source_tier,
            resolution=None if resolution is None else resolution.value,
            frame_rate=picture.frame_rate,
            frames=facts.frames,
            pixels=(picture.width or 0) * (picture.height or 0) or None,
            scores=tuple(_scores(facts)),
        )
    except (msgspec.MsgspecError, ValueError, TypeError) as problem:
        raise LedgerError(
            f"a row of the ledger can't be read: {problem}",
            where=printable(os.fsdecode(target)),
            hint="was it written by a newer av1rules, or by hand? Restore a backup of the ledger",
        ) from problem


def _picture(facts: _ReceiptFacts) -> MainPicture:
    """Receipts of earlier versions have it in words only."""
    told = facts.picture
    if told is None:
        return main_picture(facts.source_facts)
    rate = None
    if told.frame_rate is not None and not told.is_variable_rate:
        frames, _, seconds = told.frame_rate.partition("/")
        rate = int(frames) / (int(seconds or 1) or math.inf) or None
    return MainPicture(width=told.width, height=told.height, frame_rate=rate)


def _scores(facts: _ReceiptFacts) -> Iterator[ScoreSummary]:
    """Those of metrics that this version knows."""
    scope = next((one for one in GateScope if one.value == facts.score_scope), None)
    for score in facts.scores:
        metric = next((one for one in Metric if one.value == score.metric), None)
        if metric is not None and math.isfinite(score.mean) and math.isfinite(score.p5):
            yield ScoreSummary(metric=metric, mean=score.mean, p5=score.p5, scope=scope)


_settings = functools.lru_cache(maxsize=256)(parse_settings)


_tools = functools.lru_cache(maxsize=256)(parse_tools)
"""A library is made with a few of each: they are decoded once."""


def _receipt_facts(packed: bytes | None) -> _ReceiptFacts:
    """A receipt that can't be read (of a later version, or damaged) tells nothing."""
    if packed is None:
        return _ReceiptFacts()
    try:
        text = zlib.decompress(packed)
        try:
            return _FACTS.decode(text)
        except ValueError:  # lone surrogates of odd file names: only `json` takes them
            return msgspec.convert(json.loads(text), _ReceiptFacts)
    except (zlib.error, ValueError):
        return _ReceiptFacts()


@dataclass(frozen=True, slots=True, kw_only=True)
class DamageRecord:
    """Something found damaged: a target by its path, or a source by its library path."""

    name: str
    at: str
    fault: str


def damaged_targets(ledger: Ledger) -> tuple[DamageRecord, ...]:
    """Targets that `verify` found damaged, and that were not made anew since."""
    return _faults(ledger, "SELECT target, at, fault FROM checked")


def damaged_sources(ledger: Ledger) -> tuple[DamageRecord, ...]:
    """Sources that `health` found damaged."""
    return _faults(ledger, "SELECT source, at, fault FROM health")


def _faults(ledger: Ledger, select: str) -> tuple[DamageRecord, ...]:
    rows = ledger.db.query(f"{select} WHERE fault IS NOT NULL ORDER BY 1")
    return tuple(
        DamageRecord(name=os.fsdecode(name), at=at, fault=fault) for name, at, fault in rows
    )
