"""A report as one JSON document: all figures, exact; the CSV form lists every target."""

from __future__ import annotations

from av1rules.ledger.records import AttemptResult
from av1rules.report.json import json_document
from av1rules.report.model import BIN_POINTS, LOWEST_BIN, Figures
from av1rules.report.sections import (
    DECIDED_COLUMNS,
    FAULT_COLUMNS,
    REASON_COLUMNS,
    RUN_COLUMNS,
    SIZE_COLUMNS,
    SKIPPED_COLUMNS,
    SPEED_COLUMNS,
    SUM_COLUMNS,
    TARGET_COLUMNS,
    TIER_COLUMNS,
    TOOL_COLUMNS,
    TRASH_COLUMNS,
    period_columns,
)
from av1rules.report.sections_quality import CLIP_COLUMNS, FORECAST_COLUMNS, SCORE_COLUMNS
from av1rules.report.table import Column, records


def report_json(figures: Figures) -> str:
    """Bytes and seconds; times in UTC, periods by the local calendar. What is unknown is null."""
    outcomes = figures.outcomes
    failed = (
        *DECIDED_COLUMNS,
        Column(key="is_parked", value=lambda one: one.count >= figures.max_failures),
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
            "newest": figures.came_out,
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
        "damaged_targets": records(FAULT_COLUMNS, outcomes.damaged_targets),
        "damaged_sources": records(FAULT_COLUMNS, outcomes.damaged_sources),
        "aside": {one.kind.value: records(TRASH_COLUMNS, [one])[0] for one in outcomes.aside},
        "runs": records(RUN_COLUMNS, outcomes.runs),
    }
    return json_document(document) + "\n"
