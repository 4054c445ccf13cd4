"""Reads from first packets of H.264, HEVC and AV1 what else a decoded picture would tell. Pure.

Decoding one 1080p picture costs as much as three whole probes. Where the messages (SEI) of the
packets are few and plainly understood, it is spared; all else is left to ffprobe: captions, field
flags, values outside of what the standards allow, anything that can't be parsed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from av1rules.media.second_layers import (
    HEVC_SEI,
    MAX_MESSAGES,
    MAX_UNITS,
    NO_LAYERS,
    LayerHints,
    sei_number,
)
from av1rules.media.source import ContentLight, MasteringDisplay

_HEAD_BYTES = 64
"""Containers put a few bytes of their own before the payload (Matroska block headers)."""

_START_CODE = b"\x00\x00\x01"

_H264_SEI = 6
_HEVC_DOLBY_VISION_RPU = 62
_HEVC_DOLBY_VISION_LAYER = 63

_PICTURE_TIMING = 1
_T35 = 4  # captions, HDR10+
_MASTERING = 137
_LIGHT = 144
_AMBIENT = 148
_HDR10_PLUS = b"\xb5\x00\x3c\x00\x01\x04"
"""T.35 country USA, provider Samsung, ST 2094-40."""

_DECODED = frozenset({147, 176})
"""Another transfer, 3D displays."""

_WHOLE_PICTURES = frozenset({0, 7, 8})
"""HEVC's pic_struct of pictures that are no fields: shown once, twice, three times."""

_AV1_T35 = (b"\xb5\x00\x31", b"\xb5\x00\x3c", b"\xb5\x00\x3b")
"""ITU-T T.35 of the USA: captions (ATSC), HDR10+ (Samsung), Dolby Vision."""

_LUMINANCE = range(50_000, 100_000_001)
_BLACK = range(50_001)
_ACROSS = range(5, 37_001)
_UP = range(5, 42_001)
"""ST 2086 in units of 0.0001 cd/m2 and 0.00002; FFmpeg leaves out what is outside (tried with 8.0:
phones write no luminance), all places or both luminances together."""


class PictureHints(msgspec.Struct, frozen=True, kw_only=True):
    """What packets show without decoding them; None and False are "not seen there"."""

    has_captions: bool | None = None
    is_interlaced: bool | None = None
    has_hdr10_plus: bool = False
    has_dolby_vision: bool = False
    begins_mid_group: bool = False  # its first packets decoded to nothing, later ones did
    mastering_display: MasteringDisplay | None = None
    content_light: ContentLight | None = None
    has_ambient_viewing: bool = False
    beside: LayerHints = NO_LAYERS


NO_HINTS = PictureHints()

PLAIN = PictureHints(has_captions=False, is_interlaced=False)
"""Whole pictures without captions or metadata."""


def scan(codec: str, payload: bytes, size: int) -> PictureHints | None:
    """What a packet of `size` bytes, somewhere in `payload`, tells; None if it must be decoded."""
    if codec == "av1":
        return None if any(mark in payload for mark in _AV1_T35) else PLAIN
    units = framed_units(payload, size) if codec in ("h264", "hevc") else None
    if units is None:
        return None
    hints: PictureHints | None = PLAIN
    for unit in units:
        if hints is not None:
            hints = _with_unit(hints, codec, unit)
    return hints


def framed_units(payload: bytes, size: int) -> list[bytes] | None:
    """NAL units with 4-byte lengths that fill `size` bytes exactly, or with start codes from the
    first byte on (bare streams); None if neither, or if there are more than any picture has."""
    for start in range(min(_HEAD_BYTES, len(payload) - size) + 1):
        if (units := _chain(payload, start, start + size)) is not None:
            return units
    pieces = payload[:size].split(_START_CODE, MAX_UNITS + 1)
    before, units = pieces[0], pieces[1:]
    if len(units) > MAX_UNITS:
        return None
    return units if not before.strip(b"\x00") and all(units) and units else None


def _chain(payload: bytes, start: int, end: int) -> list[bytes] | None:
    units: list[bytes] = []
    while start < end:
        length = int.from_bytes(payload[start : start + 4], "big")
        start += 4 + length
        if length < 2 or start > end or len(units) == MAX_UNITS:
            return None
        units.append(payload[start - length : start])
    return units or None


def _with_unit(hints: PictureHints, codec: str, unit: bytes) -> PictureHints | None:
    if codec == "h264":
        is_sei, head = unit[0] & 0x1F == _H264_SEI, 1
    else:
        kind = unit[0] >> 1 & 0x3F
        if kind == _HEVC_DOLBY_VISION_LAYER:
            return None
        if kind == _HEVC_DOLBY_VISION_RPU:
            return replace(hints, has_dolby_vision=True)
        is_sei, head = kind in HEVC_SEI, 2
    if not is_sei:
        return hints
    reported: PictureHints | None = hints
    for message, body in _messages(unit[head:]):
        if reported is None or message in _DECODED:
            return None
        if message == _PICTURE_TIMING and codec == "hevc" and not _is_whole_picture(body):
            return None
        reported = _with_message(reported, message, body)
    return reported


def _is_whole_picture(body: bytes) -> bool:
    """Picture timing begins with pic_struct, or, if the sequence's header says so, has none: then
    these bits are others, but the pictures are whole all the same. In H.264 the parser tells."""
    return bool(body) and body[0] >> 4 in _WHOLE_PICTURES


def _with_message(hints: PictureHints, message: int, body: bytes) -> PictureHints | None:
    if message == _T35:
        is_known = body.startswith(_HDR10_PLUS)
        return replace(hints, has_hdr10_plus=True) if is_known else None
    if message == _MASTERING:
        if len(body) != 24:
            return None
        display = _mastering(body)
        return hints if display == MasteringDisplay() else replace(hints, mastering_display=display)
    if message == _LIGHT:
        if len(body) != 4:
            return None
        max_cll, max_fall = struct.unpack(">HH", body)
        if not max_cll and not max_fall:
            return hints  # unknown, as in `parse_video`
        return replace(hints, content_light=ContentLight(max_cll=max_cll, max_fall=max_fall))
    if message == _AMBIENT:
        return replace(hints, has_ambient_viewing=True)
    return hints


def _mastering(body: bytes) -> MasteringDisplay:
    """Primaries come as green, blue, red."""
    *places, luminance, black = struct.unpack(">8HII", body)
    across, up = places[::2], places[1::2]
    display = MasteringDisplay()
    if all(x in _ACROSS for x in across) and all(y in _UP for y in up):
        points = [(x / 50_000, y / 50_000) for x, y in zip(across, up, strict=True)]
        display = replace(display, green=points[0], blue=points[1], red=points[2], white=points[3])
    if luminance in _LUMINANCE and black in _BLACK and black < luminance:
        display = replace(display, min_luminance=black / 10_000, max_luminance=luminance / 10_000)
    return display


def _messages(sei: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and body of each message in one SEI unit; a broken one ends as a T.35 of no body,
    which nothing understands."""
    body = sei.replace(b"\x00\x00\x03", b"\x00\x00").rstrip(b"\x00")
    end = len(body) - 1 if body.endswith(b"\x80") else len(body)
    at = 0
    for _ in range(MAX_MESSAGES):
        if at >= end:
            break
        kind, at = sei_number(body, at)
        size, at = sei_number(body, at)
        yield kind, body[at : at + size]
        at += size
    if at != end:
        yield _T35, b""
