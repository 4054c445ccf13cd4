"""The charts of a report as still SVG, without scripts or styles of their own: the page colours
them, for light, dark and paper. Each has a sentence that says what it shows.

The one module that knows pygal, which is an extra and heavy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

import pygal
from pygal.style import Style

from av1rules.base.text import printable
from av1rules.base.units import format_size
from av1rules.report.figures import Figures, SizeGroup, SpeedGroup, Step
from av1rules.report.report_sections import Topic
from av1rules.report.report_words import (
    BIN_NAMES,
    UNKNOWN,
    count_of,
    hours_of,
    period_name,
    rule_name,
    tier_name,
)

WIDTH, BAR_HEIGHT = 900, 34
SHOWN_GROUPS = 12
_SHOWN_LABELS = 12

_SVG = "{http://www.w3.org/2000/svg}"
_GIB = 1024**3

# pygal leaves room for texts by these sizes; the style sheet of the page sets the same.
_STYLE = Style(
    font_family="sans-serif", label_font_size=12, major_label_font_size=12, legend_font_size=13
)

Bar = tuple[str, float | None, str]
"""Its label, its length, and what it says when pointed at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """`text` says in a sentence what `svg` shows; both belong to the section of that topic."""

    topic: Topic
    title: str
    text: str
    svg: str


def report_charts(figures: Figures) -> tuple[Chart, ...]:
    """Only those with more to show than one bar."""
    charts = (*_series(figures), _sizes(figures), _spread(figures), _speeds(figures))
    return tuple(chart for chart in charts if chart is not None)


def _series(figures: Figures) -> Iterator[Chart]:
    step, periods = figures.step, figures.periods
    if len(periods) < 2:
        return
    names = [period_name(period, step) for period in periods]
    saved = [period.sums.saved_bytes for period in periods]
    yield _series_chart(
        f"Saved by {step.value}, in GiB", step, names, [size / _GIB for size in saved],
        [format_size(size) for size in saved],
    )  # fmt: skip
    spent = [period.sums.encode_s for period in periods]
    if any(spent):
        yield _series_chart(
            f"Encoding by {step.value}, in hours", step, names, [time / 3600 for time in spent],
            [hours_of(time) for time in spent],
        )  # fmt: skip
    files = [period.sums.files for period in periods]
    yield _series_chart(
        f"Files by {step.value}", step, names, files, [count_of(count, "file") for count in files]
    )


def _series_chart(
    title: str, step: Step, names: Sequence[str], values: Sequence[float], told: Sequence[str]
) -> Chart:
    most = max(range(len(values)), key=values.__getitem__)
    chart = pygal.Bar(**_options(height=190, show_legend=False))
    chart.x_labels = list(names)
    every = -(-len(names) // _SHOWN_LABELS)
    chart.x_labels_major_every = every
    chart.show_minor_x_labels = every == 1
    bars = zip(names, values, told, strict=True)
    chart.add("", [_bar(value, f"{name}: {what}") for name, value, what in bars])
    return Chart(
        topic=Topic.SERIES,
        title=title,
        text=f"{count_of(len(names), step.value)} from {names[0]} to {names[-1]}; "
        f"the most, {told[most]}, in {names[most]}.",
        svg=_svg(chart),
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
        svg=_svg(chart),
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
    return f"{count_of(more, 'smaller group')} not shown." if more > 0 else ""


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
    told = ", ".join(
        f"{group.ratios.median:.0%} for {tier_name(group.source_tier)}"
        for group, _ in groups
        if group.ratios is not None
    )
    return Chart(
        topic=Topic.SPREAD,
        title="How large targets are, compared to their sources: number of files",
        text=f"The median target has, of its source's size: {told}.",
        svg=_svg(chart),
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
        svg=_svg(chart),
    )


def _speed_name(group: SpeedGroup) -> str:
    return f"{printable(group.encoder)} preset {group.preset}, {group.resolution or UNKNOWN}"


# --- what all charts share


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


def _bar(value: float | None, told: str) -> dict[str, Any]:
    return {"value": value, "label": told}


def _svg(chart: Any) -> str:
    """The bare drawing. pygal would add scripts, styles and texts for a script to show."""
    # Parsed here, since pygal builds it with lxml where that happens to be installed.
    root = ET.fromstring(chart.render(is_unicode=True))  # noqa: S314 - just written by pygal
    for element in root.iter():
        element.tag = element.tag.removeprefix(_SVG)
        element.attrib.pop("id", None)  # the same in every chart
    for parent in list(root.iter()):
        _strip(parent)
    root.set("aria-hidden", "true")  # its sentence and its table say the same
    return ET.tostring(root, encoding="unicode")


def _strip(parent: ET.Element) -> None:
    """Take out what needs a script; what a bar says becomes its title, which browsers show."""
    for child in list(parent):
        if child.tag == "desc" and child.get("class") == "label":
            ET.SubElement(parent, "title").text = child.text
        if _is_of_no_use(child):
            parent.remove(child)


def _is_of_no_use(element: ET.Element) -> bool:
    classes = (element.get("class") or "").split()
    is_overlay = any(one.endswith("overlay") for one in classes)
    is_default_title = element.tag == "title" and element.text == "Pygal"
    return element.tag in ("defs", "desc") or is_overlay or is_default_title
