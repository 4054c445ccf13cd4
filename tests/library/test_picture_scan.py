"""The scan may only ever say "nothing there" where a decoder would find nothing."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from av1rules.library.picture_scan import PLAIN, PictureHints, scan
from av1rules.library.source import ContentLight, MasteringDisplay

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


@pytest.mark.parametrize("body", [_display(luminance=0), _display()[:-1], b""])
def test_unusual_mastering_display_is_decoded(body: bytes) -> None:
    assert _decoded("hevc", _sei265(_message(137, body)), SLICE_265)


def test_bytes_of_the_container_in_front_are_passed_over() -> None:
    payload = _framed(SLICE_264)
    assert scan("h264", b"\xa3\x40\x80\x81\x00\x00\x80" + payload + b"rest", len(payload)) == PLAIN


@pytest.mark.parametrize(
    "payload", [b"", b"\x00\x00\x00\x01" + SLICE_264, _framed(SLICE_264)[:-1], b"\xff" * 90]
)
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
    told = scan(codec, payload, len(payload))
    assert told is None or told.has_captions is False


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_captions_are_never_missed(before: bytes, after: bytes) -> None:
    """Whatever stands around it, a caption message that ffmpeg would find is found."""
    clean = before.replace(b"\x00", b"\x01")
    sei = _sei264(
        _message(5, clean), _message(4, ATSC), _message(5, after.replace(b"\x00", b"\x01"))
    )
    assert _decoded("h264", sei, SLICE_264)
