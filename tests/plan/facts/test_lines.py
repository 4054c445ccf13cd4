"""The lines of a file of facts."""

from __future__ import annotations

import os

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from av1rules.plan.facts.lines import (
    FactsLine,
    FilmLine,
    MemoLine,
    RecordedStat,
    line_bytes,
    memo_line,
    path_of_text,
    text_of_path,
)


@given(st.binary(min_size=1, max_size=30).filter(lambda raw: b"\0" not in raw))
def test_any_path_comes_back(raw: bytes) -> None:
    text = text_of_path(raw)
    assert os.fsencode(path_of_text(text)) == raw
    assert msgspec.json.decode(msgspec.json.encode(text)) == text


def test_a_path_that_is_text_is_readable() -> None:
    assert text_of_path("/films/Zoë.mkv") == "/films/Zoë.mkv"


@pytest.mark.parametrize("text", ["a\0b", "\0zz", "\0" + "00"])
def test_no_path(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of several kinds
        path_of_text(text)


@pytest.mark.parametrize("text", ['{"version":1}', "film", "", '"quoted"', "12", "{"])
def test_memos_come_back(text: str) -> None:
    if text == "{":
        with pytest.raises(msgspec.MsgspecError):
            msgspec.json.decode(line_bytes(memo_line("k", text)), type=FactsLine)
        return
    line = msgspec.json.decode(line_bytes(memo_line("k", text)), type=FactsLine)
    assert isinstance(line, MemoLine)
    assert line.text == text


def test_a_film_that_nobody_probed() -> None:
    film = FilmLine(root="movies", path="a.mkv", stat=RecordedStat(1, 2, 3, 4, 5))
    line = line_bytes(film)
    assert line == b'{"line":"film","root":"movies","path":"a.mkv","stat":[1,2,3,4,5,1]}'
    read = msgspec.json.decode(line, type=FactsLine)
    assert isinstance(read, FilmLine)
    assert read.source_json is None
