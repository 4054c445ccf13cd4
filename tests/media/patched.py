"""Changes that FFmpeg can't make, made in the bytes of its files: boxes of an MP4 whose index lies
at the end, units of H.264 and HEVC, stream types of a transport stream."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

ONE = 0x10000
"""The ordinary rate of an edit."""


def boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of each box, with its head."""
    while at + 8 <= end:
        size = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], at, at + size
        at += size


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _path(data: bytes, *path: tuple[bytes, int, int]) -> list[tuple[int, int]]:
    """Start and end of each box on the way; a step is a kind, its number among its like, and how
    many bytes of its own it has before the boxes inside."""
    start, end = 0, len(data)
    found = []
    for kind, number, own in path:
        here = [(a, b) for name, a, b in boxes(data, start, end) if name == kind]
        found.append(here[number])
        start, end = found[-1][0] + 8 + own, found[-1][1]
    return found


def with_box(
    data: bytes, path: Sequence[tuple[bytes, int, int]], new: bytes, *, replaces: bytes = b""
) -> bytes:
    """`new` at the end of the last box of `path`, or in the place of a box inside it."""
    way = _path(data, *path)
    own = path[-1][2]
    start = end = way[-1][1]
    for kind, a, b in boxes(data, way[-1][0] + 8 + own, way[-1][1]):
        if kind == replaces:
            start, end = a, b
    changed = bytearray(data)
    changed[start:end] = new
    for at, _ in way:
        size = int.from_bytes(changed[at : at + 4], "big") + len(new) - (end - start)
        changed[at : at + 4] = size.to_bytes(4, "big")
    return bytes(changed)


def track(number: int) -> tuple[tuple[bytes, int, int], ...]:
    return ((b"moov", 0, 0), (b"trak", number, 0))


def sample_entry(number: int, kind: bytes) -> tuple[tuple[bytes, int, int], ...]:
    inner = ((b"mdia", 0, 0), (b"minf", 0, 0), (b"stbl", 0, 0), (b"stsd", 0, 8), (kind, 0, 78))
    return (*track(number), *inner)


def movie_scale(data: bytes) -> int:
    ((start, _),) = _path(data, (b"moov", 0, 0))
    at = data.index(b"mvhd", start) + 16
    return int.from_bytes(data[at : at + 4], "big")


def media_scale(data: bytes, number: int) -> int:
    start = _path(data, *track(number))[-1][0]
    at = data.index(b"mdhd", start) + 16
    return int.from_bytes(data[at : at + 4], "big")


def with_edits(data: bytes, number: int, edits: Sequence[tuple[float, float | None, int]]) -> bytes:
    """Another edit list for a track: seconds shown, from which second on (None: nothing), rate."""
    whole, own = movie_scale(data), media_scale(data, number)
    lines = b"".join(
        struct.pack(">IiI", round(shown * whole), -1 if at is None else round(at * own), rate)
        for shown, at, rate in edits
    )
    new = box(b"edts", box(b"elst", struct.pack(">4xI", len(edits)) + lines))
    return with_box(data, track(number), new, replaces=b"edts")


def with_track_head(
    data: bytes, number: int, *, group: int | None = None, is_enabled: bool = True
) -> bytes:
    changed = bytearray(data)
    at = data.index(b"tkhd", _path(data, *track(number))[-1][0]) + 4
    changed[at + 3] = changed[at + 3] & 0xFE | is_enabled
    if group is not None:
        changed[at + 34 : at + 36] = group.to_bytes(2, "big")
    return bytes(changed)


def with_reference(data: bytes, number: int, kind: bytes, to: int) -> bytes:
    return with_box(data, track(number), box(b"tref", box(kind, to.to_bytes(4, "big"))))


def with_units(stream: bytes, unit: bytes, slices: Sequence[bytes]) -> bytes:
    """`unit` before each unit of a bare stream that begins with one of `slices`."""
    before, *units = stream.split(b"\0\0\1")
    found = bytearray(before)
    for one in units:
        if one.startswith(tuple(slices)):
            found += b"\0\0\1" + unit + b"\0"
        found += b"\0\0\1" + one
    return bytes(found)


def with_stream_type(ts: bytes, number: int, kind: int) -> bytes:
    """Another type for the stream of this number in every PMT of a transport stream."""
    changed = bytearray(ts)
    for at in range(0, len(ts), 188):
        start = at + 5  # no adaptation field, pointer of 0
        if ts[at + 1] & 0x40 and ts[start] == 2 and ts[at + 4] == 0:
            end = start + 3 + (int.from_bytes(ts[start + 1 : start + 3], "big") & 0xFFF) - 4
            place = start + 12 + (int.from_bytes(ts[start + 10 : start + 12], "big") & 0xFFF)
            for _ in range(number):
                place += 5 + (int.from_bytes(ts[place + 3 : place + 5], "big") & 0xFFF)
            changed[place] = kind
            changed[end : end + 4] = _crc(changed[start:end]).to_bytes(4, "big")
    return bytes(changed)


def _crc(data: bytes | bytearray) -> int:
    """CRC-32 of MPEG-2 systems."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value
