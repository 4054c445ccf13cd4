"""Adds up the scores of targets and test clips, the clips themselves, and forecasts. Pure."""

from __future__ import annotations

import statistics
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from av1rules.ledger.clips import ClipStatus
from av1rules.ledger.forecasts import PastForecast
from av1rules.ledger.history import EncodeRecord
from av1rules.operations.clips.ledger_status import ClipAndStatus
from av1rules.policy.quality_spec import GateScope, Metric
from av1rules.policy.settings import SourceTier
from av1rules.report.model import (
    BIN_POINTS,
    LOWEST_BIN,
    SCORE_BINS,
    ClipGroup,
    ForecastAndActual,
    ScoreBins,
    ScoreGroup,
    Span,
)

MOST_POINTS = 400
"""How many forecasts a chart shows: more would hide each other."""

TIER_ORDER = {tier.value: number for number, tier in enumerate(SourceTier)}

_Key = tuple[str | None, str | None, Metric, GateScope | None]


def tier_rank(source_tier: str | None) -> tuple[int, str]:
    """The best tier first, unknown ones last."""
    return TIER_ORDER.get(source_tier or "", 99), source_tier or "~"


@dataclass(slots=True)
class _Values:
    """The scores of a group: sixteen bytes per file."""

    mean: array[float] = field(default_factory=lambda: array("d"))
    p5: array[float] = field(default_factory=lambda: array("d"))


class ScoreTally:
    """The scores of each rule, source tier, metric and scope."""

    def __init__(self) -> None:
        self._groups: defaultdict[_Key, _Values] = defaultdict(_Values)

    def add(self, one: EncodeRecord) -> None:
        for score in one.scores:
            values = self._groups[one.rule, one.source_tier, score.metric, score.scope]
            values.mean.append(score.mean)
            values.p5.append(score.p5)

    def add_clip(self, clip: ClipAndStatus) -> None:
        facts = clip.record.facts
        for score in facts.scores:
            values = self._groups[facts.rule, facts.source_tier, score.metric, None]
            values.mean.append(score.mean)
            values.p5.append(score.p5)

    def groups(self) -> tuple[ScoreGroup, ...]:
        """By metric, tier and rule; whole videos before samples."""
        groups = [
            ScoreGroup(
                rule=rule,
                source_tier=source_tier,
                metric=metric,
                scope=scope,
                files=len(values.mean),
                mean=span(values.mean),
                p5=span(values.p5),
            )
            for (rule, source_tier, metric, scope), values in self._groups.items()
        ]
        groups.sort(key=_order)
        return tuple(groups)

    def bins(self) -> tuple[ScoreBins, ...]:
        """VMAF by tier, whether whole videos or samples were scored."""
        means: defaultdict[str | None, Counter[int]] = defaultdict(Counter)
        lows: defaultdict[str | None, Counter[int]] = defaultdict(Counter)
        for (_, source_tier, metric, _), values in self._groups.items():
            if metric is Metric.VMAF:
                means[source_tier].update(map(score_bin, values.mean))
                lows[source_tier].update(map(score_bin, values.p5))
        return tuple(
            ScoreBins(
                source_tier=source_tier,
                mean=tuple(means[source_tier][number] for number in range(SCORE_BINS)),
                p5=tuple(lows[source_tier][number] for number in range(SCORE_BINS)),
            )
            for source_tier in sorted(means, key=tier_rank)
        )


def _order(group: ScoreGroup) -> tuple[object, ...]:
    return (
        list(Metric).index(group.metric),
        tier_rank(group.source_tier),
        group.rule or "~",
        group.scope is not GateScope.WHOLE,
    )


def score_bin(value: float) -> int:
    """The bin of a VMAF score; some models go a little above 100."""
    number = int((value - LOWEST_BIN) // BIN_POINTS) + 1
    return min(max(number, 0), SCORE_BINS - 1)


def span(values: Iterable[float]) -> Span:
    """The distribution of at least one value."""
    known = tuple(values)
    deciles = statistics.quantiles(known, n=10, method="inclusive") if known[1:] else known * 9
    return Span(low=deciles[0], median=deciles[4], high=deciles[8])


@dataclass(slots=True)
class _ClipSums:
    clips: int = 0
    duration_s: float = 0.0
    encode_s: float = 0.0
    size_bytes: int = 0


class ClipTally:
    """Adds up test clips. `waiting` are the library paths of those that wait for a decision;
    variants have no part in `scores`, since no target has their settings."""

    def __init__(self) -> None:
        self.scores = ScoreTally()
        self.waiting: list[str] = []
        self._groups: defaultdict[ClipStatus, _ClipSums] = defaultdict(_ClipSums)

    def add(self, clip: ClipAndStatus) -> None:
        record, sums = clip.record, self._groups[clip.status]
        sums.clips += 1
        sums.duration_s += record.facts.duration_s
        sums.encode_s += record.facts.encode_s
        sums.size_bytes += record.size_bytes
        if clip.status is not ClipStatus.VARIANT:
            self.scores.add_clip(clip)
        if clip.status in (ClipStatus.WAITING, ClipStatus.VOID):
            self.waiting.append(record.source)

    def groups(self) -> tuple[ClipGroup, ...]:
        """By status, in the order in which clips are listed."""
        return tuple(
            ClipGroup(
                status=status,
                clips=sums.clips,
                duration_s=sums.duration_s,
                encode_s=sums.encode_s,
                size_bytes=sums.size_bytes,
            )
            for status in ClipStatus
            if (sums := self._groups.get(status)) is not None
        )


def compared(past: Sequence[PastForecast]) -> tuple[ForecastAndActual, ...]:
    """The newest forecasts that can be compared with actual results."""
    known = [
        one
        for one in past
        if min(one.seconds.mid, one.actual_s, one.size_bytes.mid, one.actual_bytes) > 0
    ]
    return tuple(
        ForecastAndActual(
            source_tier=one.source_tier,
            forecast_s=one.seconds.mid,
            actual_s=one.actual_s,
            forecast_bytes=one.size_bytes.mid,
            actual_bytes=one.actual_bytes,
        )
        for one in known[-MOST_POINTS:]
    )
