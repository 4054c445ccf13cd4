"""Looks into first packets of H.264, HEVC and AV1 for what only a decoded picture would tell. Pure.

Decoding one 1080p picture costs as much as three whole probes. Where the packets hold no message
that could carry captions, HDR metadata or field flags, decoding it would tell nothing more. Used
only to say "nothing there": whatever is there, or can't be parsed, is left to ffprobe.
"""

from __future__ import annotations

from collections.abc import Iterator

_HEAD_BYTES = 64
"""Containers put a few bytes of their own before the payload (Matroska block headers)."""

_MAX_MESSAGES = 64
"""In one SEI unit; real ones hold fewer than ten."""

_H264_SEI = 6
_HEVC_PREFIX_SEI = 39
_HEVC_SUFFIX_SEI = 40
_HEVC_DOLBY_VISION = (62, 63)  # RPU and enhancement layer

_SEI_PICTURE_TIMING = 1
_SEI_REGISTERED_T35 = 4  # captions, HDR10+
_HEVC_TELLING = frozenset({_SEI_PICTURE_TIMING, _SEI_REGISTERED_T35, 137, 144, 147, 148, 176})
"""Field flags, T.35 messages, mastering display, light levels, transfer, ambient light, 3D."""

_AV1_T35 = (b"\xb5\x00\x31", b"\xb5\x00\x3c", b"\xb5\x00\x3b")
"""ITU-T T.35 of the USA: captions (ATSC), HDR10+ (Samsung), Dolby Vision."""


def is_plain(codec: str, payload: bytes, size: int) -> bool:
    """True if a packet of `size` bytes, somewhere in `payload`, surely holds no such message."""
    if codec == "av1":
        return not any(mark in payload for mark in _AV1_T35)
    if codec not in ("h264", "hevc"):
        return False
    units = _framed_units(payload, size)
    return units is not None and all(_is_plain_unit(codec, unit) for unit in units)


def _framed_units(payload: bytes, size: int) -> list[bytes] | None:
    """NAL units with 4-byte lengths that fill `size` bytes exactly; None if no such chain."""
    for start in range(min(_HEAD_BYTES, len(payload) - size) + 1):
        if (units := _chain(payload, start, start + size)) is not None:
            return units
    return None


def _chain(payload: bytes, start: int, end: int) -> list[bytes] | None:
    units = []
    while start < end:
        length = int.from_bytes(payload[start : start + 4], "big")
        start += 4 + length
        if length < 2 or start > end:
            return None
        units.append(payload[start - length : start])
    return units or None


def _is_plain_unit(codec: str, unit: bytes) -> bool:
    if codec == "h264":
        if unit[0] & 0x1F != _H264_SEI:
            return True
        return _SEI_REGISTERED_T35 not in _message_types(unit[1:])
    kind = unit[0] >> 1 & 0x3F
    if kind in (_HEVC_PREFIX_SEI, _HEVC_SUFFIX_SEI):
        return _HEVC_TELLING.isdisjoint(_message_types(unit[2:]))
    return kind not in _HEVC_DOLBY_VISION


def _message_types(sei: bytes) -> Iterator[int]:
    """Types of the messages in one SEI unit; a broken one counts as T.35, so that it is decoded."""
    body = sei.replace(b"\x00\x00\x03", b"\x00\x00").rstrip(b"\x00")
    end = len(body) - 1 if body.endswith(b"\x80") else len(body)
    at = 0
    for _ in range(_MAX_MESSAGES):
        if at >= end:
            break
        kind, at = _run(body, at)
        size, at = _run(body, at)
        yield kind
        at += size
    if at != end:
        yield _SEI_REGISTERED_T35


def _run(body: bytes, at: int) -> tuple[int, int]:
    """A number coded as a run of 0xff and a last byte, and where the next one starts."""
    value = 0
    while at < len(body) and body[at] == 0xFF:
        value += 255
        at += 1
    return (value + body[at], at + 1) if at < len(body) else (value, at + 1)
