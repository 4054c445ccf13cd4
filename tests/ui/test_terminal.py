"""What is known of a terminal, and what follows from it."""

from __future__ import annotations

import io

import pytest

from av1rules.ui.terminal import has_colours, view_of

XTERM = {"TERM": "xterm-256color"}


class Terminal(io.TextIOWrapper):
    """A stream that says that it is a terminal."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding)

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environ", "colours"),
    [
        (XTERM, True),
        (XTERM | {"NO_COLOR": "1"}, False),
        (XTERM | {"NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({}, False),
    ],
)
def test_colours_are_for_terminals_that_want_them(
    environ: dict[str, str], *, colours: bool
) -> None:
    assert has_colours(Terminal(), environ) is colours
    assert not has_colours(io.StringIO(), environ)


def test_a_pipe_has_no_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    view = view_of(io.StringIO(), environ=XTERM)
    assert (view.width, view.height, view.has_colour) == (None, None, False)


def test_a_terminal_has_the_size_that_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "61")
    monkeypatch.setenv("LINES", "24")
    view = view_of(Terminal(), environ=XTERM)
    assert (view.width, view.height, view.ellipsis) == (61, 24, "…")
    wide = view_of(Terminal(), is_wide=True, environ=XTERM)
    assert (wide.width, wide.height) == (None, 24)


def test_dots_where_the_encoding_has_no_ellipsis() -> None:
    assert view_of(Terminal("latin-1"), environ=XTERM).ellipsis == "..."


def test_a_choice_overrules_the_environment() -> None:
    assert view_of(io.StringIO(), colours=True, environ={}).has_colour
    assert not view_of(Terminal(), colours=False, environ=XTERM).has_colour
