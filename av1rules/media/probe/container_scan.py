"""Reads from the first bytes of a file whether it is a text at all, and how many plain H.264 tracks
it describes. Pure.

Plain: the container says nothing of a picture beyond its size and colour (no rotation, no HDR
metadata, no Dolby Vision). Only for these may a probe spare the first picture, since FFmpeg forgets
such side data then. A doubt is an answer of 0 and costs no more than time.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

import msgspec

HEAD_BYTES = 64 * 1024
"""Matroska describes its tracks within the first few KB of a file, MP4 within those of its moov."""

_EBML, _SEGMENT, _TRACKS = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"\x16\x54\xae\x6b"
_MATROSKA_H264 = b"V_MPEG4/ISO/AVC"
_MATROSKA_SIDE_DATA = (
    b"\x55\xd0", b"\x55\xbc", b"\x55\xbd", b"\x76\x70", b"\x41\xe4",
    b"\x54\xaa", b"\x54\xbb", b"\x54\xcc", b"\x54\xdd",
)  # fmt: skip
"""Mastering metadata, MaxCLL, MaxFALL, projection (rotation), block additions (Dolby Vision), and
what is cropped at the bottom, top, left and right."""

_TRACK, _CODEC_ID = b"\xae", b"\x86"
_ENCODINGS, _ENCODING, _ENCRYPTION = b"\x6d\x80", b"\x62\x40", b"\x50\x35"

_PLAIN_BOXES = frozenset({b"avcC", b"pasp", b"colr", b"btrt", b"fiel", b"free", b"chrm", b"gama"})
_SAMPLE_ENTRY_BYTES = 78
_UNTURNED = (
    bytes.fromhex("00010000 00000000 00000000 00000000 00010000") + bytes(12) + b"\x40\0\0\0"
)

TEXT_BYTES = 512
"""Every container and bare stream has bytes within them that no text has: sizes, marks, zeros."""

_NOT_TEXT = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_TEXT_HEADED = b"YUV4MPEG2 "
"""Raw pictures behind a line of text: flat grey ones look like text too."""

_UTF8 = codecs.getincrementaldecoder("utf-8")


def is_text(head: bytes) -> bool:
    """Whether a file that begins so is a playlist, a script or some other text: never a film."""
    start = head[:TEXT_BYTES]
    if not start or start.startswith(_TEXT_HEADED) or _NOT_TEXT.search(start):
        return False
    try:
        _UTF8().decode(start)  # the last character may be cut
    except UnicodeDecodeError:
        return False
    return True


def plain_h264_tracks(head: bytes) -> int:
    """How many are seen; there may be other tracks beside them."""
    return _in_matroska(head) if head.startswith(_EBML) else _in_mp4(head)


def next_box(head: bytes) -> int | None:
    """Where an MP4 goes on after the last box that begins in its head: after the pictures, there is
    the moov then."""
    if head[4:8] != b"ftyp":
        return None
    *_, (_, _, end) = _boxes(head, 0, len(head))
    return end


class MatroskaTrack(msgspec.Struct, frozen=True, kw_only=True):
    """What FFmpeg does not tell of a track: the name of its codec, and whether it is encrypted."""

    codec_id: str
    is_encrypted: bool


def matroska_tracks(head: bytes) -> tuple[MatroskaTrack, ...]:
    """The tracks in the order of the file; none unless all of their description is in `head`."""
    start, end = _matroska_tracks(head)
    return tuple(
        MatroskaTrack(
            codec_id=_text_of(head, at, stop, _CODEC_ID),
            is_encrypted=_has_element(head, at, stop, _ENCODINGS, _ENCODING, _ENCRYPTION),
        )
        for identity, at, stop in _elements(head, start, end)
        if identity == _TRACK
    )


def _matroska_tracks(head: bytes) -> tuple[int, int]:
    """Where the content of Tracks starts and ends; (0, 0) unless all of it is there."""
    if not head.startswith(_EBML):
        return 0, 0
    _, _, at = _element(head, 0)
    identity, at, _ = _element(head, at)
    if identity != _SEGMENT:
        return 0, 0
    for identity, start, end in _elements(head, at, len(head)):
        if identity == _TRACKS:
            return (start, end) if end <= len(head) else (0, 0)
    return 0, 0


def _elements(head: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    while at < end:
        identity, start, at = _element(head, at)
        yield identity, start, at


def _text_of(head: bytes, at: int, end: int, wanted: bytes) -> str:
    found = next(((a, b) for kind, a, b in _elements(head, at, end) if kind == wanted), (0, 0))
    return head[slice(*found)][:TEXT_BYTES].decode("ascii", "replace").rstrip("\0")


def _has_element(head: bytes, at: int, end: int, *path: bytes) -> bool:
    wanted, *deeper = path
    return any(
        not deeper or _has_element(head, start, stop, *deeper)
        for identity, start, stop in _elements(head, at, end)
        if identity == wanted
    )


def _in_matroska(head: bytes) -> int:
    _, _, at = _element(head, 0)
    identity, at, _ = _element(head, at)
    if identity != _SEGMENT:
        return 0
    while at < len(head):
        identity, start, at = _element(head, at)
        if identity == _TRACKS:
            tracks = head[start:at]
            is_whole = start < at <= len(head)
            is_plain = is_whole and not any(mark in tracks for mark in _MATROSKA_SIDE_DATA)
            return tracks.count(_MATROSKA_H264) if is_plain else 0
    return 0


def _element(data: bytes, at: int) -> tuple[bytes, int, int]:
    """Identity of an EBML element, where its content starts and ends; beyond the data if broken."""
    beyond = (b"", len(data) + 1, len(data) + 1)
    if at >= len(data) or data[at] == 0:
        return beyond
    size_at = at + 9 - data[at].bit_length()
    if size_at >= len(data) or data[size_at] == 0:
        return beyond
    length = 9 - data[size_at].bit_length()
    if size_at + length > len(data):
        return beyond
    value = int.from_bytes(data[size_at : size_at + length], "big")
    size = value - (1 << 7 * length)  # the first bit set is a mark, not part of the number
    start = size_at + length
    return data[at:size_at], start, start + size


def _in_mp4(head: bytes) -> int:
    found = 0
    for kind, start, end in _boxes(head, 0, len(head)):
        if kind != b"moov":
            continue
        for inner, inner_start, inner_end in _boxes(head, start, end):
            if inner == b"mvhd" and not _is_unturned(head[inner_start:inner_end], (36, 48)):
                return 0
            if inner == b"trak":
                entry = _sample_entry(head, inner_start, inner_end)
                if entry == b"avc1" and _is_plain_track(head, inner_start, inner_end):
                    found += 1
    return found


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of the content of each box; the last may end beyond the data."""
    while at + 8 <= min(end, len(data)):
        size, start = int.from_bytes(data[at : at + 4], "big"), at + 8
        if size == 1:
            size, start = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
        stop = at + size if size else end
        if stop < start:
            return
        yield data[at + 4 : at + 8], start, stop
        at = stop


def _inside(data: bytes, start: int, end: int, *path: bytes) -> tuple[int, int]:
    """The content of the first box along `path`; (0, 0) if there is none in the data."""
    for wanted in path:
        start, end = next(
            ((a, b) for kind, a, b in _boxes(data, start, end) if kind == wanted), (0, 0)
        )
    return start, end


def _sample_entry(data: bytes, start: int, end: int) -> bytes:
    at, stop = _inside(data, start, end, b"mdia", b"minf", b"stbl", b"stsd")
    return data[at + 12 : at + 16] if at and stop <= len(data) else b""


def _is_plain_track(data: bytes, start: int, end: int) -> bool:
    head_at, head_end = _inside(data, start, end, b"tkhd")
    at, stop = _inside(data, start, end, b"mdia", b"minf", b"stbl", b"stsd")
    entries = list(_boxes(data, at + 8, stop))
    has_extension = any(kind == b"uuid" for kind, _, _ in _boxes(data, start, end))
    if len(entries) != 1 or has_extension:  # spherical pictures were marked so at first
        return False
    _, at, stop = entries[0]
    extras = {kind for kind, _, _ in _boxes(data, at + _SAMPLE_ENTRY_BYTES, stop)}
    return extras <= _PLAIN_BOXES and _is_unturned(data[head_at:head_end], (40, 52))


def _is_unturned(header: bytes, places: tuple[int, int]) -> bool:
    """Whether the display matrix, at one of two places by the header's version, is identity."""
    at = places[header[0]] if header and header[0] in (0, 1) else len(header)
    return header[at : at + 36] == _UNTURNED
