"""The scan may only ever say "nothing there" where a decoder would find nothing."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from av1rules.ffmpeg.tools import Tools
from av1rules.media.probe import ffprobe as probe
from av1rules.media.probe.bitstream_scan import PLAIN, PictureHints, scan
from av1rules.media.probe.ffprobe import probe_file
from av1rules.media.source import ContentLight, MasteringDisplay
from tests.conftest import MakeClip, library_file

SLICE_264 = b"\x65" + b"\x11" * 40
SLICE_265 = b"\x26\x01" + b"\x11" * 40
ATSC = b"\xb5\x00\x31GA94\x03" + b"\x00" * 8


def _framed(*units: bytes) -> bytes:
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


def _message(kind: int, body: bytes) -> bytes:
    return bytes([kind, len(body)]) + body


def _sei264(*messages: bytes) -> bytes:
    return b"\x06" + b"".join(messages) + b"\x80"


def _sei265(*messages: bytes) -> bytes:
    return b"\x4e\x01" + b"".join(messages) + b"\x80"


def _scan(codec: str, *units: bytes) -> PictureHints | None:
    payload = _framed(*units)
    return scan(codec, payload, len(payload))


def _plain(codec: str, *units: bytes) -> bool:
    return _scan(codec, *units) == PLAIN


def _decoded(codec: str, *units: bytes) -> bool:
    return _scan(codec, *units) is None


def test_pictures_without_messages_are_plain() -> None:
    assert _plain("h264", SLICE_264)
    assert _plain("hevc", SLICE_265)


def test_encoder_settings_are_no_reason_to_decode() -> None:
    """x264 and x265 write theirs as unregistered user data (5)."""
    assert _plain("h264", _sei264(_message(5, b"x" * 200)), SLICE_264)
    assert _plain("hevc", _sei265(_message(5, b"x" * 200)), SLICE_265)


@pytest.mark.parametrize("kind", [1, 4, 147, 176])
def test_telling_messages_of_hevc_are_decoded(kind: int) -> None:
    assert _decoded("hevc", _sei265(_message(5, b"xx"), _message(kind, ATSC)), SLICE_265)


@pytest.mark.parametrize(
    ("pic_struct", "is_plain"),
    [(0, True), (7, True), (8, True), (1, False), (2, False), (3, False), (9, False)],
)
def test_hevc_picture_timing_is_decoded_only_where_it_may_mean_fields(
    pic_struct: int, is_plain: bool
) -> None:
    sei = _sei265(_message(1, bytes([pic_struct << 4, 0, 5])))
    assert _plain("hevc", sei, SLICE_265) == is_plain
    assert _decoded("hevc", sei, SLICE_265) == (not is_plain)


def test_captions_of_h264_are_decoded() -> None:
    assert _decoded("h264", _sei264(_message(1, b"\x00"), _message(4, ATSC)), SLICE_264)


def test_message_behind_one_longer_than_255_bytes_is_found() -> None:
    long = b"\x05\xff\x2d" + b"x" * 300
    assert _decoded("h264", _sei264(long, _message(4, ATSC)), SLICE_264)


def test_dolby_vision_is_seen_and_its_second_layer_decoded() -> None:
    seen = _scan("hevc", SLICE_265, b"\x7c\x01" + b"\x19\x08" * 9)
    assert seen is not None
    assert seen.has_dolby_vision
    assert _decoded("hevc", SLICE_265, b"\x7e\x01" + b"\x19\x08" * 9)


def test_hdr10plus_is_seen() -> None:
    body = b"\xb5\x00\x3c\x00\x01\x04" + b"\x01" * 20
    seen = _scan("hevc", _sei265(_message(4, body)), SLICE_265)
    assert seen is not None
    assert seen.has_hdr10_plus


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_ambient_viewing_environment_is_seen(codec: str) -> None:
    make, picture = (_sei264, SLICE_264) if codec == "h264" else (_sei265, SLICE_265)
    seen = _scan(codec, make(_message(148, b"\x00" * 8)), picture)
    assert seen is not None
    assert seen.has_ambient_viewing


def _display(luminance: int = 10_000_000) -> bytes:
    places = (8500, 39850, 6550, 2300, 35400, 14600, 15635, 16450)
    return struct.pack(">8HII", *places, luminance, 50)


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_static_metadata_is_read(codec: str) -> None:
    make = _sei264 if codec == "h264" else _sei265
    picture = SLICE_264 if codec == "h264" else SLICE_265
    light = struct.pack(">HH", 1000, 400)
    seen = _scan(codec, make(_message(137, _display()), _message(144, light)), picture)
    assert seen is not None
    assert seen.content_light == ContentLight(max_cll=1000, max_fall=400)
    assert seen.mastering_display == MasteringDisplay(
        red=(0.708, 0.292),
        green=(0.17, 0.797),
        blue=(0.131, 0.046),
        white=(0.3127, 0.329),
        min_luminance=0.005,
        max_luminance=1000.0,
    )


@pytest.mark.parametrize("body", [_display()[:-1], _display() + b"\x01", b""])
def test_mastering_display_of_another_length_is_decoded(body: bytes) -> None:
    assert _decoded("hevc", _sei265(_message(137, body)), SLICE_265)


DISPLAYS = [
    (luminance, black, red_x)
    for luminance, black in (
        (0, 0), (49_999, 1), (50_000, 1), (50_000, 50_000), (60_000, 50_000), (60_000, 50_001),
        (100_000_000, 0), (100_000_001, 1),
    )
    for red_x in (34_000, 4 if luminance in (0, 50_000) else 37_001)
]  # fmt: skip


@pytest.mark.real
@pytest.mark.parametrize(("luminance", "black", "red_x"), DISPLAYS)
def test_mastering_display_is_read_as_ffmpeg_does(
    luminance: int, black: int, red_x: int, make_clip: MakeClip, tools: Tools,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    places = f"G(13250,34500)B(7500,3000)R({red_x},16000)WP(15635,16450)"
    clip = make_clip(
        "display.hevc", "-f", "lavfi", "-i", "color=s=64x64:r=25:d=0.08", "-c:v", "libx265",
        "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params",
        f"log-level=none:master-display={places}L({luminance},{black})",
    )  # fmt: skip
    read = probe_file(library_file(clip), tools).main
    monkeypatch.setattr(probe, "_hints", lambda *_: None)
    decoded = probe_file(library_file(clip), tools).main
    assert read is not None
    assert decoded is not None
    assert read.is_decodable is None  # no picture was decoded
    assert read.mastering_display == decoded.mastering_display
    assert (read.hdr_kinds, read.is_interlaced) == (decoded.hdr_kinds, decoded.is_interlaced)


def test_bytes_of_the_container_in_front_are_passed_over() -> None:
    payload = _framed(SLICE_264)
    assert scan("h264", b"\xa3\x40\x80\x81\x00\x00\x80" + payload + b"rest", len(payload)) == PLAIN


@pytest.mark.parametrize("code", [b"\x00\x00\x01", b"\x00\x00\x00\x01"])
def test_bare_streams_are_read_by_their_start_codes(code: bytes) -> None:
    plain = code + b"\x67\x64\x00\x28" + code + SLICE_264
    assert scan("h264", plain, len(plain)) == PLAIN
    output = code + _sei264(_message(4, ATSC)) + code + SLICE_264
    assert None is scan("h264", output, len(output))


@pytest.mark.parametrize(
    "payload",
    [b"", b"x\x00\x00\x01" + SLICE_264, b"\x00\x00\x01\x00\x00\x01" + SLICE_264,
     _framed(SLICE_264)[:-1], b"\xff" * 90],
)  # fmt: skip
def test_what_can_not_be_parsed_is_decoded(payload: bytes) -> None:
    assert None is scan("h264", payload, len(payload))


def test_broken_message_is_decoded() -> None:
    assert _decoded("h264", b"\x06\x05\xff\xff\xff", SLICE_264)
    assert _decoded("h264", b"\x06\x05\x50x\x80", SLICE_264)


def test_messages_of_av1_are_decoded() -> None:
    assert scan("av1", b"\x12\x00\x0a\x0b" + b"\x01" * 50, 54) == PLAIN
    assert None is scan("av1", b"\x12\x00\x2a\x10\x04" + ATSC, 20)


def test_other_codecs_are_never_called_plain() -> None:
    assert None is scan("mpeg2video", _framed(SLICE_264), 45)


@given(st.binary(max_size=200), st.sampled_from(["h264", "hevc", "av1"]))
def test_any_bytes_are_answered(payload: bytes, codec: str) -> None:
    output = scan(codec, payload, len(payload))
    assert output is None or output.has_captions is False


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_captions_are_never_missed(before: bytes, after: bytes) -> None:
    """Whatever stands around it, a caption message that ffmpeg would find is found."""
    clean = before.replace(b"\x00", b"\x01")
    sei = _sei264(
        _message(5, clean), _message(4, ATSC), _message(5, after.replace(b"\x00", b"\x01"))
    )
    assert _decoded("h264", sei, SLICE_264)
