"""Films with absurd sizes and values that no real encoder writes."""

from __future__ import annotations

import functools
import math
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from tests.hostile import forge
from tests.hostile.forge import box, element, matroska, movie, track, video

RAW = b"V_UNCOMPRESSED"


def _sized(width: int, height: int, more: bytes = forge.STEP) -> bytes:
    return matroska(tracks=track(1, 1, RAW, video(width, height, forge.I420) + more))


def _shown(width: int, height: int) -> bytes:
    shown = element("54b0", width.to_bytes(4)) + element("54ba", height.to_bytes(4))
    size = video(64, 64, forge.I420 + shown + element("54b2", b"\x03"))
    return matroska(tracks=track(1, 1, RAW, size + forge.STEP))


def _subtitles(count: int) -> bytes:
    return b"".join(track(n, forge.SUBTITLE, b"S_TEXT/UTF8") for n in range(2, count + 2))


def _nest(identity: str, depth: int, core: bytes = b"") -> bytes:
    for _ in range(depth):
        core = element(identity, core)
    return core


def _chapters(count: int) -> bytes:
    def atom(number: int) -> bytes:
        facts = element("73c4", number.to_bytes(4)) + element("91", number.to_bytes(8))
        return element("b6", facts + element("80", element("85", b"chapter")))

    return element("1043a770", element("45b9", b"".join(map(atom, range(1, count)))))


def _bomb() -> bytes:
    """Compressed frames that inflate to a thousand times their size."""
    packed = element("4254", b"\0")
    encoding = element("6d80", element("6240", element("5034", packed)))
    data = zlib.compress(bytes(50_000_000), 6)
    block = element("a3", b"\x81\0\0\x80" + data)
    tracks = track(1, 1, RAW, video(64, 64, forge.I420) + forge.STEP + encoding)
    cluster = element("1f43b675", element("e7", b"\0") + block * 20)
    return matroska(tracks=tracks, cluster=cluster)


def _claim(kind: bytes, size: int) -> bytes:
    return size.to_bytes(4, "big") + kind


def _table(kind: bytes, claimed: int) -> bytes:
    """A track whose table claims more entries than there are bytes."""
    whole = movie(forge.trak(forge.IN_THIS_FILE))
    at = whole.index(kind) + (12 if kind == b"stsz" else 8)
    return whole[:at] + claimed.to_bytes(4, "big") + whole[at + 4 :]


def _segment_size(size: bytes) -> bytes:
    whole = matroska()
    at = whole.index(bytes.fromhex("18538067")) + 4
    return whole[:at] + size + whole[at + 8 :]


def _corrupt(seed: int) -> bytes:
    rng = random.Random(seed)
    data = bytearray(matroska(more=_chapters(3) + forge.tag(b"A", b"B"), cluster=forge.frames(2)))
    for _ in range(12):
        data[rng.randrange(600)] = rng.randrange(256)
    return bytes(data)


IN_FILE = forge.IN_THIS_FILE
FILMS: dict[str, Callable[[], bytes]] = {
    "good.mkv": matroska,
    "title-10mb.mkv": lambda: matroska(info=element("7ba9", b"x" * 10_000_000)),
    "title-wide.mkv": lambda: matroska(info=element("7ba9", "\U0001f4a9".encode() * 2_000_000)),
    "tags-10mb.mkv": lambda: matroska(
        more=element("1254c367", element("7373", b"".join(
            forge.simple_tag(b"K%d" % n, b"x" * 1000) for n in range(10_000)))),
    ),
    "tag-name-10mb.mkv": lambda: matroska(more=forge.tag(b"K" * 10_000_000, b"x")),
    "tags-10mb.mp4": lambda: movie(
        forge.trak(IN_FILE), head=forge.mvhd() + box(b"udta", box(b"\xa9nam", struct.pack(
            ">HH", 65535, 0) + b"x" * 65535) * 160),
    ),
    "streams-10000.mkv": lambda: matroska(tracks=forge.FILM + _subtitles(10_000)),
    "streams-900.mkv": lambda: matroska(tracks=forge.FILM + _subtitles(900)),
    "streams-10000.mp4": lambda: movie(forge.trak(IN_FILE) * 10_000),
    "streams-900.mp4": lambda: movie(forge.trak(IN_FILE) * 900),
    "chapters-50000.mkv": lambda: matroska(more=_chapters(50_000)),
    "attachment-30mb.mkv": lambda: matroska(
        more=forge.attachment(b"a.ttf", b"font/ttf", bytes(30_000_000))),
    "duration-nan.mkv": lambda: matroska(info=forge.duration(math.nan)),
    "duration-negative.mkv": lambda: matroska(info=forge.duration(-1.0)),
    "duration-infinite.mkv": lambda: matroska(info=forge.duration(math.inf)),
    "duration-1e300.mkv": lambda: matroska(info=forge.duration(1e300)),
    "scale-zero.mkv": lambda: matroska(info=element("2ad7b1", b"\0") + forge.duration(1e9)),
    "scale-huge.mkv": lambda: matroska(info=element("2ad7b1", b"\x7f" + b"\xff" * 7)),
    "duration-2-63.mp4": lambda: movie(forge.trak(IN_FILE), head=forge.mvhd(1 << 63)),
    "duration-2-64.mp4": lambda: movie(
        forge.trak(IN_FILE, length=(1 << 64) - 1), head=forge.mvhd((1 << 64) - 1)),
    "timescale-zero.mp4": lambda: movie(
        forge.trak(IN_FILE, timescale=0), head=forge.mvhd(timescale=0)),
    "step-zero.mp4": lambda: movie(forge.trak(IN_FILE, step=0)),
    "step-huge.mp4": lambda: movie(forge.trak(IN_FILE, step=(1 << 32) - 1)),
    "rate-none.mkv": lambda: _sized(64, 64, b""),
    "rate-zero.mkv": lambda: _sized(64, 64, element("23e383", b"\0")),
    "rate-1ns.mkv": lambda: _sized(64, 64, element("23e383", b"\1")),
    "rate-584-years.mkv": lambda: _sized(64, 64, element("23e383", b"\xff" * 8)),
    "aspect-zero.mkv": lambda: _shown(0, 0),
    "aspect-odd.mkv": lambda: _shown(1, (1 << 32) - 1),
    "time-negative.mkv": lambda: matroska(cluster=forge.frames(first_ms=-30_000)),
    "pictures-1x1.mkv": lambda: _sized(1, 1),
    "pictures-65535.mkv": lambda: _sized(65535, 65535),
    "pictures-2-31.mkv": lambda: _sized((1 << 31) - 1, (1 << 31) - 1),
    "pictures-wide.mkv": lambda: _sized(1_000_000, 1),
    "pictures-zero.mkv": lambda: _sized(0, 0),
    "pictures-65535.mov": lambda: movie(forge.trak(IN_FILE, size=(65535, 65535))),
    "one-picture.mkv": lambda: matroska(cluster=forge.frames(1)),
    "no-picture.mkv": lambda: matroska(cluster=b""),
    "bomb.mkv": _bomb,
    "deep-tags.mkv": lambda: matroska(more=element("1254c367", _nest("67c8", 5000))),
    "deep-chapters.mkv": lambda: matroska(
        more=element("1043a770", element("45b9", _nest("b6", 5000)))),
    "deep-boxes.mp4": lambda: forge.nested(20_000),
    "deep-text.mp4": lambda: forge.FTYP + box(b"moov", b"[" * 100_000),
    "box-too-long.mp4": lambda: forge.FTYP + _claim(b"moov", 0x7FFFFFFF) + bytes(100),
    "box-2-63.mp4": lambda: forge.FTYP + _claim(b"moov", 1) + b"\x7f" + b"\xff" * 7 + bytes(99),
    "box-2-64.mp4": lambda: forge.FTYP + _claim(b"free", 1) + b"\xff" * 8 + bytes(99),
    "box-too-short.mp4": lambda: forge.FTYP + _claim(b"moov", 7) + bytes(100),
    "box-zero.mp4": lambda: forge.FTYP + _claim(b"free", 0) * 1000,
    "boxes-empty.mp4": lambda: forge.FTYP + _claim(b"free", 8) * 500_000,
    "table-huge-stts.mp4": lambda: _table(b"stts", (1 << 32) - 1),
    "table-huge-stsz.mp4": lambda: _table(b"stsz", (1 << 31) - 1),
    "table-huge-stsc.mp4": lambda: _table(b"stsc", (1 << 32) - 1),
    "table-huge-stsd.mp4": lambda: _table(b"stsd", (1 << 32) - 1),
    "element-unknown-size.mkv": lambda: _segment_size(b"\x01" + b"\xff" * 7),
    "element-too-long.mkv": lambda: _segment_size(b"\x01" + b"\x7f" * 7),
    "element-too-short.mkv": lambda: _segment_size(b"\x01" + bytes(6) + b"\x40"),
    "cut-1.mkv": lambda: matroska()[:1],
    "cut-100.mkv": lambda: matroska()[:100],
    "cut-half.mkv": lambda: matroska()[: len(matroska()) // 2],
    "cut-half.mp4": lambda: movie(forge.trak(IN_FILE))[:800],
    "riff-claim.avi": lambda: b"RIFF\xff\xff\xff\xffAVI LIST\xff\xff\xff\xffhdrlavih" + bytes(99),
    "ones.mkv": lambda: b"\xff" * 100_000,
    "sync.ts": lambda: b"\x47" * 100_000,
    "starts.m2v": lambda: b"\0\0\1\xb3" * 50_000,
    "nals.h264": lambda: b"\0\0\0\1\x67\x42" * 50_000,
    "nals.hevc": lambda: b"\0\0\0\1\x42\1" * 50_000,
    "empty.mkv": lambda: b"",
    **{f"corrupt-{seed}.mkv": functools.partial(_corrupt, seed) for seed in range(12)},
}  # fmt: skip

SPARSE = {
    "sparse.mkv": b"", "sparse.mp4": b"", "sparse.ts": b"", "sparse.avi": b"", "sparse.mpg": b"",
    "sparse-head.mkv": matroska()[:4000], "sparse-head.mp4": forge.FTYP,
    "sparse-head.ts": b"\x47\x40\x00\x10" + bytes(184),
}  # fmt: skip
"""Sparse files of 50 GB, some with the beginning of a film."""

HOLE = 50 * 1024**3


def write_films(folder: Path) -> None:
    for name, build in FILMS.items():
        (folder / name).write_bytes(build())


def write_sparse_files(folder: Path) -> None:
    for name, head in SPARSE.items():
        with open(folder / name, "wb") as file:
            file.write(head)
            file.truncate(HOLE)


def _png(width: int, height: int) -> bytes:
    """A black picture of 1 bit: 60,000 x 60,000 of them take 0.5 MB, and 10 GB as RGB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    packer = zlib.compressobj(6)
    row = bytes(1 + (width + 7) // 8)
    data = b"".join(packer.compress(row * 100) for _ in range(height // 100)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def _packed(scope: int, private: bytes) -> bytes:
    """A track whose frames (scope 1) or codec's header (scope 2) are packed by zlib."""
    packing = element("5032", bytes([scope])) + element("5034", element("4254", b"\0"))
    more = element("6d80", element("6240", packing)) + element("63a2", private)
    return track(1, 1, RAW, video(64, 64, forge.I420) + forge.STEP + more)


def write_bombs(folder: Path) -> None:
    """Small files that unpack to gigabytes, and one that is linked to other files by name."""
    cover = _png(60_000, 60_000)
    billion = zlib.compress(bytes(1_000_000_000), 6)
    frame = element("1f43b675", element("e7", b"\0") + element("a3", b"\x81\0\0\x80" + billion) * 5)
    names = element("3c83ab", b"/etc/passwd") + element("3e83bb", b"../../secret.mkv")
    films = {
        "cover.mkv": matroska(more=forge.attachment(b"cover.png", b"image/png", cover)),
        "private.mkv": matroska(tracks=_packed(2, billion)),
        "frames.mkv": matroska(tracks=_packed(1, b""), cluster=frame),
        "pictures-60000.mkv": _sized(60_000, 60_000),
        "linked.mkv": matroska(info=names + element("73a4", b"\2" * 16)),
    }
    for name, data in films.items():
        (folder / name).write_bytes(data)
