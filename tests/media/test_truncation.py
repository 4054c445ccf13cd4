"""A container's own word about its length, against that of the file."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from av1rules.media.truncation import missing_part
from tests.conftest import MakeClip

EBML = b"\x1a\x45\xdf\xa3\x82ab"
SEGMENT = b"\x18\x53\x80\x67"


def box(kind: bytes, payload: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


def long_box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I4sQ", 1, kind, 16 + len(payload)) + payload


CASES = {
    "matroska, whole": (EBML + SEGMENT + b"\x85hello", None),
    "matroska, cut": (EBML + SEGMENT + b"\x85hell", 1),
    "matroska, length in 8 bytes": (EBML + SEGMENT + b"\x01" + bytes(6) + b"\x05hell", 1),
    "matroska, something behind it": (EBML + SEGMENT + b"\x85hello, world", None),
    "matroska, live": (EBML + SEGMENT + b"\x01" + b"\xff" * 7 + b"x", None),
    "matroska, cut in its head": (EBML + SEGMENT, None),
    "mp4, whole": (box(b"ftyp", b"isom") + box(b"mdat", b"hello"), None),
    "mp4, cut": ((box(b"ftyp", b"isom") + box(b"mdat", b"hello"))[:-2], 2),
    "mp4, long box": (box(b"ftyp", b"isom") + long_box(b"mdat", b"hello")[:-3], 3),
    "mp4, box to the end": (box(b"ftyp") + struct.pack(">I4s", 0, b"mdat") + b"hello", None),
    "mp4, nonsense": (box(b"ftyp") + struct.pack(">I4s", 3, b"mdat"), None),
    "mp4, a few bytes behind it": (box(b"ftyp", b"isom") + b"abc", None),
    "another container": (b"RIFF1234AVI ", None),
    "empty": (b"", None),
}


@pytest.mark.parametrize(("data", "missing"), CASES.values(), ids=CASES)
def test_missing_part(data: bytes, missing: int | None, tmp_path: Path) -> None:
    path = tmp_path / "film"
    path.write_bytes(data)
    words = None if missing is None else f"it is cut off: {missing} B are missing at its end"
    assert missing_part(str(path)) == words


@pytest.mark.real
@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_real_files(name: str, make_clip: MakeClip, tmp_path: Path) -> None:
    clip = make_clip(name, "-f", "lavfi", "-i", "testsrc2=s=64x64:r=24:d=1", "-c:v", "mpeg4")
    assert missing_part(str(clip)) is None
    cut = tmp_path / name
    cut.write_bytes(clip.read_bytes())
    os.truncate(cut, clip.stat().st_size - 100)
    assert missing_part(str(cut)) == "it is cut off: 100 B are missing at its end"
