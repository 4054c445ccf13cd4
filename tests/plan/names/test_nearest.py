"""The names that a mistyped one may have meant."""

from __future__ import annotations

import pytest

from av1rules.plan.names.nearest import folded, nearest

NAMES = (
    "movies/Heat (1995).mkv",
    "movies/The Heat (2013).mkv",
    "movies/Amélie (2001).mkv",
    "movies/Blade Runner (1982).mkv",
    "tv/Show/S01/Show - S01E01.mkv",
)


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("haet", 0),
        ("movies/Heat (1996).mkv", 0),
        ("the haet", 1),
        ("amelei", 2),
        ("blaed runer", 3),
        ("Runner Blade", 3),
        ("movies/Blade Runner (1982).mp4", 3),
        ("shwo S01E01", 4),
    ],
)
def test_the_nearest_comes_first(typed: str, first: int) -> None:
    assert nearest(typed, NAMES)[0] == NAMES[first]


@pytest.mark.parametrize("typed", ["", "???", "zzzzzz"])
def test_nothing_is_near(typed: str) -> None:
    assert nearest(typed, NAMES) == ()


def test_the_number_of_names_is_limited() -> None:
    assert len(nearest("movies", NAMES, count=2)) == 2


def test_words_without_case_accents_and_marks() -> None:
    assert folded("Ame\u0301lie_(2001)..MKV") == "amelie 2001 mkv"
    assert folded("Ünïcode") == "unicode"
