"""Receipts come back byte for byte, those of earlier versions too; damaged ones raise nothing."""

from __future__ import annotations

import hashlib
import importlib.resources
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from av1rules.ledger.packed_receipt import pack_receipt, repack_receipt, unpack_receipt
from av1rules.ledger.receipt import parse_receipt, receipt_json
from tests.ledger.test_receipt import RECEIPT

TEXT = receipt_json(RECEIPT).encode()
PACKED = pack_receipt(TEXT)
REAL = Path(__file__).parents[1] / "compat" / "f626ab6" / "receipt.json"


def test_a_dictionary_stays_as_it_is() -> None:
    """Every ledger has receipts that can't be read without it."""
    folder = importlib.resources.files("av1rules.ledger")
    text = folder.joinpath("typical_receipts.txt").read_bytes()
    assert (
        hashlib.sha256(text).hexdigest()
        == "0fd99e6ff025ee649dc580a3dda969c4e211f9c983c822fe971e3b2e3cea79e4"
    )


@given(st.binary(max_size=500))
def test_every_text_comes_back(text: bytes) -> None:
    assert unpack_receipt(pack_receipt(text)) == text


@pytest.mark.parametrize("stored", [PACKED, zlib.compress(TEXT, 9), TEXT], ids=["7", "6", "kept"])
def test_receipts_of_each_version_are_read_and_repacked(stored: bytes) -> None:
    assert unpack_receipt(stored) == TEXT
    assert repack_receipt(stored) == PACKED


def test_a_real_receipt_takes_a_quarter_of_what_zlib_needs() -> None:
    text = REAL.read_bytes()
    assert len(pack_receipt(text)) < len(zlib.compress(text, 9)) / 2
    assert unpack_receipt(pack_receipt(text)) == text


@pytest.mark.parametrize("damaged", [b"", b"x", b"no receipt", PACKED[:-2], PACKED[:9]])
def test_what_is_damaged_stays_as_it_is_and_is_no_receipt(damaged: bytes) -> None:
    assert repack_receipt(damaged) == damaged
    with pytest.raises(ValueError, match=r"."):
        parse_receipt(unpack_receipt(damaged))


@given(st.integers(0, len(PACKED) - 1), st.integers(1, 255))
def test_no_damage_gives_another_receipt(place: int, change: int) -> None:
    damaged = bytearray(PACKED)
    damaged[place] ^= change
    assert unpack_receipt(bytes(damaged)) in (TEXT, bytes(damaged))
