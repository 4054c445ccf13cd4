"""The sections of a report about how good targets are, test clips, and how forecasts came out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from av1rules.base.text import printable
from av1rules.base.units import format_duration, format_size
from av1rules.forecast.calibration import ErrorStats
from av1rules.ledger.clips import ClipStatus
from av1rules.policy.quality_spec import GateScope, Metric
from av1rules.report.forecast import NEEDED
from av1rules.report.format import count_of, hours_of, rule_name, tier_name
from av1rules.report.model import BIN_POINTS, LOWEST_BIN, SCORE_BINS, Figures, ScoreGroup, Span
from av1rules.report.table import Section, Table, Topic

SCORE_BIN_NAMES = (
    f"below {LOWEST_BIN}",
    *(
        f"{low}-{low + BIN_POINTS}"
        for low in range(LOWEST_BIN, LOWEST_BIN + BIN_POINTS * (SCORE_BINS - 1), BIN_POINTS)
    ),
)

_SCOPES = {GateScope.SAMPLES: "passages", GateScope.WHOLE: "whole film", None: ""}

_WAITING = (ClipStatus.WAITING, ClipStatus.VOID)


def quality_sections(figures: Figures, limit: int) -> Iterator[Section]:
    """Those with nothing to say have no rows."""
    yield _scores(figures.scores)
    yield _score_spread(figures)
    yield _clips(figures)
    yield _clip_scores(figures.clip_scores)
    yield _forecasts(figures, limit)


def quality_rows(figures: Figures) -> Iterator[tuple[str, str]]:
    """The lines of the summary about it."""
    vmaf = [group for group in figures.scores if group.metric is Metric.VMAF]
    if files := sum(group.files for group in vmaf):
        yield "scored", f"{count_of(files, 'target')} by VMAF"
    if made := sum(group.clips for group in figures.clips):
        waiting = sum(group.clips for group in figures.clips if group.standing in _WAITING)
        told = f", {waiting} waiting: av1rules clips list" if waiting else ""
        yield "test clips", f"{made}{told}"
    if figures.checked:
        every = figures.checked[0]
        told = "" if every.count >= NEEDED else f"; only {every.count}: it says little yet"
        off = f"{every.time.median_error:.0%} in time, {every.size.median_error:.0%} in size"
        yield "forecasts", f"half of them off by at most {off}{told}"


# --- scores


def _scores(groups: Sequence[ScoreGroup]) -> Section:
    return Section(
        topic=Topic.SCORES,
        title="Scores, by rule and source tier",
        note="Of targets that were scored before they were published. p5: 5 % of the pictures are "
        "below it. First the middle film, then between which two values eight of ten films lie.",
        table=Table(
            headers=("rule", "tier", "metric", "measured on", "files", *_SCORE_HEADERS),
            rows=tuple(
                (
                    rule_name(group.rule),
                    tier_name(group.source_tier),
                    group.metric.value,
                    _SCOPES[group.scope],
                    str(group.files),
                    *_score_cells(group),
                )
                for group in groups
            ),
            numbers=frozenset(range(4, 9)),
        ),
    )


def _clip_scores(groups: Sequence[ScoreGroup]) -> Section:
    return Section(
        topic=Topic.CLIP_SCORES,
        title="Scores of test clips",
        note="Clips show the hardest passages: as a whole, their films score higher.",
        table=Table(
            headers=("rule", "tier", "metric", "clips", *_SCORE_HEADERS),
            rows=tuple(
                (
                    rule_name(group.rule),
                    tier_name(group.source_tier),
                    group.metric.value,
                    str(group.files),
                    *_score_cells(group),
                )
                for group in groups
            ),
            numbers=frozenset(range(3, 8)),
        ),
    )


_SCORE_HEADERS = ("mean", "8 of 10", "p5", "8 of 10")


def _score_cells(group: ScoreGroup) -> Iterator[str]:
    for figures in (group.mean, group.p5):
        yield _figure(group.metric, figures.median)
        yield _range(group.metric, figures)


def _range(metric: Metric, figures: Span) -> str:
    return f"{_figure(metric, figures.low)} - {_figure(metric, figures.high)}"


def _figure(metric: Metric, value: float) -> str:
    return f"{value:.4f}" if metric is Metric.SSIM else f"{value:.1f}"


def _score_spread(figures: Figures) -> Section:
    groups = figures.score_bins
    counts = [bins for group in groups for bins in (group.mean, group.p5)]
    used = [number for number in range(SCORE_BINS) if any(bins[number] for bins in counts)]
    shown = range(used[0], used[-1] + 1) if used else range(0)
    names = [tier_name(group.source_tier) for group in groups]
    return Section(
        topic=Topic.SCORE_SPREAD,
        title="VMAF of targets, by source tier",
        note="How many targets have such a mean, and such a p5.",
        table=Table(
            headers=("VMAF", *(f"{name}, {what}" for name in names for what in ("mean", "p5"))),
            rows=tuple(
                (SCORE_BIN_NAMES[number], *(str(bins[number] or "") for bins in counts))
                for number in shown
            ),
            numbers=frozenset(range(1, len(counts) + 1)),
        ),
    )


# --- test clips and forecasts


def _clips(figures: Figures) -> Section:
    shown = figures.waiting_clips[:5]
    more = len(figures.waiting_clips) - len(shown)
    named = ", ".join(printable(name) for name in shown) + (f" and {more} more" if more else "")
    waiting = f" Waiting for a decision (av1rules clips compare FILM): {named}." if named else ""
    return Section(
        topic=Topic.CLIPS,
        title=f"Test clips ({sum(group.clips for group in figures.clips)})",
        note=f"Clips of settings or sources that are gone are not counted.{waiting}",
        table=Table(
            headers=("state", "clips", "shown", "size", "encoding"),
            rows=tuple(
                (
                    group.standing.value,
                    str(group.clips),
                    format_duration(group.film_s),
                    format_size(group.size_bytes),
                    hours_of(group.encode_s),
                )
                for group in figures.clips
            ),
            numbers=frozenset({1, 2, 3, 4}),
        ),
    )


def _forecasts(figures: Figures, limit: int) -> Section:
    shown = figures.checked[:limit]
    few = figures.checked and figures.checked[0].count < NEEDED
    little = f" Fewer than {NEEDED} encodes: these figures say little yet." if few else ""
    return Section(
        topic=Topic.FORECASTS,
        title="How forecasts came out",
        note="Off by: half of them were off by at most so much. Bias: 1.10x is a tenth more than "
        f"foretold. Inside: of the intervals that should hold in 80 %.{little}",
        table=Table(
            headers=(
                "forecasts", "encodes", "time off by", "bias", "inside", "size off by", "bias",
                "inside",
            ),
            rows=tuple(
                (
                    printable(one.name),
                    str(one.count),
                    *_quality_cells(one.time),
                    *_quality_cells(one.size),
                )
                for one in shown
            ),
            numbers=frozenset(range(1, 8)),
            more=len(figures.checked) - len(shown),
        ),
    )  # fmt: skip


def _quality_cells(quality: ErrorStats) -> tuple[str, str, str]:
    return f"{quality.median_error:.0%}", f"{quality.bias:.2f}x", f"{quality.inside:.0%}"
