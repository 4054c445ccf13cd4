"""Words of units come back as they were, whatever is in them."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from av1rules.operations.units.systemd_words import command_word, specifiers, word

TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1)

_PART = re.compile(r"\\x([0-9a-f]{2})|\\(.)|(%%)|([^\\%\"' \t\n;]|[ ';#])", re.DOTALL)


def read_back(text: str) -> str:
    """As systemd reads one word: quotes, escapes of C, then specifiers (systemd.syntax(7))."""
    is_quoted = text.startswith('"')
    inner = text[1:-1] if is_quoted else text
    found, at = b"", 0
    while at < len(inner):
        part = _PART.match(inner, at)
        assert part is not None, inner[at:]
        if not is_quoted:
            assert not part[0].isspace()
        if part[1]:
            found += bytes.fromhex(part[1])
        else:
            found += (part[2] or ("%" if part[3] else part[4])).encode()
        at = part.end()
    return found.decode()


@given(TEXTS)
def test_a_word_comes_back(text: str) -> None:
    assert read_back(word(text)) == text


@given(TEXTS)
def test_a_word_of_a_command_holds_no_variable(text: str) -> None:
    made = command_word(text)
    assert made.count("$") == 2 * text.count("$")
    assert read_back(made.replace("$$", "$")) == text


@given(TEXTS)
def test_a_word_is_one_line(text: str) -> None:
    assert len(word(text).splitlines()) == 1


def test_what_would_mean_something() -> None:
    assert word("") == '""'
    assert word("/a b") == '"/a b"'
    assert word("/50%") == "/50%%"
    assert word("a\nb") == '"a\\x0ab"'
    assert command_word(";") == "\\;"
    assert command_word("$HOME") == "$$HOME"
    assert specifiers("%h") == "%%h"
