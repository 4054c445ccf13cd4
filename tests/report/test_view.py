"""Text that fits: cut in the middle, wrapped at words, coloured only where that helps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from av1rules.report.view import PLAIN, Role, View, cut_middle, display_width, fit, wrapped

TEXT = st.text(st.sampled_from("ab /é漢字\u0301…-"), max_size=80)


@pytest.mark.parametrize(
    ("text", "columns"), [("", 0), ("abc", 3), ("漢字", 4), ("e\u0301", 1), ("Amélie", 6)]
)
def test_width_is_that_on_a_terminal(text: str, columns: int) -> None:
    assert display_width(text) == columns


def test_a_cut_name_keeps_its_folder_and_its_episode() -> None:
    name = "library/series/The Long Show Name/The Long Show Name - S01E07 - Title.mkv"
    cut = cut_middle(name, 32)
    assert cut == "library/seri…e - S01E07 - Title.mkv"[:12] + "…" + name[-19:]
    assert cut.startswith("library/ser")
    assert cut.endswith("S01E07 - Title.mkv")
    assert cut_middle(name, 32, ellipsis="...").count("...") == 1


@given(text=TEXT, width=st.integers(1, 60))
def test_a_cut_text_fits(text: str, width: int) -> None:
    cut = cut_middle(text, width)
    assert display_width(cut) <= width
    assert (cut == text) == (display_width(text) <= width) or text == "…"


@given(text=TEXT, width=st.integers(2, 60))
def test_wrapped_lines_fit_and_lose_no_word(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert all(display_width(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_words_stay_whole() -> None:
    lines = wrapped("the pictures are interlaced and would be combed for ever", 20)
    assert lines == ["the pictures are", "interlaced and would", "be combed for ever"]


def test_rest_of_a_line_stands_further_in() -> None:
    view = View(width=30)
    assert list(fit(["  ledger  a path that is too long for it"], view, hang=8)) == [
        "  ledger  a path that is too",
        "          long for it",
    ]
    assert list(fit(["one\ntwo"], view)) == ["one", "two"]
    assert list(fit(["x" * 200], PLAIN)) == ["x" * 200]


def test_styles_only_where_there_are_colours() -> None:
    assert PLAIN.painted("held", Role.WAITING) == "held"
    coloured = View(has_colour=True)
    assert coloured.painted("held", Role.HEADING, Role.WAITING) == "\x1b[1;33mheld\x1b[0m"
    assert coloured.painted("", Role.BAD) == ""
