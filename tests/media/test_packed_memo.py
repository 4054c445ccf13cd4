"""Memos come back as they were; damaged ones are not known."""

from __future__ import annotations

import hashlib
import importlib.resources

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from av1rules.ffmpeg.film_log import ShownPicture
from av1rules.media.film_facts import FilmFacts
from av1rules.media.packed_memo import pack_memo, unpack_memo

FILM = msgspec.json.encode(
    FilmFacts(pictures=(ShownPicture(width=1920, height=816, pix_fmt="yuv420p"),), is_whole=True)
).decode()
PACKED = pack_memo(FILM)


def test_a_dictionary_stays_as_it_is() -> None:
    """Every cache has memos that can't be read without it."""
    text = importlib.resources.files("av1rules.media").joinpath("typical_memos.txt").read_bytes()
    assert (
        hashlib.sha256(text).hexdigest()
        == "f4a2755eeea5e09b81253bbd693e3aa99c10d3b1882f577feed86c7473442841"
    )


def test_the_dictionary_is_of_memos() -> None:
    folder = importlib.resources.files("av1rules.media")
    lines = folder.joinpath("typical_memos.txt").read_bytes().splitlines()
    films = [msgspec.json.decode(line, type=FilmFacts) for line in lines if b"pictures" in line]
    assert [msgspec.json.encode(film) for film in films] == lines[1:]


@given(st.text(max_size=400).filter(lambda text: text.isprintable()))
def test_every_text_comes_back(text: str) -> None:
    assert unpack_memo(pack_memo(text)) == text


def test_what_is_known_of_a_film_is_short() -> None:
    assert isinstance(PACKED, bytes)
    assert len(PACKED) < 80 < len(FILM)
    assert unpack_memo(PACKED) == FILM


@pytest.mark.parametrize("stored", [b"", b"x", PACKED[:-3], b"\xff" * 200])
def test_damaged_memos_are_not_known(stored: bytes) -> None:
    assert unpack_memo(stored) is None


def test_short_ones_and_those_of_an_earlier_version_are_text() -> None:
    assert pack_memo("abc") == "abc"
    assert unpack_memo(FILM) == FILM
    assert unpack_memo(None) is None
