"""The sections of a report about scores, test clips, speed, and forecasts beside actual results."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

from av1rules.base.text import counted, printable
from av1rules.base.units import format_duration, format_size
from av1rules.forecast.calibration import Calibration, ErrorStats
from av1rules.ledger.clips import ClipStatus
from av1rules.policy.quality_spec import GateScope, Metric
from av1rules.report.forecast import NEEDED
from av1rules.report.format import UNKNOWN, hours_of, rule_name, tier_name
from av1rules.report.model import (
    BIN_POINTS,
    LOWEST_BIN,
    SCORE_BINS,
    ClipGroup,
    Figures,
    ScoreGroup,
    Span,
    SpeedGroup,
)
from av1rules.report.table import Column, Section, Table, Topic, number, table_of

SCORE_BIN_NAMES = (
    f"below {LOWEST_BIN}",
    *(
        f"{low}-{low + BIN_POINTS}"
        for low in range(LOWEST_BIN, LOWEST_BIN + BIN_POINTS * (SCORE_BINS - 1), BIN_POINTS)
    ),
)

_SCOPES = {GateScope.SAMPLES: "excerpts", GateScope.WHOLE: "whole film", None: ""}

_WAITING = (ClipStatus.WAITING, ClipStatus.VOID)


def quality_sections(figures: Figures, limit: int) -> Iterator[Section]:
    """A section without data has no rows."""
    yield _scores(figures.scores)
    yield _score_spread(figures)
    yield _clips(figures)
    yield _clip_scores(figures.clip_scores)
    yield _forecasts(figures, limit)


def quality_rows(figures: Figures) -> Iterator[tuple[str, str]]:
    """The lines of the summary on scores, clips and forecasts."""
    vmaf = [group for group in figures.scores if group.metric is Metric.VMAF]
    if files := sum(group.files for group in vmaf):
        yield "scored", f"{counted(files, 'target')} by VMAF"
    if made := sum(group.clips for group in figures.clips):
        waiting = sum(group.clips for group in figures.clips if group.status in _WAITING)
        note = f", {waiting} waiting: av1rules clips list" if waiting else ""
        yield "test clips", f"{made}{note}"
    if figures.checked:
        every = figures.checked[0]
        few = "" if every.count >= NEEDED else f"; only {every.count} so far: not yet meaningful"
        off = f"{every.time.median_error:.0%} in time, {every.size.median_error:.0%} in size"
        yield "forecasts", f"half of them off by at most {off}{few}"


# --- scores


def _figure(found: tuple[Metric, float]) -> str:
    metric, value = found
    return f"{value:.4f}" if metric is Metric.SSIM else f"{value:.1f}"


def _range(found: tuple[Metric, Span]) -> str:
    metric, span = found
    return f"{_figure((metric, span.low))} - {_figure((metric, span.high))}"


def _spread_columns(key: str, span: Callable[[ScoreGroup], Span]) -> tuple[Column[ScoreGroup], ...]:
    """For programs the distribution; for users the median and the range of eight in ten files."""
    return (
        Column(key=key, value=span),
        Column(
            header=key,
            value=lambda group: (group.metric, span(group).median),
            show=_figure,
            is_number=True,
        ),
        Column(
            header="8 of 10",
            value=lambda group: (group.metric, span(group)),
            show=_range,
            is_number=True,
        ),
    )


SCORE_COLUMNS: tuple[Column[ScoreGroup], ...] = (
    Column(key="rule", header="rule", value=lambda group: group.rule, show=rule_name),
    Column(key="source_tier", header="tier", value=lambda group: group.source_tier, show=tier_name),
    Column(key="metric", header="metric", value=lambda group: group.metric),
    Column(
        key="scope", header="measured on", value=lambda group: group.scope, show=_SCOPES.__getitem__
    ),
    Column(key="files", header="files", value=lambda group: group.files, is_number=True),
    *_spread_columns("mean", lambda group: group.mean),
    *_spread_columns("p5", lambda group: group.p5),
)


def _scores(groups: Sequence[ScoreGroup]) -> Section:
    return Section(
        topic=Topic.SCORES,
        title="Scores, by rule and source tier",
        note="For targets that were scored before publication. p5: 5 % of the frames score "
        "lower. Both are medians over the films; 8 of 10: eight of ten films lie between these two "
        "values.",
        table=table_of(SCORE_COLUMNS, groups),
    )


def _clip_scores(groups: Sequence[ScoreGroup]) -> Section:
    columns = [
        dataclasses.replace(column, header="clips") if column.key == "files" else column
        for column in SCORE_COLUMNS
        if column.key != "scope"
    ]
    return Section(
        topic=Topic.CLIP_SCORES,
        title="Scores of test clips",
        note="Clips show the hardest excerpts; whole films score higher.",
        table=table_of(columns, groups),
    )


def _score_spread(figures: Figures) -> Section:
    groups = figures.score_bins
    counts = [bins for group in groups for bins in (group.mean, group.p5)]
    used = [number for number in range(SCORE_BINS) if any(bins[number] for bins in counts)]
    shown = range(used[0], used[-1] + 1) if used else range(0)
    names = [tier_name(group.source_tier) for group in groups]
    return Section(
        topic=Topic.SCORE_SPREAD,
        title="VMAF of targets, by source tier",
        note="Number of targets with this mean and this p5.",
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

CLIP_COLUMNS: tuple[Column[ClipGroup], ...] = (
    Column(key="state", header="state", value=lambda group: group.status),
    Column(key="clips", header="clips", value=lambda group: group.clips, is_number=True),
    Column(
        key="duration_s", header="duration", value=lambda group: group.duration_s,
        show=format_duration, is_number=True,
    ),
    Column(
        key="size_bytes", header="size", value=lambda group: group.size_bytes, show=format_size,
        is_number=True,
    ),
    Column(
        key="encode_s", header="encoding", value=lambda group: group.encode_s, show=hours_of,
        is_number=True,
    ),
)  # fmt: skip


def _error_columns(
    name: str, quality: Callable[[Calibration], ErrorStats]
) -> tuple[Column[Calibration], ...]:
    share: Callable[[float], str] = "{:.0%}".format
    return (
        Column(key=name, value=quality),
        Column(
            header=f"{name} off by", value=lambda one: quality(one).median_error, show=share,
            is_number=True,
        ),
        Column(
            header="bias", value=lambda one: quality(one).bias, show="{:.2f}x".format,
            is_number=True,
        ),
        Column(
            header="inside", value=lambda one: quality(one).inside, show=share, is_number=True
        ),
    )  # fmt: skip


FORECAST_COLUMNS: tuple[Column[Calibration], ...] = (
    Column(key="name", header="forecasts", value=lambda one: one.name),
    Column(key="count", header="encodes", value=lambda one: one.count, is_number=True),
    *_error_columns("time", lambda one: one.time),
    *_error_columns("size", lambda one: one.size),
)


def _clips(figures: Figures) -> Section:
    shown = figures.waiting_clips[:5]
    more = len(figures.waiting_clips) - len(shown)
    named = ", ".join(printable(name) for name in shown) + (f" and {more} more" if more else "")
    waiting = f" Waiting for a decision (av1rules clips compare FILM): {named}." if named else ""
    return Section(
        topic=Topic.CLIPS,
        title=f"Test clips ({sum(group.clips for group in figures.clips)})",
        note=f"Without clips of earlier settings and earlier sources.{waiting}",
        table=table_of(CLIP_COLUMNS, figures.clips),
    )


def _forecasts(figures: Figures, limit: int) -> Section:
    few = figures.checked and figures.checked[0].count < NEEDED
    little = f" Fewer than {NEEDED} encodes: not yet meaningful." if few else ""
    return Section(
        topic=Topic.FORECASTS,
        title="Forecasts and actual results",
        note="Off by: half of the forecasts were off by this much or less. Bias: 1.10x is a tenth "
        "more than forecast. Inside: share of actual results within the 80 % interval."
        f"{little}",
        table=table_of(FORECAST_COLUMNS, figures.checked, limit=limit),
    )


# --- speed


def _times(factor: float | None) -> str:
    return "" if factor is None else f"{factor:.2g}x"


SPEED_COLUMNS: tuple[Column[SpeedGroup], ...] = (
    Column(key="encoder", header="encoder", value=lambda group: group.encoder),
    number("preset", "preset", lambda group: group.preset),
    Column(
        key="resolution",
        header="resolution",
        value=lambda group: group.resolution,
        show=lambda name: name or UNKNOWN,
    ),
    number("files", "files", lambda group: group.files),
    number("frames_per_s", "frames/s", lambda group: group.frames_per_s, "{:.3g}".format),
    number("median", "median", lambda group: group.median, "{:.3g}".format),
    number(
        "realtime",
        "realtime",
        lambda group: group.realtime,
        lambda times: "" if times is None else f"{times:.2g}x",
    ),
)


def speed_section(figures: Figures) -> Section:
    return Section(
        topic=Topic.SPEED,
        title="Encode speed",
        note="In wall-clock time: encodes that ran at the same time slowed each other down.",
        table=table_of(SPEED_COLUMNS, figures.speeds),
    )
