"""Adds up the figures of a report from the ledger, one target at a time. Pure, but for
`report_figures`, which reads them."""

from __future__ import annotations

import heapq
import statistics
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo

from av1rules.approvals.file import approvals_path
from av1rules.execute.resources.run_lock import is_run_active
from av1rules.forecast.calibration import check_forecasts
from av1rules.ledger.database import LEDGER_NAME
from av1rules.ledger.forecasts import PastForecast
from av1rules.ledger.history import (
    EncodeRecord,
    Outcomes,
    encodes_since,
    read_outcomes,
    time_text,
)
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import AttemptResult, ToolsUsed
from av1rules.operations.clips.ledger_status import ClipAndStatus, clip_statuses
from av1rules.policy.model import RuleSet
from av1rules.report.aggregate_scores import (
    ClipTally,
    ScoreTally,
    compared,
    span,
    tier_rank,
)
from av1rules.report.model import (
    RATIO_BINS,
    Figures,
    Period,
    PeriodLength,
    Ratios,
    Reason,
    SizeGroup,
    SpeedGroup,
    Sums,
    ToolGroup,
)
from av1rules.report.skipped import Skipped

EXTREMES = 10
"""How many of the biggest savings and of the largest ratios are named."""

_LONGEST_DAYS = ((PeriodLength.DAY, 45), (PeriodLength.WEEK, 550), (PeriodLength.MONTH, 3660))
"""The length of the periods of a series by how many days it covers at most: some 80 bars, or 120
months."""

SizeKey = tuple[str | None, str | None]
SpeedKey = tuple[str | None, str, int]


CHECKED_FORECASTS = 2000
"""Only the newest: forecasts of an old model say nothing about the next plan."""


def report_figures(
    ledger: Ledger,
    ruleset: RuleSet,
    *,
    at: datetime,
    since: datetime | None = None,
    skipped: tuple[Skipped, ...] | None = None,
) -> Figures:
    """The figures of the work since then, as of `at`. Raises LedgerError, RulesError and
    Av1rulesError (of approvals.yaml)."""
    state_dir = ruleset.run.state_dir
    return aggregate(
        encodes_since(ledger, since),
        read_outcomes(ledger, since, is_active=is_run_active(state_dir)),
        at=at,
        since=since,
        ledger=str(state_dir / LEDGER_NAME),
        max_failures=ruleset.run.max_failures,
        clips=clip_statuses(ledger, approvals_path(ruleset.file), since=time_text(since)),
        past=ledger.forecasts.newest(CHECKED_FORECASTS, since=time_text(since)),
        skipped=skipped,
    )


def aggregate(
    made: Iterable[EncodeRecord],
    outcomes: Outcomes,
    *,
    at: datetime,
    since: datetime | None,
    ledger: str,
    max_failures: int,
    clips: Iterable[ClipAndStatus] = (),
    past: Sequence[PastForecast] = (),
    skipped: tuple[Skipped, ...] | None = None,
    zone: tzinfo | None = None,
) -> Figures:
    """The figures of a report. `past` are forecasts, oldest first. Days are those of `zone`, by
    default the local time zone."""
    tally = Tally(zone=zone)
    for one in made:
        tally.add(one)
    length, periods = tally.series()
    of_clips = ClipTally()
    for clip in clips:
        of_clips.add(clip)
    return Figures(
        at=at,
        since=since,
        ledger=ledger,
        max_failures=max_failures,
        total=tally.total.sums(),
        length=length,
        periods=periods,
        by_rule=tally.by_rule(),
        by_tier=tally.by_tier(),
        scores=tally.scores.groups(),
        score_bins=tally.scores.bins(),
        clips=of_clips.groups(),
        clip_scores=of_clips.scores.groups(),
        waiting_clips=tuple(of_clips.waiting),
        checked=check_forecasts(past),
        compared=compared(past),
        speeds=tally.speeds(),
        savers=tally.savers(),
        worst=tally.worst(),
        tools=tally.tools(),
        reasons=_reasons(outcomes),
        outcomes=outcomes,
        skipped=skipped,
    )


@dataclass(slots=True)
class _RunningSums:
    """Totals being added up, with every ratio: eight bytes each."""

    files: int = 0
    source_bytes: int = 0
    target_bytes: int = 0
    timed: int = 0
    encode_s: float = 0.0
    verify_s: float = 0.0
    ratios: array[float] = field(default_factory=lambda: array("d"))

    def add(self, one: EncodeRecord, *, with_ratio: bool = False) -> None:
        self.files += 1
        self.source_bytes += one.source_bytes
        self.target_bytes += one.target_bytes
        if one.encode_s is not None:
            self.timed += 1
            self.encode_s += one.encode_s
            self.verify_s += one.verify_s or 0.0
        if with_ratio and one.size_ratio is not None:
            self.ratios.append(one.size_ratio)

    def join(self, other: _RunningSums) -> None:
        self.files += other.files
        self.source_bytes += other.source_bytes
        self.target_bytes += other.target_bytes
        self.timed += other.timed
        self.encode_s += other.encode_s
        self.verify_s += other.verify_s
        self.ratios.extend(other.ratios)

    def sums(self) -> Sums:
        return Sums(
            files=self.files,
            source_bytes=self.source_bytes,
            target_bytes=self.target_bytes,
            timed=self.timed,
            encode_s=self.encode_s,
            verify_s=self.verify_s,
        )


@dataclass(slots=True)
class _SpeedSums:
    frames: int = 0
    encode_s: float = 0.0
    video_s: float = 0.0
    video_encode_s: float = 0.0
    each: array[float] = field(default_factory=lambda: array("d"))


@dataclass(slots=True)
class _ToolUse:
    files: int
    first: datetime
    last: datetime


class Tally:
    """Adds up targets. Memory grows with the days and rules, and by a few bytes per target."""

    def __init__(self, *, zone: tzinfo | None = None) -> None:
        self.total = _RunningSums()
        self.scores = ScoreTally()
        self._zone = zone
        self._days: defaultdict[date, _RunningSums] = defaultdict(_RunningSums)
        self._sizes: defaultdict[SizeKey, _RunningSums] = defaultdict(_RunningSums)
        self._speeds: defaultdict[SpeedKey, _SpeedSums] = defaultdict(_SpeedSums)
        self._tools: dict[ToolsUsed, _ToolUse] = {}
        self._savers: list[tuple[float, int, EncodeRecord]] = []
        self._worst: list[tuple[float, int, EncodeRecord]] = []

    def add(self, one: EncodeRecord) -> None:
        self.total.add(one)
        self._days[one.built_at.astimezone(self._zone).date()].add(one)
        self._sizes[one.rule, one.source_tier].add(one, with_ratio=True)
        self.scores.add(one)
        self._add_speed(one)
        self._add_tools(one)
        if one.saved_bytes > 0:
            self._keep(self._savers, one.saved_bytes, one)
        if one.size_ratio is not None:
            self._keep(self._worst, one.size_ratio, one)

    def _keep(
        self, top: list[tuple[float, int, EncodeRecord]], weight: float, one: EncodeRecord
    ) -> None:
        """Keep the largest weights. Between equal ones the number of the file decides, so that
        records are never compared."""
        entry = (weight, -self.total.files, one)
        if len(top) < EXTREMES:
            heapq.heappush(top, entry)
        elif entry > top[0]:
            heapq.heapreplace(top, entry)

    def _add_speed(self, one: EncodeRecord) -> None:
        if one.frames_per_s is None or one.frames is None or one.encode_s is None:
            return
        speed = self._speeds[one.resolution, one.tools.encoder, one.settings.preset]
        speed.frames += one.frames
        speed.encode_s += one.encode_s
        speed.each.append(one.frames_per_s)
        if one.frame_rate is not None:
            speed.video_s += one.frames / one.frame_rate
            speed.video_encode_s += one.encode_s

    def _add_tools(self, one: EncodeRecord) -> None:
        uses = self._tools.setdefault(one.tools, _ToolUse(0, one.built_at, one.built_at))
        uses.files += 1
        uses.first = min(uses.first, one.built_at)
        uses.last = max(uses.last, one.built_at)

    # --- results

    def savers(self) -> tuple[EncodeRecord, ...]:
        return tuple(entry[2] for entry in sorted(self._savers, reverse=True))

    def worst(self) -> tuple[EncodeRecord, ...]:
        return tuple(entry[2] for entry in sorted(self._worst, reverse=True))

    def tools(self) -> tuple[ToolGroup, ...]:
        """The most recently used first."""
        groups = (
            ToolGroup(tools=tools, files=uses.files, first=uses.first, last=uses.last)
            for tools, uses in self._tools.items()
        )
        return tuple(sorted(groups, key=lambda group: group.last, reverse=True))

    def by_rule(self) -> tuple[SizeGroup, ...]:
        groups = [_size_group(rule, tier, sums) for (rule, tier), sums in self._sizes.items()]
        return tuple(sorted(groups, key=lambda group: -group.sums.saved_bytes))

    def by_tier(self) -> tuple[SizeGroup, ...]:
        """The best tier first, unknown ones last."""
        groups: defaultdict[str | None, _RunningSums] = defaultdict(_RunningSums)
        for (_, tier), sums in self._sizes.items():
            groups[tier].join(sums)
        tiers = sorted(groups, key=tier_rank)
        return tuple(_size_group(None, tier, groups[tier]) for tier in tiers)

    def speeds(self) -> tuple[SpeedGroup, ...]:
        groups = (_speed_group(key, speed) for key, speed in self._speeds.items())
        return tuple(sorted(groups, key=lambda group: (group.encoder, group.preset, -group.files)))

    def series(self) -> tuple[PeriodLength, tuple[Period, ...]]:
        """From the first day with a target to the last, without gaps."""
        if not self._days:
            return PeriodLength.DAY, ()
        first, last = min(self._days), max(self._days)
        length = length_for((last - first).days + 1)
        groups: defaultdict[date, _RunningSums] = defaultdict(_RunningSums)
        for day, sums in self._days.items():
            groups[period_start(day, length)].join(sums)
        return length, tuple(
            Period(start=start, sums=groups[start].sums() if start in groups else Sums())
            for start in _starts(first, last, length)
        )


def length_for(days: int) -> PeriodLength:
    return next((length for length, longest in _LONGEST_DAYS if days <= longest), PeriodLength.YEAR)


def period_start(day: date, length: PeriodLength) -> date:
    match length:
        case PeriodLength.DAY:
            return day
        case PeriodLength.WEEK:
            return date.fromordinal(max(1, day.toordinal() - day.weekday()))
        case PeriodLength.MONTH:
            return day.replace(day=1)
        case PeriodLength.YEAR:
            return day.replace(month=1, day=1)


def _starts(first: date, last: date, length: PeriodLength) -> Iterator[date]:
    start, end = period_start(first, length), period_start(last, length)
    longest = {
        PeriodLength.DAY: 1,
        PeriodLength.WEEK: 7,
        PeriodLength.MONTH: 31,
        PeriodLength.YEAR: 366,
    }[length]
    while True:
        yield start
        if start >= end:
            return
        start = period_start(start + timedelta(days=longest), length)


def _size_group(rule: str | None, source_tier: str | None, sums: _RunningSums) -> SizeGroup:
    return SizeGroup(
        rule=rule, source_tier=source_tier, sums=sums.sums(), ratios=spread(sums.ratios)
    )


def spread(values: Iterable[float]) -> Ratios | None:
    """The distribution of ratios; None if there are none."""
    ratios = tuple(values)
    if not ratios:
        return None
    bins = Counter(min(int(value * 10), RATIO_BINS - 1) for value in ratios)
    found = span(ratios)
    return Ratios(
        low=found.low,
        median=found.median,
        high=found.high,
        bins=tuple(bins[number] for number in range(RATIO_BINS)),
    )


def _speed_group(key: SpeedKey, speed: _SpeedSums) -> SpeedGroup:
    resolution, encoder, preset = key
    return SpeedGroup(
        resolution=resolution,
        encoder=encoder,
        preset=preset,
        files=len(speed.each),
        frames_per_s=speed.frames / speed.encode_s,
        median=statistics.median(speed.each),
        realtime=speed.video_s / speed.video_encode_s if speed.video_encode_s else None,
    )


def _reasons(outcomes: Outcomes) -> tuple[Reason, ...]:
    """Why encodes failed, the most frequent reason first. Only the first line of a message counts:
    the others differ from file to file."""
    counts = Counter(
        attempt.detail.partition("\n")[0] for attempt in outcomes.of(AttemptResult.FAILED)
    )
    return tuple(Reason(detail=detail, files=files) for detail, files in counts.most_common())
