"""A report as text for a terminal, as Markdown, as one JSON document and as CSV."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from av1rules.ledger.history import EncodeRecord, Outcomes, ScoreSummary
from av1rules.ledger.records import Attempt, AttemptResult
from av1rules.operations.clips.ledger_status import ClipAndStatus
from av1rules.policy.quality_spec import Metric
from av1rules.quality.result import Score
from av1rules.report.json import json_document
from av1rules.report.model import BIN_POINTS, LOWEST_BIN, Figures
from av1rules.report.sections import (
    CLOSING,
    DAMAGE_COLUMNS,
    DECIDED_COLUMNS,
    REASON_COLUMNS,
    RUN_COLUMNS,
    SIZE_COLUMNS,
    SKIPPED_COLUMNS,
    SUM_COLUMNS,
    TARGET_COLUMNS,
    TIER_COLUMNS,
    TOOL_COLUMNS,
    TRASH_COLUMNS,
    headline,
    period_columns,
    report_sections,
)
from av1rules.report.sections_quality import (
    CLIP_COLUMNS,
    FORECAST_COLUMNS,
    SCORE_COLUMNS,
    SPEED_COLUMNS,
)
from av1rules.report.table import (
    Column,
    csv_lines,
    escape_markdown,
    records,
    section_markdown,
    section_text,
)

SHOWN_IN_TEXT = 10
SHOWN_IN_MARKDOWN = 20


def report_text(figures: Figures) -> str:
    """Sections with a blank line between; empty ones are left out."""
    sections = report_sections(figures, limit=SHOWN_IN_TEXT)
    parts = [f"av1rules report, {headline(figures)}", *map(section_text, sections), CLOSING]
    return "\n\n".join(parts) + "\n"


def report_markdown(figures: Figures) -> str:
    """The same under headings, with longer lists."""
    sections = report_sections(figures, limit=SHOWN_IN_MARKDOWN)
    parts = [
        "# av1rules report",
        escape_markdown(headline(figures)),
        *map(section_markdown, sections),
        escape_markdown(CLOSING),
    ]
    return "\n\n".join(parts) + "\n"


def report_json(figures: Figures) -> str:
    """All figures, exact: bytes and seconds, times in UTC, periods of the local calendar. Unknown
    values are null. The CSV form lists every target."""
    outcomes = figures.outcomes
    failed = (
        *DECIDED_COLUMNS,
        Column(key="is_parked", value=lambda one: one.is_parked(figures.max_failures)),
    )
    document = {
        "at": figures.at,
        "since": figures.since,
        "ledger": figures.ledger,
        "total": records(SUM_COLUMNS, [figures.total])[0],
        "series": {
            "step": figures.length,
            "periods": records(period_columns(figures), figures.periods),
        },
        "by_rule_and_tier": records(SIZE_COLUMNS, figures.by_rule),
        "by_tier": records(TIER_COLUMNS, figures.by_tier),
        "scores": records(SCORE_COLUMNS, figures.scores),
        "vmaf_by_tier": {
            "lowest_bin": LOWEST_BIN,
            "bin_points": BIN_POINTS,
            "tiers": figures.score_bins,
        },
        "clips": {
            "states": records(CLIP_COLUMNS, figures.clips),
            "waiting": figures.waiting_clips,
            "scores": records(SCORE_COLUMNS, figures.clip_scores),
        },
        "forecasts": {
            "groups": records(FORECAST_COLUMNS, figures.checked),
            "newest": figures.compared,
        },
        "speed": records(SPEED_COLUMNS, figures.speeds),
        "biggest_savings": records(TARGET_COLUMNS, figures.savers),
        "largest_ratios": records(TARGET_COLUMNS, figures.worst),
        "tools": records(TOOL_COLUMNS, figures.tools),
        "failure_reasons": records(REASON_COLUMNS, figures.reasons),
        "failed": records(failed, outcomes.of(AttemptResult.FAILED)),
        **{
            kind.name.lower(): records(DECIDED_COLUMNS, outcomes.of(kind))
            for kind in AttemptResult
            if kind is not AttemptResult.FAILED
        },
        "skipped": None if figures.skipped is None else records(SKIPPED_COLUMNS, figures.skipped),
        "damaged_targets": records(DAMAGE_COLUMNS, outcomes.damaged_targets),
        "damaged_sources": records(DAMAGE_COLUMNS, outcomes.damaged_sources),
        "aside": {one.kind.value: records(TRASH_COLUMNS, [one])[0] for one in outcomes.aside},
        "runs": records(RUN_COLUMNS, outcomes.runs),
    }
    return json_document(document) + "\n"


Forecasts = Mapping[str, tuple[float, float]]
"""By target: seconds and bytes, the middle of each forecast."""


def report_csv(
    made: Iterable[EncodeRecord],
    outcomes: Outcomes,
    *,
    clips: Iterable[ClipAndStatus] = (),
    forecasts: Forecasts = MappingProxyType({}),
) -> Iterator[str]:
    """A line for each target, each attempt without one and each test clip.

    `outcome` is done, the result of an attempt (failed, too large, ...) or clip; unknown values are
    empty. `target_bytes` of a result that is too large is the size that was refused; of a clip it
    is the projected size of the target, and `reason` is the status of the clip. `scored` says what
    was scored: samples, the whole video, or the clip. Times are UTC."""
    targets = _target_columns(forecasts)
    rows = itertools.chain(
        records(targets, made), records(_FAILED, outcomes.attempts), records(_CLIPS, clips)
    )
    return csv_lines(csv_columns(), rows)


def csv_columns() -> tuple[str, ...]:
    """The names of all columns."""
    columns: tuple[Column[Any], ...] = (*_DONE, *_FAILED, *_target_columns({}))
    return tuple(dict.fromkeys(column.key for column in columns if column.key is not None))


_DONE: tuple[Column[EncodeRecord], ...] = (
    Column(key="outcome", value=lambda _: "done"),
    *TARGET_COLUMNS,
)

_FAILED: tuple[Column[Attempt], ...] = (
    Column(key="outcome", value=lambda one: one.kind),
    *DECIDED_COLUMNS,
)


def _score_columns(
    scores: Callable[[Any], Iterable[ScoreSummary | Score]],
) -> Iterator[Column[Any]]:
    for metric in Metric:
        yield _score_column(scores, metric, "mean")
        yield _score_column(scores, metric, "p5")


def _score_column(
    scores: Callable[[Any], Iterable[ScoreSummary | Score]], metric: Metric, figure: str
) -> Column[Any]:
    return Column(
        key=f"{metric.value}_{figure}", value=lambda one: _score(scores(one), metric, figure)
    )


def _score(scores: Iterable[ScoreSummary | Score], metric: Metric, figure: str) -> float | None:
    return next((getattr(one, figure) for one in scores if one.metric is metric), None)


def _target_columns(forecasts: Forecasts) -> tuple[Column[EncodeRecord], ...]:
    none = (None, None)
    return (
        *_DONE,
        Column(key="foretold_s", value=lambda one: forecasts.get(one.target, none)[0]),
        Column(key="foretold_bytes", value=lambda one: _whole(forecasts.get(one.target, none)[1])),
        Column(key="scored", value=lambda one: one.scores[0].scope if one.scores else None),
        *_score_columns(lambda one: one.scores),
    )


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


_CLIPS: tuple[Column[ClipAndStatus], ...] = (
    Column(key="outcome", value=lambda _: "clip"),
    Column(key="source", value=lambda clip: clip.record.source),
    Column(key="target", value=lambda clip: clip.record.path),
    Column(key="rule", value=lambda clip: clip.record.facts.rule),
    Column(key="source_tier", value=lambda clip: clip.record.facts.source_tier),
    Column(key="encoder", value=lambda clip: clip.record.facts.tools.encoder),
    Column(key="crf", value=lambda clip: clip.record.facts.settings.crf),
    Column(key="preset", value=lambda clip: clip.record.facts.settings.preset),
    Column(key="film_grain", value=lambda clip: clip.record.facts.settings.film_grain),
    Column(key="source_bytes", value=lambda clip: clip.record.facts.source_bytes),
    Column(key="target_bytes", value=lambda clip: clip.record.facts.projected_bytes),
    Column(key="size_ratio", value=lambda clip: clip.record.facts.share),
    Column(key="at", value=lambda clip: clip.record.made_at),
    Column(key="encode_s", value=lambda clip: clip.record.facts.encode_s),
    Column(key="frames", value=lambda clip: clip.record.facts.frames),
    Column(key="reason", value=lambda clip: clip.status),
    Column(key="scored", value=lambda clip: "clip" if clip.record.facts.scores else None),
    *_score_columns(lambda clip: clip.record.facts.scores),
)
