"""Text of strangers: nothing that reaches a terminal can move its cursor or reorder its line."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from av1rules.base.text import counted, plural, printable, printable_json


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("film.mkv", "film.mkv"),
        ("Amélie – ça.mkv", "Amélie – ça.mkv"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b31m", "\\x9b31m"),
        ("bad\udcff\udc80", "bad\\xff\\x80"),
        ("lone\ud800", "lone\\ud800"),
        ("right\u202eleft", "right\\u202eleft"),
        ("line\u2028end", "line\\u2028end"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("private\ue000", "private\\ue000"),
        ("", ""),
    ],
)
def test_printable(text: str, expected: str) -> None:
    assert printable(text) == expected


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde…"),
        ("\x1b\x1b", 5, "\\x1b…"),
        ("ä" * 9, 3, "ää…"),
    ],
)
def test_limit(text: str, limit: int, expected: str) -> None:
    assert printable(text, limit=limit) == expected


@given(st.text(alphabet=st.characters(codec=None), max_size=40))
def test_no_control_direction_or_surrogate_survives(text: str) -> None:
    shown = printable(text)
    kept = {"\u200c", "\u200d"}
    assert not [
        char
        for char in shown
        if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") and char not in kept
    ]
    shown.encode("utf-8")


@given(st.text(max_size=40), st.integers(2, 30))
def test_never_longer_than_the_limit(text: str, limit: int) -> None:
    assert len(printable(text, limit=limit)) <= limit


@given(st.text(max_size=40))
def test_json_stays_equal_and_harmless(text: str) -> None:
    shown = printable_json(json.dumps({text: [text]}, ensure_ascii=False))
    assert json.loads(shown) == {text: [text]}
    assert printable(shown) == shown


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 films"), (1, "1 film"), (2, "2 films"), (1000, "1000 films")]
)
def test_counted(count: int, text: str) -> None:
    assert counted(count, "film") == text


def test_plural_of_other_words() -> None:
    assert plural(1, "entry", "entries") == "entry"
    assert plural(0, "entry", "entries") == "entries"
