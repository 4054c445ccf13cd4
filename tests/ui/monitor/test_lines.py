"""Lines of a screen: columns, cuts, bars, sparklines."""

from __future__ import annotations

import pytest

from av1rules.report.view import Role
from av1rules.ui.monitor.lines import (
    ScreenLine,
    ScreenSpan,
    bar,
    both_ends,
    cut,
    joined,
    line,
    padded,
    side_by_side,
    sparkline,
    text_lines,
    trend,
)

JAPANESE = "千と千尋"


@pytest.mark.parametrize("width", range(12))
def test_a_cut_line_never_is_too_wide(width: int) -> None:
    whole = line("ab", ScreenSpan(JAPANESE, Role.BAD), "cd")
    found = cut(whole, width)
    assert found.width <= width
    assert whole.text.startswith(found.text)
    assert cut(whole, 99) == whole


@pytest.mark.parametrize("width", range(1, 12))
def test_padding_fills_exactly(width: int) -> None:
    for text in ("", "abc", "a rather long text", JAPANESE):
        assert line(padded(text, width)).width == width
        assert line(padded(text, width, is_right=True)).width == width


def test_both_ends() -> None:
    assert both_ends(line("ab"), line("cd"), 6).text == "ab  cd"
    assert both_ends(line("abc"), line("cd"), 5).text == "abc"


def test_parts_take_the_lines_that_they_need() -> None:
    parts = [line("one"), ScreenLine(), line("two"), line("three")]
    assert [one.text for one in joined(parts, 9)] == ["one   two", "three"]
    assert [one.text for one in joined(parts, 4, gap=" ")] == ["one", "two", "thre"]


def test_blocks_stand_side_by_side() -> None:
    left, right = [line("a"), line("b")], [line("c")]
    assert [one.text for one in side_by_side(left, right, 8)] == ["a    c", "b    "]


@pytest.mark.parametrize("share", [-1.0, 0.0, 0.33, 1.0, 7.0])
def test_a_bar_is_as_wide_as_asked(share: float) -> None:
    assert line(*bar(share, 10)).width == 10


def test_sparklines_and_trends() -> None:
    assert sparkline([0, 1, 2, 7], 8) == "▁▂▃█"
    assert sparkline([5, 5], 8) == "▄▄"
    assert sparkline([], 8) == ""
    assert sparkline(list(range(100)), 3) == "▁▅█"
    assert trend([1, 1, 2, 2]) == "↗"
    assert trend([2, 2, 1, 1]) == "↘"
    assert trend([2, 2, 2, 2]) == "→"
    assert trend([1, 2]) == ""


def test_text_is_wrapped_at_words() -> None:
    found = [one.text for one in text_lines("one two three\nfour", 8)]
    assert found == ["one two", "three", "four"]
