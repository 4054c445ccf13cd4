"""What a report says, in figures: one model, from which every form of it is written.

Sizes in bytes, times in seconds, ratios target to source. Unknown is None or absent; every sum says
of how many files it is where that is not all of them.
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
from av1rules.report.plan_export import Skipped

RATIO_BINS = 11
"""Tenths of the source's size, and one more for targets that are as large or larger."""


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
    """Of some targets. `encode_s` and `verify_s` are those of the `timed` files: others were
    copied, or adopted without a memory of how long they took."""

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
    """What was finished in one day, week (from Monday), month or year, by the local calendar."""

    start: date
    sums: Sums


class Ratios(msgspec.Struct, frozen=True, kw_only=True):
    """How the ratios of a group are spread: lower tenth, median, upper tenth, and counts by
    `RATIO_BINS`."""

    low: float
    median: float
    high: float
    bins: tuple[int, ...]


class SizeGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The targets of one rule and source tier; None: none is known. `ratios` is None where every
    source was empty."""

    rule: str | None
    source_tier: str | None
    sums: Sums
    ratios: Ratios | None


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """How figures are spread: lower tenth, median, upper tenth."""

    low: float
    median: float
    high: float


class ScoreGroup(msgspec.Struct, frozen=True, kw_only=True):
    """What a metric said of the films, or of the test clips, of one rule and source tier. `mean`
    and `p5` are spread over files; `scope` is None of clips, and where no receipt says it."""

    rule: str | None
    source_tier: str | None
    metric: Metric
    scope: GateScope | None
    files: int
    mean: Span
    p5: Span


class ScoreBins(msgspec.Struct, frozen=True, kw_only=True):
    """How many films of a source tier have such a VMAF: counts by `SCORE_BINS`."""

    source_tier: str | None
    mean: tuple[int, ...]
    p5: tuple[int, ...]


class ClipGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Test clips that stand alike; `film_s` is how much film they show, `encode_s` what they took
    to encode."""

    standing: ClipStatus
    clips: int
    film_s: float
    encode_s: float
    size_bytes: int


class CameOut(msgspec.Struct, frozen=True, kw_only=True):
    """One forecast beside what came out."""

    source_tier: str | None
    forecast_s: float
    actual_s: float
    forecast_bytes: float
    actual_bytes: int


class SpeedGroup(msgspec.Struct, frozen=True, kw_only=True):
    """How fast encodes of one kind were, by the clock on the wall; several at once slow each other.

    `frames_per_s` is of all of them together, `median` of the files. `realtime` is how much film a
    second of encoding made, of those whose frame rate is known and steady.
    """

    resolution: str | None
    encoder: str
    preset: int
    files: int
    frames_per_s: float
    median: float
    realtime: float | None


class ToolGroup(msgspec.Struct, frozen=True, kw_only=True):
    """What some targets were made with, and when first and last."""

    tools: ToolsUsed
    files: int
    first: datetime
    last: datetime


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Failures that read alike."""

    detail: str
    files: int


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The whole report. `since` is None for all that the ledger has; `max_failures` is from when on
    a failing source is not tried any more. `checked` and `came_out` are of the newest forecasts;
    `skipped` is None where no plan was made for it."""

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
    came_out: tuple[CameOut, ...]
    speeds: tuple[SpeedGroup, ...]
    savers: tuple[EncodeRecord, ...]
    worst: tuple[EncodeRecord, ...]
    tools: tuple[ToolGroup, ...]
    reasons: tuple[Reason, ...]
    outcomes: Outcomes
    skipped: tuple[Skipped, ...] | None = None

    @property
    def decided(self) -> tuple[AttemptResult, ...]:
        """The kinds of verdicts there are beside failures, in their own order."""
        found = {one.kind for one in self.outcomes.verdicts}
        return tuple(kind for kind in AttemptResult if kind in found - {AttemptResult.FAILED})
