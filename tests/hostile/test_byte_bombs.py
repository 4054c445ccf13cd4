"""Files made to cost what reads them much: each takes little processor time and memory, and its
answer is "unknown" or a true one.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from av1rules.media.matroska import cues
from av1rules.media.matroska.read import read_matroska
from av1rules.media.mp4_boxes import read_mp4
from av1rules.media.probe.bitstream_scan import framed_units, scan
from av1rules.media.probe.clock_scan import pictures_s
from av1rules.media.second_layers import elementary_units, find_layers
from tests.hostile import forge
from tests.hostile.forge import box, element, full_box

CPU_S = 1.5
"""Some took 2 to 4 s on a quiet machine before there were limits; now 0.4 s at most."""


def index(points: bytes) -> bytes:
    """A Matroska head whose seek head leads to the index right behind it."""
    tracks = element("1654ae6b", forge.FILM)

    def before(place: int) -> bytes:
        seek = element("53ab", b"\x1c\x53\xbb\x6b") + element("53ac", place.to_bytes(8))
        return element("114d9b74", element("4dbb", seek)) + tracks

    body = before(len(before(0))) + element("1c53bb6b", points)
    return element("1a45dfa3", element("4282", b"matroska")) + element("18538067", body)


def point(time_ms: int, track: int) -> bytes:
    places = element("b7", element("f7", bytes([track])) + element("f1", b"\0"))
    return element("bb", element("b3", time_ms.to_bytes(4)) + places)


def _edits(tracks: int) -> bytes:
    """Tracks with as many stretches as one box of an edit list holds."""
    rows = (struct.pack(">IiHH", 7 + n % 3, n * 1001, 1, 0) for n in range(5400))
    edit = box(b"edts", full_box(b"elst", struct.pack(">I", 5400), *rows))
    times = struct.pack(">QQIQI", 0, 0, 90_000, 9, 0)
    media = box(b"mdia", full_box(b"mdhd", times, version=1))
    head = full_box(b"tkhd", bytes(80))
    return forge.movie(*[box(b"trak", head, edit, media)] * tracks)


def _chapters() -> bytes:
    inner = b""
    for _ in range(22):
        inner = element("b6", inner + b"\xb6\x80" * 2900)
    return forge.matroska(more=element("1043a770", element("45b9", inner)))


def _units(payload: bytes, size: int, codec: str) -> None:
    units = framed_units(payload, size)
    find_layers(codec, units or [])
    scan(codec, payload, size)


SMALL_UNITS = b"\0\0\0\2\x4e\1" * 690_000
START_CODES = b"\0\0\1\x06\x05" * 800_000

FILES: dict[str, tuple[Callable[[], bytes], Callable[[str], object]]] = {
    "index of empty entries": (
        lambda: index(b"\xbb\x80" * 2_000_000), lambda path: cues.last_key_frame_s(path, position=0)
    ),
    "index of another track": (
        lambda: index((b"\xbb\x8c" + b"\xb7\x82\xf7\x80" * 3) * 280_000),
        lambda path: cues.last_key_frame_s(path, position=0),
    ),
    "tags without content": (
        lambda: forge.matroska(more=element("1254c367", b"\x73\x73\x80" * 1_300_000)),
        read_matroska,
    ),
    "chapters in chapters": (_chapters, read_matroska),
    "edit lists": (lambda: _edits(60), lambda path: read_mp4(path, {})),
    "boxes in a track": (
        lambda: forge.movie(box(b"trak", box(b"free") * 200_000)), lambda path: read_mp4(path, {})
    ),
    "transport stream of marks": (
        lambda: b"\x47" * 8_000_000,
        lambda path: pictures_s(path, stream_id=0x100, is_transport=True),
    ),
    "program stream of start codes": (
        lambda: b"\0\0\1\xe0" * 2_000_000,
        lambda path: pictures_s(path, stream_id=0xE0, is_transport=False),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_file_is_read_soon(name: str, tmp_path: Path) -> None:
    make, read = FILES[name]
    path = tmp_path / "bomb"
    path.write_bytes(make())
    started = time.process_time()
    read(str(path))
    assert time.process_time() - started < CPU_S


PACKETS: dict[str, Callable[[], object]] = {
    "many units": lambda: _units(SMALL_UNITS + bytes(64), len(SMALL_UNITS), "hevc"),
    "many units, cut off": lambda: _units(SMALL_UNITS + bytes(64), len(SMALL_UNITS) - 1, "hevc"),
    "many start codes": lambda: _units(START_CODES, len(START_CODES), "h264"),
    "a message of any length": lambda: _units(
        b"\0\0\0\1\x4e\x01" + b"\xff" * 4_000_000, 4_000_006, "hevc"
    ),
    "bare stream": lambda: find_layers("h264", elementary_units(b"\0\0\1\x06\5" * 200_000, None)),
}


@pytest.mark.parametrize("name", PACKETS)
def test_packet_is_read_soon(name: str) -> None:
    started = time.process_time()
    PACKETS[name]()
    assert time.process_time() - started < CPU_S


def test_large_elements_of_one_file_are_bounded_together(tmp_path: Path) -> None:
    """Each within the limit of its kind; holes, so that 2 GB cost the attacker nothing."""
    path = tmp_path / "film.mkv"
    each = 4 * 1024**2 - 64
    with path.open("wb") as file:
        file.write(element("1a45dfa3", element("4282", b"matroska")))
        file.write(b"\x18\x53\x80\x67\x01" + b"\xff" * 7 + element("1654ae6b", forge.FILM))
        for _ in range(500):
            file.write(bytes.fromhex("1254c367") + (each + 10 | 1 << 56).to_bytes(8))
            file.write(bytes.fromhex("4f10") + (each | 1 << 56).to_bytes(8))
            file.seek(each, 1)
        file.write(b"\xec\x80")
    reads = path.stat().st_blocks
    started = time.process_time()
    assert read_matroska(str(path)) is None
    assert time.process_time() - started < CPU_S
    assert path.stat().st_blocks == reads


def test_attached_files_texts_are_bounded_together(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    one = element("61a7", element("466e", b"x") + element("467e", b"d" * 60_000))
    path.write_bytes(forge.matroska(more=element("1941a469", one * 1000)))
    assert read_matroska(str(path)) is None


@pytest.mark.parametrize("count", [1, 1000, 15_000])
def test_real_index_is_read(count: int, tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    entries = (point(number * 1000, 1 + number % 2) for number in range(count))
    path.write_bytes(index(b"".join(entries)))
    last = (count - 1) // 2 * 2
    assert cues.last_key_frame_s(str(path), position=0) == last


def test_track_that_ended_long_before_is_not_looked_for(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    path.write_bytes(index(point(0, 1) + point(1000, 2) * 20_000))
    assert cues.last_key_frame_s(str(path), position=0) is None


def test_picture_in_many_slices_is_still_read() -> None:
    picture = b"".join((6).to_bytes(4) + b"\x65\1\2\3\4\5" for _ in range(2700))
    units = framed_units(picture, len(picture))
    assert units is not None
    assert len(units) == 2700
