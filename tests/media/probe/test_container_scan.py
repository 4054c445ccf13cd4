"""What is called plain must be: the rest is only slower."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from av1rules.media.probe.container_scan import (
    HEAD_BYTES,
    TEXT_BYTES,
    is_text,
    next_box,
    plain_h264_tracks,
)
from tests.conftest import MakeClip
from tests.media.patched import box, track, with_box

X264 = (
    "-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=0.2", "-c:v", "libx264", "-preset", "ultrafast",
)  # fmt: skip


def _count(path: Path) -> int:
    data = path.read_bytes()
    found = plain_h264_tracks(data[:HEAD_BYTES])
    place = next_box(data[:HEAD_BYTES])
    return found or (plain_h264_tracks(data[place:][:HEAD_BYTES]) if place else 0)


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "options", "count"),
    [
        ("plain.mkv", (), 1),
        ("moov-last.mp4", (), 1),
        ("moov-first.mp4", ("-movflags", "+faststart"), 1),
        ("fragments.mp4", ("-movflags", "+frag_keyframe+empty_moov"), 1),
        ("two.mkv", ("-map", "0:v", "-map", "0:v"), 2),
        ("two.mp4", ("-map", "0:v", "-map", "0:v"), 2),
        ("other.mkv", ("-c:v", "mpeg4"), 0),
        ("other.mp4", ("-c:v", "mpeg4"), 0),
    ],
)
def test_plain_tracks_are_counted(
    name: str, options: tuple[str, ...], count: int, make_clip: MakeClip
) -> None:
    assert _count(make_clip(name, *X264, *options)) == count


@pytest.mark.real
def test_a_track_with_an_extension_is_not_plain(make_clip: MakeClip, tmp_path: Path) -> None:
    plain = make_clip("plain.mp4", *X264)
    marked = tmp_path / "marked.mp4"
    marked.write_bytes(with_box(plain.read_bytes(), track(0), box(b"uuid", bytes(16))))
    assert (_count(plain), _count(marked)) == (1, 0)


@pytest.mark.real
@pytest.mark.parametrize("name", ["turned.mp4", "turned.mkv"])
def test_turned_picture_is_not_plain(name: str, make_clip: MakeClip) -> None:
    plain = make_clip("plain.mp4", *X264)
    turned = make_clip(name, "-display_rotation", "90", "-i", str(plain), "-c", "copy")
    assert _count(turned) == 0


@pytest.mark.real
@pytest.mark.parametrize(
    "element", ["55d0", "55bc", "55bd", "7670", "41e4"], ids=lambda text: f"id-{text}"
)
def test_matroska_track_with_side_data_is_not_plain(element: str, make_clip: MakeClip) -> None:
    """In place of some letters in the track's title: as if FFmpeg had written it there."""
    data = make_clip("titled.mkv", *X264, "-metadata:s:v", "title=XXXX").read_bytes()
    assert plain_h264_tracks(data) == 1
    assert plain_h264_tracks(data.replace(b"XXXX", bytes.fromhex(element) + b"\x81\x01", 1)) == 0


@pytest.mark.real
@pytest.mark.parametrize("box", [b"mdcv", b"clli", b"dvcC", b"amve", b"clap"])
def test_mp4_track_with_other_boxes_is_not_plain(box: bytes, make_clip: MakeClip) -> None:
    data = make_clip("moov-first.mp4", *X264, "-movflags", "+faststart").read_bytes()
    assert plain_h264_tracks(data) == 1
    assert plain_h264_tracks(data.replace(b"pasp", box, 1)) == 0


@pytest.mark.real
@pytest.mark.parametrize("name", ["plain.mkv", "moov-first.mp4"])
def test_description_that_is_cut_off_is_not_plain(name: str, make_clip: MakeClip) -> None:
    options = ("-movflags", "+faststart") if name.endswith("mp4") else ()
    data = make_clip(name, *X264, *options).read_bytes()
    counts = [plain_h264_tracks(data[:end]) for end in range(0, 2000, 7)]
    assert counts == sorted(counts)  # once it is whole it stays so
    assert counts[0] == 0


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"\x1a\x45\xdf\xa3", b"\x00\x00\x00\x10ftyp"])
)
def test_any_bytes_are_answered(data: bytes, start: bytes) -> None:
    assert plain_h264_tracks(start + data) == 0
    place = next_box(start + data)
    assert place is None or place > 0


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"", False),
        (b"#EXTM3U\r\n", True),
        (b"\xef\xbb\xbf<?xml\t", True),
        (b"a" * TEXT_BYTES + b"\0", True),
        (b"a" * (TEXT_BYTES - 1) + b"\0", False),
        (b"\x1a\x45\xdf\xa3" + b"a" * 99, False),
        (b"YUV4MPEG2 W64 H64\nFRAME\n" + b"a" * 999, False),
        ("#EXTM3U".encode("utf-16"), False),
        (b"\xff" * 99, False),
        ("ä".encode() * TEXT_BYTES, True),
        (b"a" + "ä".encode() * TEXT_BYTES, True),
    ],
)
def test_text_is_told_by_its_head(head: bytes, expected: bool) -> None:
    assert is_text(head) is expected


@pytest.mark.real
@pytest.mark.parametrize(
    "name",
    ["mkv", "mp4", "avi", "ts", "m2ts", "mpg", "m2v", "asf", "flv", "mxf", "nut", "y4m", "gxf"],
)
def test_no_container_is_taken_for_a_text(name: str, make_clip: MakeClip) -> None:
    codec = "rawvideo" if name == "y4m" else "mpeg2video"
    codec = "flv1" if name == "flv" else codec
    flat = make_clip(
        f"flat.{name}", "-f", "lavfi", "-i", "color=0x606060:s=720x576:r=25:d=0.2", "-c:v",
        codec, "-pix_fmt", "yuv420p",
    )  # fmt: skip
    assert not is_text(flat.read_bytes())
