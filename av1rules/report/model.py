"""The figures of a report: one model, from which every format is rendered.

Sizes are in bytes, times in seconds; a ratio is target to source. An unknown value is None. A sum
that does not cover all files comes with the number of files that it covers.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

import msgspec

from av1rules.forecast.calibration import Calibration
from av1rules.ledger.clips import ClipStatus
from av1rules.ledger.history import EncodeRecord, Outcomes
from av1rules.ledger.records import AttemptResult, ToolsUsed
from av1rules.policy.quality_spec import GateScope, Metric
from av1rules.report.skipped import Skipped

RATIO_BINS = 11
"""Ten bins of a tenth of the source's size each, and one for targets that are not smaller."""


SCORE_BINS = 11
"""One for VMAF below `LOWEST_BIN`, then ten of three points each."""

LOWEST_BIN, BIN_POINTS = 70, 3


class PeriodLength(StrEnum):
    """How long each period of a time series is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """Totals of some targets. `encode_s` and `verify_s` cover the `timed` files only: the others
    were copied, or adopted without a record of their times."""

    files: int = 0
    source_bytes: int = 0
    target_bytes: int = 0
    timed: int = 0
    encode_s: float = 0.0
    verify_s: float = 0.0

    @property
    def saved_bytes(self) -> int:
        return self.source_bytes - self.target_bytes

    @property
    def size_ratio(self) -> float | None:
        return self.target_bytes / self.source_bytes if self.source_bytes else None


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """What was finished in one day, week (from Monday), month or year of the local calendar."""

    start: date
    sums: Sums


def period_name(period: Period, length: PeriodLength) -> str:
    """The date of a day, the first date of a week, the number of a month or year."""
    digits = {PeriodLength.MONTH: 7, PeriodLength.YEAR: 4}.get(length, 10)
    return period.start.isoformat()[:digits]


class Ratios(msgspec.Struct, frozen=True, kw_only=True):
    """The distribution of a group's ratios: first decile, median, ninth decile, and counts by
    `RATIO_BINS`."""

    low: float
    median: float
    high: float
    bins: tuple[int, ...]


class SizeGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The targets of one rule and source tier, either of which may be unknown (None). `ratios` is
    None if every source was empty."""

    rule: str | None
    source_tier: str | None
    sums: Sums
    ratios: Ratios | None


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution: first decile, median, ninth decile."""

    low: float
    median: float
    high: float


class ScoreGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The scores of the targets, or of the test clips, of one rule and source tier by one metric.
    `mean` and `p5` are distributions over files. `scope` is None for clips, and for targets whose
    receipt does not name it."""

    rule: str | None
    source_tier: str | None
    metric: Metric
    scope: GateScope | None
    files: int
    mean: Span
    p5: Span


class ScoreBins(msgspec.Struct, frozen=True, kw_only=True):
    """VMAF of the targets of a source tier: counts by `SCORE_BINS`."""

    source_tier: str | None
    mean: tuple[int, ...]
    p5: tuple[int, ...]


class ClipGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Test clips with the same status; `duration_s` is their total duration, `encode_s` the time
    that encoding them took."""

    status: ClipStatus
    clips: int
    duration_s: float
    encode_s: float
    size_bytes: int


class ForecastAndActual(msgspec.Struct, frozen=True, kw_only=True):
    """One forecast beside the actual result."""

    source_tier: str | None
    forecast_s: float
    actual_s: float
    forecast_bytes: float
    actual_bytes: int


class SpeedGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The speed of encodes of one kind in wall-clock time; encodes that run at the same time slow
    each other down.

    `frames_per_s` covers all of them together, `median` is over files. `realtime` is seconds of
    video encoded per second, for sources with a known, constant frame rate.
    """

    resolution: str | None
    encoder: str
    preset: int
    files: int
    frames_per_s: float
    median: float
    realtime: float | None


class ToolGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The targets made with the same tools: how many, and when the first and the last."""

    tools: ToolsUsed
    files: int
    first: datetime
    last: datetime


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Failures with the same message."""

    detail: str
    files: int


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The whole report. `since` is None if it covers the whole ledger. A source that failed
    `max_failures` times is parked. `checked` and `compared` cover the newest forecasts. `skipped`
    is None if no plan was made for the report."""

    at: datetime
    since: datetime | None
    ledger: str
    max_failures: int
    total: Sums
    length: PeriodLength
    periods: tuple[Period, ...]
    by_rule: tuple[SizeGroup, ...]  # and source tier; the largest saving first
    by_tier: tuple[SizeGroup, ...]  # `rule` is None in all
    scores: tuple[ScoreGroup, ...]
    score_bins: tuple[ScoreBins, ...]
    clips: tuple[ClipGroup, ...]
    clip_scores: tuple[ScoreGroup, ...]
    waiting_clips: tuple[str, ...]  # library paths
    checked: tuple[Calibration, ...]
    compared: tuple[ForecastAndActual, ...]
    speeds: tuple[SpeedGroup, ...]
    savers: tuple[EncodeRecord, ...]
    worst: tuple[EncodeRecord, ...]
    tools: tuple[ToolGroup, ...]
    reasons: tuple[Reason, ...]
    outcomes: Outcomes
    skipped: tuple[Skipped, ...] | None = None

    @property
    def decided(self) -> tuple[AttemptResult, ...]:
        """The results of attempts other than failures that occurred, in the order of the enum."""
        found = {one.kind for one in self.outcomes.attempts}
        return tuple(kind for kind in AttemptResult if kind in found - {AttemptResult.FAILED})
