"""What all charts of a report share: pygal's options, and its drawing as bare SVG, without scripts
or styles of its own.

With `report_charts` and `quality_charts` all that knows pygal, which is an extra and heavy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
from pygal.style import Style

from av1rules.report.table import Topic

WIDTH, BAR_HEIGHT = 900, 34

_SVG = "{http://www.w3.org/2000/svg}"

# pygal leaves room for texts by these sizes; the style sheet of the page sets the same.
_STYLE = Style(
    font_family="sans-serif", label_font_size=12, major_label_font_size=12, legend_font_size=13
)


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """`text` says in a sentence what `svg` shows; both belong to the section of that topic."""

    topic: Topic
    title: str
    text: str
    svg: str


def options(*, height: int, show_legend: bool = True) -> dict[str, Any]:
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


def bar(value: float | None, told: str) -> dict[str, Any]:
    return {"value": value, "label": told}


def drawing(chart: Any) -> str:
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
    # pygal draws points above all else, in an overlay.
    is_overlay = any(one.endswith("overlay") for one in classes) and not _has_points(element)
    is_default_title = element.tag == "title" and element.text == "Pygal"
    return element.tag in ("defs", "desc") or is_overlay or is_default_title


def _has_points(element: ET.Element) -> bool:
    return next(element.iter("circle"), None) is not None
