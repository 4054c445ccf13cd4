"""The history in the ledger: how every target was made, and the attempts that gave no target.

It only reads, in pages, so a library of 100,000 targets is never in memory at once. Of a target
that was redone the ledger has only the last encode.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import msgspec

from av1rules.ledger.checks import DamageRecord
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.packed_receipt import unpack_receipt
from av1rules.ledger.records import Attempt, AttemptResult, MadeTarget, ToolsUsed, unreadable
from av1rules.ledger.run_history import RunSummary, summaries_of
from av1rules.ledger.trash_table import TrashSum
from av1rules.media.resolution import resolution_of
from av1rules.media.source_text import MainPicture, main_picture
from av1rules.policy.deinterlacing import pictures_per_frame
from av1rules.policy.quality_spec import GateScope, Metric
from av1rules.policy.settings import EncodeSettings


class ScoreSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The score of a target by one metric, over all compared frames; `scope` is the scored part of
    the film, None if the receipt doesn't name it."""

    metric: Metric
    mean: float
    p5: float
    scope: GateScope | None


class EncodeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A target and how it was made. Sizes in bytes, times in seconds.

    `encode_s` and `verify_s` are None if the target was copied or adopted. Values from the receipt
    are None without one.
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
    frame_rate: float | None  # None also if it varies
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
        """The speed of the encode in wall-clock time."""
        return self.frames / self.encode_s if self.frames and self.encode_s else None


class Outcomes(msgspec.Struct, frozen=True, kw_only=True):
    """The other records of the ledger. Attempts are ordered by kind, then source; runs newest
    first."""

    attempts: tuple[Attempt, ...]
    damaged_targets: tuple[DamageRecord, ...]
    damaged_sources: tuple[DamageRecord, ...]
    aside: tuple[TrashSum, ...]
    runs: tuple[RunSummary, ...]

    def of(self, kind: AttemptResult) -> tuple[Attempt, ...]:
        return tuple(one for one in self.attempts if one.kind is kind)


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
    """What to read from a receipt, which may come from beside an adopted target."""

    source_tier: Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9-]{1,40}\Z")] | None = None
    source_facts: tuple[str, ...] = ()
    frames: Annotated[int, msgspec.Meta(ge=0, le=10**12)] | None = None
    picture: _PictureFacts | None = None
    scores: tuple[_ScoreFacts, ...] = ()
    score_scope: str | None = None


_SCOPES = {scope.value: scope for scope in GateScope}
_METRICS = {metric.value: metric for metric in Metric}

_FACTS = msgspec.json.Decoder(_ReceiptFacts)


def encodes_since(ledger: Ledger, since: datetime | None = None) -> Iterator[EncodeRecord]:
    """Every target that was made since then, by name. Raises LedgerError."""
    return (_encode_record(row, receipt) for row, receipt in ledger.built_since(time_text(since)))


def recent_encodes(ledger: Ledger, count: int) -> Iterator[EncodeRecord]:
    """The newest targets that were encoded, by one query. Raises LedgerError."""
    return (_encode_record(row, receipt) for row, receipt in ledger.built_lately(count))


def read_outcomes(
    ledger: Ledger, since: datetime | None = None, *, is_active: bool = False
) -> Outcomes:
    """Attempts, damage and runs since then; the trash as it is now. `is_active`: a run is at work.
    Raises LedgerError."""
    limit = time_text(since)
    return Outcomes(
        attempts=tuple(
            one for kind in AttemptResult for one in ledger.attempts(kind) if one.at >= limit
        ),
        damaged_targets=tuple(one for one in ledger.checks.damaged() if one.at >= limit),
        damaged_sources=tuple(one for one in ledger.health.damaged() if one.at >= limit),
        aside=tuple(ledger.kept.sums()),
        runs=summaries_of(ledger, ledger.runs.since(limit), is_active=is_active),
    )


def time_text(since: datetime | None) -> str:
    """A time as the ledger stores it: in UTC, sortable as text. "" is before all."""
    return "" if since is None else since.isoformat(timespec="seconds")


def _encode_record(row: MadeTarget, receipt: bytes | None) -> EncodeRecord:
    facts = _receipt_facts(receipt)
    picture = _picture(facts)
    resolution = resolution_of(picture.width, picture.height)
    return EncodeRecord(
        target=row.target,
        source=row.source,
        source_bytes=row.source_bytes,
        target_bytes=row.target_bytes,
        settings=row.settings,
        tools=row.tools,
        rule=row.rule,
        built_at=_time(row),
        run=row.run,
        encode_s=row.encode_s or None,
        verify_s=row.verify_s or None,
        source_tier=facts.source_tier,
        resolution=None if resolution is None else resolution.value,
        frame_rate=picture.frame_rate
        and picture.frame_rate * float(pictures_per_frame(row.settings)),
        frames=facts.frames,
        pixels=(picture.width or 0) * (picture.height or 0) or None,
        scores=tuple(_scores(facts)),
    )


def _time(row: MadeTarget) -> datetime:
    try:
        return datetime.fromisoformat(row.built_at)
    except ValueError as problem:
        raise unreadable(row.target, problem) from problem


def history_facts(receipt: bytes) -> dict[str, object]:
    """What a stored receipt tells of an encode to learn from; a receipt of only that serves as
    well."""
    facts = _receipt_facts(receipt)
    picture = _picture(facts)
    sides = {"width": picture.width, "height": picture.height}
    return {"source_tier": facts.source_tier, "frames": facts.frames, "picture": sides}


def _picture(facts: _ReceiptFacts) -> MainPicture:
    """Receipts of earlier versions have it only as text."""
    reported = facts.picture
    if reported is None:
        return main_picture(facts.source_facts)
    rate = None
    if reported.frame_rate is not None and not reported.is_variable_rate:
        frames, _, seconds = reported.frame_rate.partition("/")
        rate = int(frames) / (int(seconds or 1) or math.inf) or None
    return MainPicture(width=reported.width, height=reported.height, frame_rate=rate)


def _scores(facts: _ReceiptFacts) -> Iterator[ScoreSummary]:
    """The scores by metrics that this version knows."""
    scope = _SCOPES.get(facts.score_scope or "")
    for score in facts.scores:
        metric = _METRICS.get(score.metric)
        if metric is not None and math.isfinite(score.mean) and math.isfinite(score.p5):
            yield ScoreSummary(metric=metric, mean=score.mean, p5=score.p5, scope=scope)


def _receipt_facts(packed: bytes | None) -> _ReceiptFacts:
    """The facts of a receipt; none if it can't be read (of a later version, or damaged)."""
    if packed is None:
        return _ReceiptFacts()
    try:
        text = unpack_receipt(packed)
        try:
            return _FACTS.decode(text)
        except ValueError:  # lone surrogates of odd file names: only `json` takes them
            return msgspec.convert(json.loads(text), _ReceiptFacts)
    except ValueError:
        return _ReceiptFacts()
