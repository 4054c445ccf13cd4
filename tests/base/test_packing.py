"""What is packed comes back whole, from every dictionary; anything else is a ValueError."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from av1rules.base import packing
from av1rules.base.packing import Packer

OLD, NEW = b'{"width":1920,"height":1080}', b'{"codec":"h264","width":1920,"height":1080}'
PACKER = Packer(NEW, OLD)
PACKED = PACKER.pack(NEW * 3)


@given(st.binary(max_size=500))
def test_everything_comes_back(text: bytes) -> None:
    assert PACKER.unpack(PACKER.pack(text)) == text


def test_what_an_earlier_dictionary_or_none_packed_comes_back() -> None:
    assert PACKER.unpack(Packer(OLD).pack(b"text")) == b"text"
    assert PACKER.unpack(zlib.compress(b"text")) == b"text"
    assert len(PACKER.pack(NEW)) < len(zlib.compress(NEW)) - 10


@pytest.mark.parametrize(
    "packed",
    [b"", b"x", b"text of no form", PACKED[:-1], PACKED[:4], Packer(b"unknown").pack(b"text"),
     "text", None, 3],
)  # fmt: skip
def test_anything_else_is_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match=r"packed|end"):
        PACKER.unpack(packed)


@given(st.integers(0, len(PACKED) - 1), st.integers(1, 255))
def test_damage_is_noticed(place: int, change: int) -> None:
    damaged = bytearray(PACKED)
    damaged[place] ^= change
    try:
        text = PACKER.unpack(bytes(damaged))
    except ValueError:
        return
    assert text == NEW * 3  # a bit that only tells how hard zlib tried


def test_a_text_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "MAX_BYTES", 1000)
    assert PACKER.unpack(PACKER.pack(b"x" * 1000)) == b"x" * 1000
    with pytest.raises(ValueError, match="end"):
        PACKER.unpack(PACKER.pack(b"x" * 1001))
