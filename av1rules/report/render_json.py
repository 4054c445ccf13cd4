"""A report as one JSON document: all figures, exact; the single targets are in the CSV form."""

from __future__ import annotations

from typing import Any

import msgspec

from av1rules.base.text import printable_json
from av1rules.ledger.history import DamageRecord, EncodeRecord, TrashSum
from av1rules.ledger.records import Attempt, AttemptResult
from av1rules.report.format import json_text
from av1rules.report.model import (
    BIN_POINTS,
    LOWEST_BIN,
    Figures,
    ScoreGroup,
    SizeGroup,
    Skipped,
    Sums,
)


def report_json(figures: Figures) -> str:
    """`{"format": 1, ...}`. Bytes and seconds; times in UTC, periods by the local calendar; odd
    bytes of file names as `\\xNN`. What is not known is null."""
    outcomes = figures.outcomes
    document = {
        "format": 1,
        "at": figures.at,
        "since": figures.since,
        "ledger": json_text(figures.ledger),
        "total": _sums(figures.total),
        "series": {
            "step": figures.step,
            "periods": [{"start": one.start, **_sums(one.sums)} for one in figures.periods],
        },
        "by_rule_and_tier": [_size_group(group) for group in figures.by_rule],
        "by_tier": [_size_group(group, of_rule=False) for group in figures.by_tier],
        "scores": [_score_group(group) for group in figures.scores],
        "vmaf_by_tier": {
            "lowest_bin": LOWEST_BIN,
            "bin_points": BIN_POINTS,
            "tiers": [
                {**msgspec.to_builtins(one), "source_tier": _known(one.source_tier)}
                for one in figures.score_bins
            ],
        },
        "clips": {
            "states": [msgspec.to_builtins(group) for group in figures.clips],
            "waiting": [json_text(name) for name in figures.waiting_clips],
            "scores": [_score_group(group) for group in figures.clip_scores],
        },
        "forecasts": {
            "groups": [
                {**msgspec.to_builtins(one), "name": json_text(one.name)} for one in figures.checked
            ],
            "newest": [
                {**msgspec.to_builtins(one), "source_tier": _known(one.source_tier)}
                for one in figures.came_out
            ],
        },
        "speed": [msgspec.to_builtins(group) for group in figures.speeds],
        "biggest_savings": [_made(one) for one in figures.savers],
        "largest_ratios": [_made(one) for one in figures.worst],
        "tools": [msgspec.to_builtins(group) for group in figures.tools],
        "failure_reasons": [
            {"reason": json_text(one.detail), "files": one.files} for one in figures.reasons
        ],
        "failed": [
            {**_verdict(one), "is_parked": one.count >= figures.max_failures}
            for one in outcomes.of(AttemptResult.FAILED)
        ],
        **{
            kind.name.lower(): [_verdict(one) for one in outcomes.of(kind)]
            for kind in AttemptResult
            if kind is not AttemptResult.FAILED
        },
        "skipped": None if figures.skipped is None else [_skipped(one) for one in figures.skipped],
        "damaged_targets": [_fault(one) for one in outcomes.damaged_targets],
        "damaged_sources": [_fault(one) for one in outcomes.damaged_sources],
        "aside": {one.kind.value: _aside(one) for one in outcomes.aside},
        "runs": [msgspec.to_builtins(run) for run in outcomes.runs],
    }
    text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
    return printable_json(text) + "\n"


def _sums(sums: Sums) -> dict[str, Any]:
    return {
        "files": sums.files,
        "source_bytes": sums.source_bytes,
        "target_bytes": sums.target_bytes,
        "saved_bytes": sums.saved_bytes,
        "size_ratio": sums.size_ratio,
        "timed_files": sums.timed,
        "encode_s": sums.encode_s if sums.timed else None,
        "verify_s": sums.verify_s if sums.timed else None,
    }


def _size_group(group: SizeGroup, *, of_rule: bool = True) -> dict[str, Any]:
    return {
        **({"rule": _known(group.rule)} if of_rule else {}),
        "source_tier": _known(group.source_tier),
        **_sums(group.sums),
        "ratios": msgspec.to_builtins(group.ratios),
    }


def _score_group(group: ScoreGroup) -> dict[str, Any]:
    return {
        **msgspec.to_builtins(group),
        "rule": _known(group.rule),
        "source_tier": _known(group.source_tier),
    }


def _skipped(one: Skipped) -> dict[str, Any]:
    return {**msgspec.to_builtins(one), "cause": json_text(one.cause)}


def _known(text: str | None) -> str | None:
    return None if text is None else json_text(text)


def _made(one: EncodeRecord) -> dict[str, Any]:
    return {
        "source": json_text(one.source),
        "target": json_text(one.target),
        "rule": _known(one.rule),
        "source_tier": _known(one.source_tier),
        "source_bytes": one.source_bytes,
        "target_bytes": one.target_bytes,
        "saved_bytes": one.saved_bytes,
        "size_ratio": one.size_ratio,
        "at": one.built_at,
    }


def _verdict(one: Attempt) -> dict[str, Any]:
    return {
        "source": json_text(one.source),
        "reason": json_text(one.detail),
        "source_bytes": one.source_bytes,
        "target_bytes": one.target_bytes,
        "count": one.count,
        "at": one.at,
    }


def _fault(one: DamageRecord) -> dict[str, Any]:
    return {"name": json_text(one.name), "at": one.at, "fault": json_text(one.fault)}


def _aside(one: TrashSum) -> dict[str, int]:
    return {
        "count": one.count,
        "size_bytes": one.size_bytes,
        "purged": one.purged,
        "purged_bytes": one.purged_bytes,
    }
