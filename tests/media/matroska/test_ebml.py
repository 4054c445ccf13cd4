"""Whatever the bytes are, the reader answers within its bounds or says that they are no EBML."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from av1rules.media.matroska import ebml
from av1rules.media.matroska.ebml import EbmlError, EbmlFile, Element, TreeReader
from av1rules.media.matroska.schema import IGNORED, SCHEMA
from tests.media.ebml_bytes import element


def read(data: bytes) -> tuple[Element, ...]:
    return TreeReader(SCHEMA, IGNORED).children(data)


def test_values_are_read_by_their_kind() -> None:
    data = element("Title", b"Caf\xc3\xa9\0rest") + element("TrackNumber", 3)
    data += element("SegmentUID", b"\x01\x02") + element(0xEC, b"void") + element(0x4489, b"?")
    title, number, uid, unknown = read(data)
    assert (title.name, title.value) == ("Title", "Café")
    assert (number.name, number.value) == ("TrackNumber", 3)
    assert (uid.name, uid.value) == ("SegmentUID", b"\x01\x02")
    assert (unknown.name, unknown.value) == ("0x4489", b"?")


def test_masters_hold_their_children() -> None:
    nested = element("ChapterAtom", element("ChapterAtom", element("ChapterStringUID", "x")))
    (outer,) = read(nested)
    inner = outer.first("ChapterAtom")
    assert inner is not None
    assert (inner.text("ChapterStringUID"), inner.number("ChapterTimeStart", 7)) == ("x", 7)
    assert inner.hex("ChapterSegmentUID") is None


@pytest.mark.parametrize(
    "data",
    [
        b"\x00",
        b"\xae",
        element("TrackEntry", b"abc")[:-1],
        element("TrackNumber", b"\0" * 9),
        b"\xae\x01" + b"\xff" * 7,  # of unknown size, where none may be
        b"\xae\x01" + b"\x7f" * 7,  # larger than any file
    ],
    ids=["no identity", "no size", "cut off", "nine bytes", "unknown size", "too large"],
)
def test_broken_elements_are_refused(data: bytes) -> None:
    with pytest.raises(EbmlError):
        read(data)


def test_nesting_has_an_end() -> None:
    data = element("ChapterStringUID", "x")
    for _ in range(ebml.MAX_DEPTH + 1):
        data = element("ChapterAtom", data)
    with pytest.raises(EbmlError, match="deeper"):
        read(data)


def test_the_number_of_elements_has_an_end() -> None:
    with pytest.raises(EbmlError, match="too many"):
        read(b"\xd7\x80" * (ebml.MAX_ELEMENTS + 1))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_tree_or_refused(data: bytes) -> None:
    try:
        found = read(data)
    except EbmlError:
        return
    assert len(found) <= len(data)


def test_a_file_is_read_in_few_pieces(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(element("Title", "x") * 1000)
    with path.open("rb") as file:
        data = EbmlFile(file.fileno(), os.path.getsize(path))
        heads = list(data.heads(0, data.size))
        assert len(heads) == 1000
        assert data._reads == 1
        with pytest.raises(EbmlError):
            data.read(data.size - 1, 2)


def test_the_heads_of_a_file_have_an_end(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"\x46\x5c\x80" * (ebml.MAX_ELEMENTS + 1))
    with path.open("rb") as file:
        data = EbmlFile(file.fileno(), os.path.getsize(path))
        with pytest.raises(EbmlError, match="too many"):
            list(data.heads(0, data.size))
