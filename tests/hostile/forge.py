"""Builds files that no regular program writes: Matroska, MP4, AVI and scripts, byte by byte."""

from __future__ import annotations

import struct
from collections.abc import Iterable


def element(identity: str, content: bytes) -> bytes:
    """An EBML element; `identity` in hex."""
    size = (len(content) | 1 << 56).to_bytes(8, "big")
    return bytes.fromhex(identity) + size + content


def track(number: int, kind: int, codec: bytes, more: bytes = b"") -> bytes:
    count = number.to_bytes(3, "big")
    facts = element("d7", count) + element("73c5", count) + element("83", bytes([kind]))
    return element("ae", facts + element("86", codec) + more)


def video(width: int, height: int, more: bytes = b"") -> bytes:
    return element(
        "e0", element("b0", width.to_bytes(4)) + element("ba", height.to_bytes(4)) + more
    )


I420 = element("2eb524", b"I420")
STEP = element("23e383", (40_000_000).to_bytes(4))
FILM = track(1, 1, b"V_UNCOMPRESSED", video(64, 64, I420) + STEP)
"""Raw 64x64 video, which decodes without needing an encoder."""

SUBTITLE = 0x11


def frames(count: int = 12, *, first_ms: int = 0) -> bytes:
    """A Cluster with raw frames at 25 fps; `first_ms` may be negative."""
    blocks = b""
    for number in range(count):
        stamp = (first_ms + number * 40).to_bytes(2, "big", signed=True)
        shade = bytes([40 + number * 9 % 160])
        blocks += element("a3", b"\x81" + stamp + b"\x80" + shade * 4096 + b"\x80" * 2048)
    return element("1f43b675", element("e7", b"\0") + blocks)


def matroska(
    *, info: bytes = b"", tracks: bytes = FILM, more: bytes = b"", cluster: bytes | None = None
) -> bytes:
    """A Matroska film; `info`, `tracks` and `more` are finished elements."""
    header = element("1a45dfa3", element("4282", b"matroska"))
    parts = element("1549a966", info) + element("1654ae6b", tracks) + more
    return header + element("18538067", parts + (frames() if cluster is None else cluster))


def duration(value: float) -> bytes:
    """The Duration of a Segment, a float that may be NaN or negative."""
    return element("4489", struct.pack(">d", value))


def tag(name: bytes, value: bytes) -> bytes:
    return element("1254c367", element("7373", simple_tag(name, value)))


def simple_tag(name: bytes, value: bytes) -> bytes:
    return element("67c8", element("45a3", name) + element("4487", value))


def attachment(name: bytes, mimetype: bytes, data: bytes) -> bytes:
    facts = element("466e", name) + element("4660", mimetype) + element("465c", data)
    return element("1941a469", element("61a7", facts + element("46ae", b"\x01")))


def box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def full_box(kind: bytes, *content: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, bytes([version]) + flags.to_bytes(3, "big"), *content)


FTYP = box(b"ftyp", b"qt  ", bytes(4), b"qt  ")
MATRIX = bytes.fromhex("00010000 00000000 00000000 00000000 00010000") + bytes(12) + b"\x40\0\0\0"


def mvhd(length: int = 1000, timescale: int = 1000) -> bytes:
    times = struct.pack(">QQIQ", 0, 0, timescale, length)
    rest = struct.pack(">IHxx8x", 0x10000, 0x100) + MATRIX + bytes(24) + struct.pack(">I", 2)
    return full_box(b"mvhd", times, rest, version=1)


def trak(
    reference: bytes,
    *,
    size: tuple[int, int] = (64, 64),
    length: int = 1000,
    timescale: int = 1000,
    step: int = 40,
) -> bytes:
    """A video track of one sample, with `reference` as the entry of its `dref`."""
    width, height = size
    head = struct.pack(">QQII Q", 0, 0, 1, 0, length) + bytes(16) + MATRIX
    tkhd = full_box(
        b"tkhd", head, struct.pack(">II", width << 16 & 0xFFFFFFFF, height << 16 & 0xFFFFFFFF),
        version=1, flags=7,
    )  # fmt: skip
    mdhd = full_box(b"mdhd", struct.pack(">QQIQI", 0, 0, timescale, length, 0), version=1)
    hdlr = full_box(b"hdlr", b"mhlrvide", bytes(13))
    entry = bytes(6) + b"\0\1" + bytes(16) + struct.pack(">HH", width, height)
    entry += bytes.fromhex("00480000 00480000 00000000 0001") + bytes(32) + b"\0\x18\xff\xff"
    stbl = box(
        b"stbl",
        full_box(b"stsd", struct.pack(">I", 1), box(b"jpeg", entry)),
        full_box(b"stts", struct.pack(">III", 1, 1, step)),
        full_box(b"stsc", struct.pack(">IIII", 1, 1, 1, 1)),
        full_box(b"stsz", struct.pack(">III", 0, 1, 400)),
        full_box(b"stco", struct.pack(">II", 1, 36)),
    )
    dref = full_box(b"dref", struct.pack(">I", 1), reference)
    minf = box(b"minf", full_box(b"vmhd", bytes(8), flags=1), box(b"dinf", dref), stbl)
    return box(b"trak", tkhd, box(b"mdia", mdhd, hdlr, minf))


IN_THIS_FILE = full_box(b"url ", flags=1)


def movie(*traks: bytes, head: bytes = b"") -> bytes:
    return FTYP + box(b"mdat", bytes(400)) + box(b"moov", head or mvhd(), *traks)


def alias(path: str) -> bytes:
    """A `dref` entry of classic Mac OS: an alias record that names another file."""
    name, folder = path.rpartition("/")[2].encode(), path.rpartition("/")[0].encode()
    record = bytes(10)  # user type, size, version, kind: ignored
    record += bytes([4]) + b"disk".ljust(27, b"\0")
    record += bytes(12)  # created, file system, disk type, folder id
    record += bytes([min(len(name), 63)]) + name[:63].ljust(63, b"\0")
    record += bytes(16) + struct.pack(">HH", 5, 5) + bytes(16)
    for kind, text in ((0, folder), (2, path.encode()), (18, path.encode()), (14, name)):
        padded = text + b"\0" * (len(text) % 2)
        record += struct.pack(">HH", kind, len(text)) + padded
    return full_box(b"alis", record + b"\xff\xff\0\0")


def reference_movie(kind: bytes, url: str) -> bytes:
    """A QuickTime movie that only refers to another one."""
    target = url.encode() + b"\0"
    rdrf = full_box(b"rdrf", kind, struct.pack(">I", len(target)), target)
    return FTYP + box(b"moov", mvhd(), box(b"rmra", box(b"rmda", rdrf)))


def nested(depth: int) -> bytes:
    """Nested MP4 boxes."""
    inner = b""
    for _ in range(depth):
        inner = box(b"moov", inner)
    return FTYP + inner


def chunk(kind: bytes, *content: bytes) -> bytes:
    """A RIFF chunk."""
    body = b"".join(content)
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def avi_with_subtitles(script: bytes) -> bytes:
    """An AVI with `script` as its text track, for which FFmpeg once chose any matching demuxer."""
    head = struct.pack("<14I", 40_000, 0, 0, 0x10, 1, 0, 2, 0, 64, 64, 0, 0, 0, 0)
    film = b"vidsMJPG" + struct.pack("<10I", 0, 0, 0, 1, 25, 0, 1, 0, 0xFFFFFFFF, 0) + bytes(8)
    form = struct.pack("<IiiHH4sIiiII", 40, 64, 64, 1, 24, b"MJPG", 0, 0, 0, 0, 0)
    text = b"txts" + bytes(4) + struct.pack("<10I", 0, 0, 0, 1, 1, 0, 1, 0, 0, 0) + bytes(8)
    streams = (
        chunk(b"LIST", b"strl", chunk(b"strh", film), chunk(b"strf", form)),
        chunk(b"LIST", b"strl", chunk(b"strh", text), chunk(b"strf")),
    )
    name = "x".encode("utf-16-le") + b"\0\0"
    gab2 = b"GAB2\0" + struct.pack("<HI", 2, len(name)) + name
    gab2 += struct.pack("<HI", 4, len(script)) + script
    data = chunk(b"LIST", b"movi", chunk(b"00dc", bytes(400)), chunk(b"01tx", gab2))
    return chunk(b"RIFF", b"AVI ", chunk(b"LIST", b"hdrl", chunk(b"avih", head), *streams), data)


def lines(*texts: str) -> bytes:
    return ("\n".join(texts) + "\n").encode()


def playlist(*more: str, head: Iterable[str] = ()) -> bytes:
    return lines("#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-TARGETDURATION:10", *head, *more,
                 "#EXT-X-ENDLIST")  # fmt: skip
