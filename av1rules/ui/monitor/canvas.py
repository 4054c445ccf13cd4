"""Draws lines on a Textual screen, and of a new frame only those that changed: over ssh, and for a
processor that has films to encode."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from av1rules.report.view import Role
from av1rules.ui.monitor.lines import ScreenLine, ScreenSpan

STYLES = {
    None: Style(),
    Role.HEADING: Style(bold=True),
    Role.QUIET: Style(dim=True),
    Role.BAD: Style(color="red"),
    Role.GOOD: Style(color="green"),
    Role.WAITING: Style(color="yellow"),
    Role.WORK: Style(color="cyan"),
}
"""The terminal's own colours, as elsewhere in av1rules."""

_SELECTED = Style(reverse=True)


class Canvas(Widget, can_focus=True):
    """A widget as large as it is given room, whose lines are set as a whole."""

    DEFAULT_CSS = "Canvas { width: 1fr; height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self._lines: Sequence[ScreenLine] = ()

    @property
    def text(self) -> str:
        """All lines, without trailing space."""
        return "\n".join(one.text.rstrip() for one in self._lines)

    def show(self, lines: Sequence[ScreenLine]) -> None:
        before, self._lines = self._lines, lines
        for place, (old, new) in enumerate(zip_longest(before, lines)):
            if old != new:
                self.refresh(Region(0, place, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        """One line as Textual draws it."""
        width, base = self.size.width, self.rich_style
        if y >= len(self._lines):
            return Strip.blank(width, base)
        shown = self._lines[y]
        style = base + _SELECTED if shown.is_selected else base
        segments = [Segment(span.text, style + _style(span)) for span in shown.spans]
        return Strip(segments).adjust_cell_length(width, style)


def _style(span: ScreenSpan) -> Style:
    if span.colours is None:
        return STYLES[span.role]
    return Style(color=span.colours[0], bgcolor=span.colours[1])
