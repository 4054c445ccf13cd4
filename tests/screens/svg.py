"""What stands on a terminal as an SVG, and the text of such an SVG."""

from __future__ import annotations

import io
import itertools
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence

from pyte.screens import Char
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

Line = tuple[Char, ...]
"""The cells of a line on a terminal of pyte."""

_THEME = TerminalTheme(
    (30, 33, 41),
    (215, 218, 224),
    [(62, 68, 81), (224, 108, 117), (152, 195, 121), (229, 192, 123), (97, 175, 239),
     (198, 120, 221), (86, 182, 194), (171, 178, 191)],
    [(108, 114, 128), (255, 133, 141), (181, 222, 149), (250, 214, 150), (132, 196, 250),
     (220, 150, 238), (112, 210, 222), (240, 243, 248)],
)  # fmt: skip

_FORM = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
font-size: {char_height}px; line-height: {line_height}px; white-space: pre;
}}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""Rich's own form would ask a server for its font."""

_SVG = "{http://www.w3.org/2000/svg}"


def svg_of(name: str, lines: Sequence[Line], *, columns: int) -> str:
    """A picture of these lines. The same lines give the same bytes."""
    console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True)
    for line in lines:
        console.print(_text(line), soft_wrap=True)
    svg = console.export_svg(title="av1rules", theme=_THEME, code_format=_FORM, unique_id=name)
    return re.sub(r"\s+$", "", svg, flags=re.MULTILINE) + "\n"


def _text(line: Line) -> Text:
    text = Text()
    for style, cells in itertools.groupby(line, key=_style):
        text.append("".join(cell.data for cell in cells), style)
    text.rstrip()
    return text


def _style(cell: Char) -> Style:
    return Style(
        color=_colour(cell.fg), bgcolor=_colour(cell.bg), bold=cell.bold, reverse=cell.reverse
    )


def _colour(name: str) -> str | None:
    """Rich's name of a colour of pyte."""
    if name == "default":
        return None
    if re.fullmatch("[0-9a-f]{6}", name):
        return f"#{name}"
    plain = name.replace("bright", "").replace("brown", "yellow")
    return f"bright_{plain}" if name.startswith("bright") else plain


def text_of(svg: str) -> str:
    """The text in a picture, line by line, without its title."""
    lines: dict[float, list[tuple[float, str]]] = {}
    for one in ET.fromstring(svg).iter(f"{_SVG}text"):
        if not (one.get("class") or "").endswith("title"):
            place = lines.setdefault(float(one.get("y") or 0), [])
            place.append((float(one.get("x") or 0), one.text or ""))
    return "\n".join("".join(text for _, text in sorted(lines[y])) for y in sorted(lines))


def words_of(svg: str) -> str:
    """What a picture says, whatever was measured: figures are zeros, and how they change columns,
    cuts of names and ends of lines does not count."""
    text = re.sub(r"\S*…\S*", "…", text_of(svg))
    text = re.sub(r"\d+(?:[.,]\d+)*", "0", text)
    return " ".join(re.sub(r"-{3,}", "---", text).split())
