"""The charts of a report as static SVG. The style sheet of the page colours them, for light, dark
and paper; a sentence says what each shows.

The only module that imports pygal, which is heavy and an extra.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pygal
from pygal.style import Style

from av1rules.base.text import counted, printable
from av1rules.base.units import format_size
from av1rules.report.aggregate_scores import tier_rank
from av1rules.report.format import UNKNOWN, hours_of, rule_name, tier_name
from av1rules.report.model import (
    Figures,
    ForecastAndActual,
    PeriodLength,
    SizeGroup,
    SpeedGroup,
    period_name,
)
from av1rules.report.sections import BIN_NAMES
from av1rules.report.sections_quality import SCORE_BIN_NAMES
from av1rules.report.table import Topic

WIDTH, BAR_HEIGHT = 900, 34

_SVG = "{http://www.w3.org/2000/svg}"

# pygal reserves space for texts of these sizes; the style sheet of the page sets the same.
_STYLE = Style(
    font_family="sans-serif", label_font_size=12, major_label_font_size=12, legend_font_size=13
)


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """A chart of the section `topic`. `text` says in a sentence what `svg` shows."""

    topic: Topic
    title: str
    text: str
    svg: str


def _options(*, height: int, show_legend: bool = True) -> dict[str, Any]:
    number: Callable[[float], str] = "{:,.4g}".format
    return {
        "width": WIDTH,
        "height": height,
        "style": _STYLE,
        "js": (),
        "css": (),
        "no_prefix": True,
        "disable_xml_declaration": True,
        "show_legend": show_legend,
        "legend_at_bottom": True,
        "legend_at_bottom_columns": 6,
        "margin": 8,
        "margin_bottom": 40 if show_legend else 8,
        "spacing": 8,
        "max_scale": 6,
        "truncate_label": -1,
        "truncate_legend": -1,
        "value_formatter": number,
    }


def _bar(value: float | tuple[float, float] | None, label: str) -> dict[str, Any]:
    return {"value": value, "label": label}


def _drawing(chart: Any) -> str:
    """The drawing without the scripts and styles that pygal adds, and the texts that a script would
    show."""
    # Parsed here, since pygal builds the tree with lxml if that is installed.
    root = ET.fromstring(chart.render(is_unicode=True))  # noqa: S314 - just written by pygal
    for element in root.iter():
        element.tag = element.tag.removeprefix(_SVG)
        element.attrib.pop("id", None)  # the same in every chart
    for parent in list(root.iter()):
        _strip(parent)
    root.set("aria-hidden", "true")  # the sentence and the table say the same
    return ET.tostring(root, encoding="unicode")


def _strip(parent: ET.Element) -> None:
    """Remove what needs a script; the label of a bar becomes its title, which browsers show."""
    for child in list(parent):
        if child.tag == "desc" and child.get("class") == "label":
            ET.SubElement(parent, "title").text = child.text
        if _is_useless(child):
            parent.remove(child)


def _is_useless(element: ET.Element) -> bool:
    classes = (element.get("class") or "").split()
    # pygal draws points above all else, in an overlay.
    is_overlay = any(one.endswith("overlay") for one in classes) and not _has_points(element)
    is_default_title = element.tag == "title" and element.text == "Pygal"
    return element.tag in ("defs", "desc") or is_overlay or is_default_title


def _has_points(element: ET.Element) -> bool:
    return next(element.iter("circle"), None) is not None


SHOWN_GROUPS = 12
_SHOWN_LABELS = 12

_GIB = 1024**3


def report_charts(figures: Figures) -> tuple[Chart, ...]:
    """The charts that show more than a single bar."""
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
    chart = pygal.Bar(**_options(height=190, show_legend=False))
    chart.x_labels = list(names)
    every = -(-len(names) // _SHOWN_LABELS)
    chart.x_labels_major_every = every
    chart.show_minor_x_labels = every == 1
    bars = zip(names, values, texts, strict=True)
    chart.add("", [_bar(value, f"{name}: {what}") for name, value, what in bars])
    return Chart(
        topic=Topic.SERIES,
        title=title,
        text=f"{counted(len(names), length.value)} from {names[0]} to {names[-1]}; "
        f"the most, {texts[most]}, in {names[most]}.",
        svg=_drawing(chart),
    )


def _sizes(figures: Figures) -> Chart | None:
    groups = figures.by_rule[:SHOWN_GROUPS]
    if len(groups) < 2:
        return None
    chart = pygal.HorizontalBar(**_options(height=90 + BAR_HEIGHT * len(groups)))
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
        svg=_drawing(chart),
    )


def _group_name(group: SizeGroup) -> str:
    return f"{rule_name(group.rule)}, {tier_name(group.source_tier)}"


def _size_bar(group: SizeGroup, of: str) -> dict[str, Any]:
    size = getattr(group.sums, of)
    return _bar(
        size / _GIB, f"{_group_name(group)}: {of.removesuffix('_bytes')} {format_size(size)}"
    )


def _rest(groups: Sequence[object]) -> str:
    more = len(groups) - SHOWN_GROUPS
    return f"{counted(more, 'smaller group')} not shown." if more > 0 else ""


def _spread(figures: Figures) -> Chart | None:
    groups = [(group, group.ratios.bins) for group in figures.by_tier if group.ratios is not None]
    if not groups or sum(sum(bins) for _, bins in groups) < 2:
        return None
    chart = pygal.StackedBar(**_options(height=300))
    chart.x_labels = [name.replace(" or more", "+") for name in BIN_NAMES]
    for group, bins in groups:
        name = tier_name(group.source_tier)
        chart.add(
            name,
            [
                _bar(count or None, f"{name}, {BIN_NAMES[at]} of the source: {count}")
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
        svg=_drawing(chart),
    )


def _speeds(figures: Figures) -> Chart | None:
    groups = sorted(figures.speeds, key=lambda group: group.files)[-SHOWN_GROUPS:]
    if len(groups) < 2:
        return None
    groups.sort(key=lambda group: group.frames_per_s)
    chart = pygal.HorizontalBar(**_options(height=60 + BAR_HEIGHT * len(groups), show_legend=False))
    chart.x_labels = [_speed_name(group) for group in groups]
    chart.add("", [_bar(group.frames_per_s, f"{group.frames_per_s:.3g}") for group in groups])
    slow, fast = groups[0], groups[-1]
    return Chart(
        topic=Topic.SPEED,
        title="Encode speed, in frames a second",
        text=f"From {slow.frames_per_s:.3g} ({_speed_name(slow)}) to {fast.frames_per_s:.3g} "
        f"({_speed_name(fast)}).",
        svg=_drawing(chart),
    )


def _speed_name(group: SpeedGroup) -> str:
    return f"{printable(group.encoder)} preset {group.preset}, {group.resolution or UNKNOWN}"


_GIB = 1024**3

_MARGIN = 1.2  # factor between the outermost points and the edge

LEAST_POINTS = 3
"""A scatter chart of fewer points shows nothing."""


def quality_charts(figures: Figures) -> Iterator[Chart]:
    """The charts that show more than a single bar or two points."""
    if sum(sum(group.mean) for group in figures.score_bins) >= 2:
        yield _scores(figures, "mean")
        yield _scores(figures, "p5")
    if len(figures.compared) >= LEAST_POINTS:
        yield _forecasts(
            figures,
            "Time of encodes, in hours",
            lambda one: (one.forecast_s / 3600, one.actual_s / 3600),
            lambda one: f"forecast {hours_of(one.forecast_s)}, actual {hours_of(one.actual_s)}",
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
    chart = pygal.StackedBar(**_options(height=300))
    chart.x_labels = list(SCORE_BIN_NAMES[first:])
    for group in figures.score_bins:
        name = tier_name(group.source_tier)
        own = zip(SCORE_BIN_NAMES, getattr(group, figure), strict=True)
        bars = [
            _bar(count or None, f"{name}, {points}: {counted(count, 'target')}")
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
        svg=_drawing(chart),
    )


def _forecasts(
    figures: Figures,
    title: str,
    figures_of: Callable[[ForecastAndActual], tuple[float, float]],
    text_of: Callable[[ForecastAndActual], str],
) -> Chart:
    """On logarithmic scales: an error of a tenth is equally far from the line at every size."""
    by_tier: defaultdict[str | None, list[ForecastAndActual]] = defaultdict(list)
    for one in figures.compared:
        by_tier[one.source_tier].append(one)
    chart = pygal.XY(
        **_options(height=420), stroke=False, logarithmic=True, dots_size=3.5,
        x_title="forecast", y_title="actual",
    )  # fmt: skip
    values = [value for one in figures.compared for value in figures_of(one)]
    ends = (min(values) / _MARGIN, max(values) * _MARGIN)
    chart.range = chart.xrange = ends
    for tier in sorted(by_tier, key=tier_rank):
        name = tier_name(tier)
        chart.add(name, [_bar(figures_of(one), f"{name}: {text_of(one)}") for one in by_tier[tier]])
    chart.add("as forecast", [(end, end) for end in ends], stroke=True, show_dots=False)
    above = sum(actual > forecast for forecast, actual in map(figures_of, figures.compared))
    count = len(figures.compared)
    return Chart(
        topic=Topic.FORECASTS,
        title=f"{title}: forecast and actual",
        text=f"The newest {counted(count, 'forecast')}: {above} results above the line, "
        f"{count - above} on it or below.",
        svg=_drawing(chart),
    )
