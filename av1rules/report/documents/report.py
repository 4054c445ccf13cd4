"""The document of `report`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from msgspec import UNSET, Struct, UnsetType

from av1rules.forecast.calibration import Calibration
from av1rules.ledger.checks import DamageRecord
from av1rules.ledger.clips import ClipStatus
from av1rules.ledger.records import Attempt, AttemptResult, ToolsUsed
from av1rules.policy.quality_spec import GateScope, Metric
from av1rules.report.documents.runs import RunEntry
from av1rules.report.json import JsonDocument, json_document
from av1rules.report.model import (
    BIN_POINTS,
    LOWEST_BIN,
    Figures,
    ForecastAndActual,
    PeriodLength,
    Ratios,
    ScoreBins,
    ScoreGroup,
    Span,
)
from av1rules.report.runs import run_entry
from av1rules.report.sections import (
    DECIDED_COLUMNS,
    REASON_COLUMNS,
    SIZE_COLUMNS,
    SUM_COLUMNS,
    TARGET_COLUMNS,
    TIER_COLUMNS,
    TOOL_COLUMNS,
    TRASH_COLUMNS,
    period_columns,
)
from av1rules.report.sections_quality import CLIP_COLUMNS, SCORE_COLUMNS, SPEED_COLUMNS
from av1rules.report.skipped import Skipped
from av1rules.report.table import Column, each_typed


class SumRecord(Struct, frozen=True, kw_only=True):
    """Totals of some targets. `size_ratio` is target to source. `encode_s` and `verify_s` cover the
    `timed_files` only: the others were copied or adopted."""

    files: int
    source_bytes: int
    target_bytes: int
    saved_bytes: int
    size_ratio: float | None
    timed_files: int
    encode_s: float | None
    verify_s: float | None


class PeriodRecord(SumRecord, frozen=True, kw_only=True):
    """What was finished in the period from `start` on."""

    start: date


class SeriesRecord(Struct, frozen=True, kw_only=True):
    """Work by day, week (from Monday), month or year of the local calendar."""

    step: PeriodLength
    periods: tuple[PeriodRecord, ...]


class TierSizes(SumRecord, frozen=True, kw_only=True):
    """The targets of one source tier, null if it is unknown. `ratios` is null if every source was
    empty."""

    source_tier: str | None
    ratios: Ratios | None


class RuleSizes(TierSizes, frozen=True, kw_only=True):
    """The targets of one rule and source tier, either of which may be unknown (null)."""

    rule: str | None


class ScoreRecord(Struct, frozen=True, kw_only=True):
    """The scores of one rule and source tier by one metric. `mean` and `p5` are distributions over
    films. `scope` is null for clips, and where the receipt does not name it."""

    rule: str | None
    source_tier: str | None
    metric: Metric
    scope: GateScope | None
    files: int
    mean: Span
    p5: Span


class VmafBins(Struct, frozen=True, kw_only=True):
    """How many targets have which VMAF, by source tier: one bin below `lowest_bin`, then bins of
    `bin_points` each."""

    lowest_bin: int
    bin_points: int
    tiers: tuple[ScoreBins, ...]


class ClipStateRecord(Struct, frozen=True, kw_only=True):
    """The test clips in one state; `duration_s` is their total duration."""

    state: ClipStatus
    clips: int
    duration_s: float
    size_bytes: int
    encode_s: float


class ClipsRecord(Struct, frozen=True, kw_only=True):
    """The test clips. `waiting` are the films that wait, by library path."""

    states: tuple[ClipStateRecord, ...]
    waiting: tuple[str, ...]
    scores: tuple[ScoreRecord, ...]


class ForecastsRecord(Struct, frozen=True, kw_only=True):
    """Past forecasts beside actual results: in groups, and the newest one by one."""

    groups: tuple[Calibration, ...]
    newest: tuple[ForecastAndActual, ...]


class SpeedRecord(Struct, frozen=True, kw_only=True):
    """The speed of encodes of one kind in wall-clock time. `median` is over films; `realtime` is
    seconds of film encoded per second, null if it is unknown."""

    encoder: str
    preset: int
    resolution: str | None
    files: int
    frames_per_s: float
    median: float
    realtime: float | None


class TargetRecord(Struct, frozen=True, kw_only=True):
    """A target and how it was made `at` (ISO 8601, UTC). `encode_s` and `verify_s` are null if it
    was copied or adopted."""

    source: str
    target: str
    rule: str | None
    source_tier: str | None
    resolution: str | None
    encoder: str
    crf: float
    preset: int
    film_grain: int
    source_bytes: int
    target_bytes: int
    saved_bytes: int
    size_ratio: float | None
    at: datetime
    run: int | None
    encode_s: float | None
    verify_s: float | None
    frames: int | None
    frames_per_s: float | None


class ToolsRecord(Struct, frozen=True, kw_only=True):
    """The targets made with the same tools: how many, and when the first and the last."""

    tools: ToolsUsed
    files: int
    first: datetime
    last: datetime


class ReasonRecord(Struct, frozen=True, kw_only=True):
    """Failures with the same message."""

    files: int
    reason: str


class AttemptRecord(Struct, frozen=True, kw_only=True):
    """An encode that gave no target. `target_bytes` is the size that was too large; `count` says
    how often it failed, the last time `at` (ISO 8601, UTC). Only a failure has `is_parked`: it is
    not tried any more."""

    source: str
    source_bytes: int
    target_bytes: int | None
    count: int
    at: str
    reason: str
    is_parked: bool | UnsetType = UNSET


class TrashSums(Struct, frozen=True, kw_only=True):
    """Files of one kind in the trash, and those that were purged."""

    count: int
    size_bytes: int
    purged: int
    purged_bytes: int


class ReportDocument(JsonDocument, frozen=True, kw_only=True):
    """All figures of a report. `since` is null if it covers the whole ledger. `total`, `series`,
    `by_rule_and_tier`, `by_tier`, `scores` and `speed` are about the present targets.
    `biggest_savings` and `largest_ratios` name some of them. `failed`, `too_large`, `too_poor` and
    `undone` are encodes that gave no target. `skipped` is null without `--plan`. `trash` is by
    kind (`original`, `result`, `orphan`); `runs` are the newest first."""

    at: datetime
    since: datetime | None
    ledger: str
    total: SumRecord
    series: SeriesRecord
    by_rule_and_tier: tuple[RuleSizes, ...]
    by_tier: tuple[TierSizes, ...]
    scores: tuple[ScoreRecord, ...]
    vmaf_by_tier: VmafBins
    clips: ClipsRecord
    forecasts: ForecastsRecord
    speed: tuple[SpeedRecord, ...]
    biggest_savings: tuple[TargetRecord, ...]
    largest_ratios: tuple[TargetRecord, ...]
    tools: tuple[ToolsRecord, ...]
    failure_reasons: tuple[ReasonRecord, ...]
    failed: tuple[AttemptRecord, ...]
    too_large: tuple[AttemptRecord, ...]
    too_poor: tuple[AttemptRecord, ...]
    undone: tuple[AttemptRecord, ...]
    skipped: tuple[Skipped, ...] | None
    damaged_targets: tuple[DamageRecord, ...]
    damaged_sources: tuple[DamageRecord, ...]
    trash: dict[str, TrashSums]
    runs: tuple[RunEntry, ...]


def report_json(figures: Figures) -> str:
    """All figures, exact: bytes and seconds, times in UTC, periods of the local calendar. Unknown
    values are null. The CSV form lists every target."""
    outcomes = figures.outcomes
    (total,) = each_typed(SumRecord, SUM_COLUMNS, [figures.total])
    document = ReportDocument(
        at=figures.at,
        since=figures.since,
        ledger=figures.ledger,
        total=total,
        series=SeriesRecord(
            step=figures.length,
            periods=tuple(each_typed(PeriodRecord, period_columns(figures), figures.periods)),
        ),
        by_rule_and_tier=tuple(each_typed(RuleSizes, SIZE_COLUMNS, figures.by_rule)),
        by_tier=tuple(each_typed(TierSizes, TIER_COLUMNS, figures.by_tier)),
        scores=_scores(figures.scores),
        vmaf_by_tier=VmafBins(
            lowest_bin=LOWEST_BIN, bin_points=BIN_POINTS, tiers=figures.score_bins
        ),
        clips=ClipsRecord(
            states=tuple(each_typed(ClipStateRecord, CLIP_COLUMNS, figures.clips)),
            waiting=figures.waiting_clips,
            scores=_scores(figures.clip_scores),
        ),
        forecasts=ForecastsRecord(groups=figures.checked, newest=figures.compared),
        speed=tuple(each_typed(SpeedRecord, SPEED_COLUMNS, figures.speeds)),
        biggest_savings=tuple(each_typed(TargetRecord, TARGET_COLUMNS, figures.savers)),
        largest_ratios=tuple(each_typed(TargetRecord, TARGET_COLUMNS, figures.worst)),
        tools=tuple(each_typed(ToolsRecord, TOOL_COLUMNS, figures.tools)),
        failure_reasons=tuple(each_typed(ReasonRecord, REASON_COLUMNS, figures.reasons)),
        failed=_attempts(figures, AttemptResult.FAILED),
        too_large=_attempts(figures, AttemptResult.TOO_LARGE),
        too_poor=_attempts(figures, AttemptResult.TOO_POOR),
        undone=_attempts(figures, AttemptResult.UNDONE),
        skipped=figures.skipped,
        damaged_targets=outcomes.damaged_targets,
        damaged_sources=outcomes.damaged_sources,
        trash={
            one.kind.value: sums
            for one, sums in zip(
                outcomes.aside, each_typed(TrashSums, TRASH_COLUMNS, outcomes.aside), strict=True
            )
        },
        runs=tuple(map(run_entry, outcomes.runs)),
    )
    return json_document(document) + "\n"


def _scores(groups: Iterable[ScoreGroup]) -> tuple[ScoreRecord, ...]:
    return tuple(each_typed(ScoreRecord, SCORE_COLUMNS, groups))


def _attempts(figures: Figures, kind: AttemptResult) -> tuple[AttemptRecord, ...]:
    columns = DECIDED_COLUMNS
    if kind is AttemptResult.FAILED:
        parked: Column[Attempt] = Column(
            key="is_parked", value=lambda one: one.is_parked(figures.max_failures)
        )
        columns = (*columns, parked)
    return tuple(each_typed(AttemptRecord, columns, figures.outcomes.of(kind)))
