"""Lines of a screen as values: pieces of text with a meaning, cut and padded to columns. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from av1rules.report.view import Role, cut_middle, display_width, wrapped

_BLOCKS = "▁▂▃▄▅▆▇█"
_FULL, _REST = "━", "─"


class ScreenSpan(msgspec.Struct, frozen=True):
    """A piece of text and what it means. `colours` are those of a picture: in front and behind."""

    text: str
    role: Role | None = None
    colours: tuple[str, str] | None = None


class ScreenLine(msgspec.Struct, frozen=True):
    """One line; `is_selected`: the cursor stands on it."""

    spans: tuple[ScreenSpan, ...] = ()
    is_selected: bool = False

    @property
    def text(self) -> str:
        return "".join(span.text for span in self.spans)

    @property
    def width(self) -> int:
        return display_width(self.text)

    @property
    def indented(self) -> ScreenLine:
        return ScreenLine((ScreenSpan("  "), *self.spans), self.is_selected)


Part = str | ScreenSpan


def line(*parts: Part, is_selected: bool = False) -> ScreenLine:
    spans = (ScreenSpan(part) if isinstance(part, str) else part for part in parts)
    return ScreenLine(tuple(span for span in spans if span.text), is_selected)


def heading(text: str) -> ScreenSpan:
    return ScreenSpan(text, Role.HEADING)


def quiet(text: str) -> ScreenSpan:
    return ScreenSpan(text, Role.QUIET)


def cut(whole: ScreenLine, width: int) -> ScreenLine:
    """The line in at most so many columns."""
    if whole.width <= width:
        return whole
    kept: list[ScreenSpan] = []
    left = width
    for span in whole.spans:
        text = "".join(_within(span.text, left))
        kept.append(ScreenSpan(text, span.role, span.colours))
        left -= display_width(text)
        if text != span.text:
            break
    return ScreenLine(tuple(kept), whole.is_selected)


def _within(text: str, width: int) -> Iterator[str]:
    for character in text:
        width -= display_width(character)
        if width < 0:
            return
        yield character


def padded(text: str, width: int, *, is_right: bool = False) -> str:
    """A text in exactly so many columns; a long one loses its middle."""
    shown = cut_middle(text, width) if width > 0 else ""
    space = " " * (width - display_width(shown))
    return f"{space}{shown}" if is_right else f"{shown}{space}"


def both_ends(left: ScreenLine, right: ScreenLine, width: int) -> ScreenLine:
    """Two lines in one, at both ends of it. The right one is left out where there is no room."""
    space = width - left.width - right.width
    if space < 1:
        return cut(left, width)
    return ScreenLine((*left.spans, ScreenSpan(" " * space), *right.spans), left.is_selected)


def joined(parts: Iterable[ScreenLine], width: int, *, gap: str = "   ") -> list[ScreenLine]:
    """The parts one after another, on as many lines as they need."""
    found: list[ScreenLine] = []
    for part in parts:
        if not part.spans:
            continue
        if found and found[-1].width + len(gap) + part.width <= width:
            found[-1] = ScreenLine((*found[-1].spans, ScreenSpan(gap), *part.spans))
        else:
            found.append(cut(part, width))
    return found


def side_by_side(
    left: Sequence[ScreenLine], right: Sequence[ScreenLine], width: int
) -> list[ScreenLine]:
    """Two blocks, each in half of the width."""
    half = (width - 2) // 2
    found = []
    for one, other in itertools.zip_longest(left, right, fillvalue=ScreenLine()):
        shown = cut(one, half)
        space = ScreenSpan(" " * (half - shown.width + 2))
        found.append(ScreenLine((*shown.spans, space, *cut(other, width - half - 2).spans)))
    return found


def bar(share: float, width: int, role: Role | None = Role.WORK) -> tuple[ScreenSpan, ScreenSpan]:
    """A bar whose two parts differ without colours too."""
    full = round(min(max(share, 0.0), 1.0) * width)
    return ScreenSpan(_FULL * full, role), ScreenSpan(_REST * (width - full), Role.QUIET)


def sparkline(values: Sequence[float], width: int) -> str:
    """The last values as blocks, each between the least and the greatest of them."""
    shown = values[-width:]
    if not shown:
        return ""
    least, greatest = min(shown), max(shown)
    step = (greatest - least) / (len(_BLOCKS) - 1)
    return "".join(_BLOCKS[round((value - least) / step) if step else 3] for value in shown)


def trend(values: Sequence[float]) -> str:
    """An arrow: whether the later half is greater than the earlier one by a twentieth."""
    if len(values) < 4:
        return ""
    half = len(values) // 2
    before, after = sum(values[:half]) / half, sum(values[half:]) / (len(values) - half)
    margin = 0.05 * max(abs(before), abs(after))
    if after > before + margin:
        return "↗"
    return "↘" if after < before - margin else "→"


def text_lines(text: str, width: int, role: Role | None = None) -> list[ScreenLine]:
    """A text of several lines, wrapped at words."""
    return [line(ScreenSpan(one, role)) for row in text.split("\n") for one in wrapped(row, width)]
