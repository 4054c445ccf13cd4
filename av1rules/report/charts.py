"""The charts of a report as still SVG, without scripts or styles of their own: the page colours
them, for light, dark and paper. Each has a sentence that says what it shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pygal

from av1rules.base.text import counted, printable
from av1rules.base.units import format_size
from av1rules.report.charts_quality import quality_charts
from av1rules.report.charts_svg import BAR_HEIGHT, Chart, bar, drawing, options
from av1rules.report.format import UNKNOWN, hours_of, rule_name, tier_name
from av1rules.report.model import Figures, PeriodLength, SizeGroup, SpeedGroup
from av1rules.report.sections import BIN_NAMES, period_name
from av1rules.report.table import Topic

SHOWN_GROUPS = 12
_SHOWN_LABELS = 12

_GIB = 1024**3


def report_charts(figures: Figures) -> tuple[Chart, ...]:
    """Only those with more to show than one bar."""
    charts = (
        *_series(figures),
        _sizes(figures),
        _spread(figures),
        *quality_charts(figures),
        _speeds(figures),
    )
    return tuple(chart for chart in charts if chart is not None)


def _series(figures: Figures) -> Iterator[Chart]:
    length, periods = figures.length, figures.periods
    if len(periods) < 2:
        return
    names = [period_name(period, length) for period in periods]
    saved = [period.sums.saved_bytes for period in periods]
    yield _series_chart(
        f"Saved by {length.value}, in GiB", length, names, [size / _GIB for size in saved],
        [format_size(size) for size in saved],
    )  # fmt: skip
    spent = [period.sums.encode_s for period in periods]
    if any(spent):
        yield _series_chart(
            f"Encoding by {length.value}, in hours", length, names, [time / 3600 for time in spent],
            [hours_of(time) for time in spent],
        )  # fmt: skip
    files = [period.sums.files for period in periods]
    yield _series_chart(
        f"Files by {length.value}",
        length,
        names,
        files,
        [counted(count, "file") for count in files],
    )


def _series_chart(
    title: str,
    length: PeriodLength,
    names: Sequence[str],
    values: Sequence[float],
    texts: Sequence[str],
) -> Chart:
    most = max(range(len(values)), key=values.__getitem__)
    chart = pygal.Bar(**options(height=190, show_legend=False))
    chart.x_labels = list(names)
    every = -(-len(names) // _SHOWN_LABELS)
    chart.x_labels_major_every = every
    chart.show_minor_x_labels = every == 1
    bars = zip(names, values, texts, strict=True)
    chart.add("", [bar(value, f"{name}: {what}") for name, value, what in bars])
    return Chart(
        topic=Topic.SERIES,
        title=title,
        text=f"{counted(len(names), length.value)} from {names[0]} to {names[-1]}; "
        f"the most, {texts[most]}, in {names[most]}.",
        svg=drawing(chart),
    )


def _sizes(figures: Figures) -> Chart | None:
    groups = figures.by_rule[:SHOWN_GROUPS]
    if len(groups) < 2:
        return None
    chart = pygal.HorizontalBar(**options(height=90 + BAR_HEIGHT * len(groups)))
    upwards = groups[::-1]  # pygal draws groups from below, the bars of each from above
    chart.x_labels = [_group_name(group) for group in upwards]
    chart.add("source", [_size_bar(group, "source_bytes") for group in upwards])
    chart.add("target", [_size_bar(group, "target_bytes") for group in upwards])
    first = groups[0]
    return Chart(
        topic=Topic.SIZES,
        title="Sources and targets by rule, in GiB",
        text=f"{_group_name(first)} saved most: {format_size(first.sums.source_bytes)} became "
        f"{format_size(first.sums.target_bytes)}. {_rest(figures.by_rule)}".rstrip(),
        svg=drawing(chart),
    )


def _group_name(group: SizeGroup) -> str:
    return f"{rule_name(group.rule)}, {tier_name(group.source_tier)}"


def _size_bar(group: SizeGroup, of: str) -> dict[str, Any]:
    size = getattr(group.sums, of)
    return bar(
        size / _GIB, f"{_group_name(group)}: {of.removesuffix('_bytes')} {format_size(size)}"
    )


def _rest(groups: Sequence[object]) -> str:
    more = len(groups) - SHOWN_GROUPS
    return f"{counted(more, 'smaller group')} not shown." if more > 0 else ""


def _spread(figures: Figures) -> Chart | None:
    groups = [(group, group.ratios.bins) for group in figures.by_tier if group.ratios is not None]
    if not groups or sum(sum(bins) for _, bins in groups) < 2:
        return None
    chart = pygal.StackedBar(**options(height=300))
    chart.x_labels = [name.replace(" or more", "+") for name in BIN_NAMES]
    for group, bins in groups:
        name = tier_name(group.source_tier)
        chart.add(
            name,
            [
                bar(count or None, f"{name}, {BIN_NAMES[at]} of the source: {count}")
                for at, count in enumerate(bins)
            ],
        )
    texts = ", ".join(
        f"{group.ratios.median:.0%} for {tier_name(group.source_tier)}"
        for group, _ in groups
        if group.ratios is not None
    )
    return Chart(
        topic=Topic.SPREAD,
        title="How large targets are, compared to their sources: number of files",
        text=f"The median target has, of its source's size: {texts}.",
        svg=drawing(chart),
    )


def _speeds(figures: Figures) -> Chart | None:
    groups = sorted(figures.speeds, key=lambda group: group.files)[-SHOWN_GROUPS:]
    if len(groups) < 2:
        return None
    groups.sort(key=lambda group: group.frames_per_s)
    chart = pygal.HorizontalBar(**options(height=60 + BAR_HEIGHT * len(groups), show_legend=False))
    chart.x_labels = [_speed_name(group) for group in groups]
    chart.add("", [bar(group.frames_per_s, f"{group.frames_per_s:.3g}") for group in groups])
    slow, fast = groups[0], groups[-1]
    return Chart(
        topic=Topic.SPEED,
        title="Encode speed, in frames a second",
        text=f"From {slow.frames_per_s:.3g} ({_speed_name(slow)}) to {fast.frames_per_s:.3g} "
        f"({_speed_name(fast)}).",
        svg=drawing(chart),
    )


def _speed_name(group: SpeedGroup) -> str:
    return f"{printable(group.encoder)} preset {group.preset}, {group.resolution or UNKNOWN}"
