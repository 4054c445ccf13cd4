"""Charts of scores, and of forecasts beside what came out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pygal

from av1rules.base.text import counted
from av1rules.base.units import format_size
from av1rules.report.aggregate_scores import tier_rank
from av1rules.report.charts_svg import Chart, bar, drawing, options
from av1rules.report.format import hours_of, tier_name
from av1rules.report.model import CameOut, Figures
from av1rules.report.sections_quality import SCORE_BIN_NAMES
from av1rules.report.table import Topic

_GIB = 1024**3

_MARGIN = 1.2  # between the outermost points and the edge

LEAST_POINTS = 3
"""Fewer than these make no cloud."""


def quality_charts(figures: Figures) -> Iterator[Chart]:
    """Only those with more to show than one bar or two points."""
    if sum(sum(group.mean) for group in figures.score_bins) >= 2:
        yield _scores(figures, "mean")
        yield _scores(figures, "p5")
    if len(figures.came_out) >= LEAST_POINTS:
        yield _forecasts(
            figures,
            "Time of encodes, in hours",
            lambda one: (one.forecast_s / 3600, one.actual_s / 3600),
            lambda one: f"foretold {hours_of(one.forecast_s)}, took {hours_of(one.actual_s)}",
        )
        yield _forecasts(
            figures,
            "Size of targets, in GiB",
            lambda one: (one.forecast_bytes / _GIB, one.actual_bytes / _GIB),
            lambda one: (
                f"forecast {format_size(one.forecast_bytes)}, "
                f"actual {format_size(one.actual_bytes)}"
            ),
        )


def _scores(figures: Figures, figure: str) -> Chart:
    counts = [bins for group in figures.score_bins for bins in (group.mean, group.p5)]
    first = next(at for at in range(len(SCORE_BIN_NAMES)) if any(bins[at] for bins in counts))
    chart = pygal.StackedBar(**options(height=300))
    chart.x_labels = list(SCORE_BIN_NAMES[first:])
    for group in figures.score_bins:
        name = tier_name(group.source_tier)
        own = zip(SCORE_BIN_NAMES, getattr(group, figure), strict=True)
        bars = [
            bar(count or None, f"{name}, {points}: {counted(count, 'target')}")
            for points, count in own
        ]
        chart.add(name, bars[first:])
    every = [
        sum(getattr(group, figure)[at] for group in figures.score_bins)
        for at in range(len(SCORE_BIN_NAMES))
    ]
    most = max(range(len(every)), key=every.__getitem__)
    what = "mean VMAF" if figure == "mean" else "5th percentile of VMAF"
    return Chart(
        topic=Topic.SCORE_SPREAD,
        title=f"{what[:1].upper()}{what[1:]}: number of targets",
        text=f"Most, {every[most]} of {sum(every)}, have a {what} of {SCORE_BIN_NAMES[most]}.",
        svg=drawing(chart),
    )


def _forecasts(
    figures: Figures,
    title: str,
    figures_of: Callable[[CameOut], tuple[float, float]],
    told: Callable[[CameOut], str],
) -> Chart:
    """On logarithmic scales: what is off by a tenth is as far from the line whatever its size."""
    by_tier: defaultdict[str | None, list[CameOut]] = defaultdict(list)
    for one in figures.came_out:
        by_tier[one.source_tier].append(one)
    chart = pygal.XY(
        **options(height=420), stroke=False, logarithmic=True, dots_size=3.5,
        x_title="foretold", y_title="came out",
    )  # fmt: skip
    values = [value for one in figures.came_out for value in figures_of(one)]
    ends = (min(values) / _MARGIN, max(values) * _MARGIN)
    chart.range = chart.xrange = ends
    for tier in sorted(by_tier, key=tier_rank):
        name = tier_name(tier)
        chart.add(name, [_point(figures_of(one), f"{name}: {told(one)}") for one in by_tier[tier]])
    chart.add("as foretold", [(end, end) for end in ends], stroke=True, show_dots=False)
    above = sum(came > forecasts for forecasts, came in map(figures_of, figures.came_out))
    count = len(figures.came_out)
    return Chart(
        topic=Topic.FORECASTS,
        title=f"{title}: foretold, and what came out",
        text=f"The newest {counted(count, 'forecast')}: {above} came out above the line, "
        f"{count - above} on it or below.",
        svg=drawing(chart),
    )


def _point(at: tuple[float, float], told: str) -> dict[str, Any]:
    return {"value": at, "label": told}
