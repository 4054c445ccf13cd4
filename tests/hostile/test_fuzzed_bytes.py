"""What reads bytes of films by itself holds against any bytes: no exception but those it promises,
and an end (what costs much: test_byte_bombs). AV1RULES_FUZZ_EXAMPLES=5000 looks longer.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from av1rules.base.errors import ProbeError
from av1rules.encode.matroska.xml import chapters_xml, tags_xml
from av1rules.media.encryption import encryption_of_head
from av1rules.media.matroska import cues
from av1rules.media.matroska.facts import structure_of
from av1rules.media.matroska.read import read_matroska
from av1rules.media.mp4_boxes import read_mp4
from av1rules.media.probe.bitstream_scan import framed_units, scan
from av1rules.media.probe.clock_scan import pictures_s
from av1rules.media.probe.container_scan import (
    is_text,
    matroska_tracks,
    next_box,
    plain_h264_tracks,
)
from av1rules.media.probe.ffprobe_json import RawPacket, RawProbe, RawStream
from av1rules.media.probe.file_head import read_head
from av1rules.media.probe.packet_bytes import layers_beside, payloads
from av1rules.media.probe.sequence_headers import aspects_at
from av1rules.media.second_layers import find_layers
from tests.encode.make import source, video
from tests.hostile import forge
from tests.hostile.test_byte_bombs import index, point

EXAMPLES = int(os.environ.get("AV1RULES_FUZZ_EXAMPLES", "40"))

fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def _transport() -> bytes:
    """Two packets with a presentation time each, and padding."""
    stamp = b"\x21\x00\x01\x00\x01"
    pes = b"\0\0\1\xe0\0\0\x80\x80\x05" + stamp
    packet = b"\x47\x41\x00\x10" + pes.ljust(184, b"\xff")
    return packet * 8


SEEDS: dict[str, bytes] = {
    "matroska": forge.matroska(
        more=forge.tag(b"TITLE", b"film") + forge.attachment(b"a.ttf", b"font/ttf", b"x" * 99)
        + forge.element("1043a770", forge.element("45b9", forge.element("b6", forge.element(
            "73c4", b"\1") + forge.element("91", b"\0") + forge.element("80", forge.element(
                "85", b"one"))))),
        cluster=forge.element("1f43b675", forge.element("e7", b"\0")),
    ),
    "index": index(point(0, 1) + point(4000, 1)),
    "mp4": forge.movie(
        forge.trak(forge.IN_THIS_FILE),
        forge.box(b"udta", forge.box(b"GPRM", b"xx")),
    ),
    "ts": _transport(),
    "ps": b"\0\0\1\xba" + bytes(10) + b"\0\0\1\xe0\0\x20\x80\x80\x05\x21\0\1\0\1" + bytes(40),
    "mpeg2": b"\0\0\1\xb3\x04\x00\x40\x13" + bytes(8),
    "h264": (5).to_bytes(4) + b"\x06\x05\x01\x00\x80" + (4).to_bytes(4) + b"\x65\1\2\3",
    "hevc": b"\0\0\0\1\x4e\x01\x89\x18" + bytes(24) + b"\x80\0\0\1\x26\x01\x02",
    "sei": b"\0\0\0\1\x06\x2d\x09\x81\x80\x02\x03\xff\xff\xff\xff\xff\x80",
    "text": b"#EXTM3U\n",
}  # fmt: skip
"""Small heads of the kinds that are read; the strategies break them."""


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """A head with some bytes changed, a part doubled, and what is behind it cut off or random."""
    data = bytearray(draw(st.sampled_from(sorted(SEEDS.values()))))
    extremes = st.sampled_from([0, 1, 0x7F, 0x80, 0xFF, 0x40, 0x08])
    for _ in range(draw(st.integers(0, 8))):
        at = draw(st.integers(0, len(data) - 1))
        data[at] = draw(st.one_of(extremes, st.integers(0, 255)))
    if draw(st.booleans()):
        start = draw(st.integers(0, len(data) - 1))
        stop = draw(st.integers(start, min(len(data), start + 200)))
        at = draw(st.integers(0, len(data)))
        data[at:at] = data[start:stop] * draw(st.integers(1, 4))
    if draw(st.booleans()):
        del data[draw(st.integers(1, len(data))) :]
    return bytes(data) + draw(st.binary(max_size=64))


any_bytes = st.one_of(st.binary(max_size=512), broken())


def _main(codec: str, ident: str) -> RawStream:
    return RawStream(index=0, codec_name=codec, codec_type="video", id=ident)


def _readers(path: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """All that reads a file by itself, as a probe calls it."""
    name, size = str(path), path.stat().st_size
    yield "structure", lambda: structure_of(read_matroska(name))
    yield "XML", lambda: _documents(name)
    yield "index", lambda: cues.last_key_frame_s(name, position=0)
    yield "boxes", lambda: read_mp4(name, {1: 0})
    yield "head", lambda: _head(name)
    for stream_id, is_transport in ((0x100, True), (0xE0, False)):
        yield (
            "clock",
            lambda i=stream_id, t=is_transport: pictures_s(  # type: ignore[misc]
                name, stream_id=i, is_transport=t
            ),
        )
    film = source(main=video(codec="mpeg2video", width=64, height=64))
    yield "aspects", lambda: aspects_at(name, film, places=4)
    packets = [RawPacket(stream_index=0, size=str(size), pos="0"),
               RawPacket(stream_index=0, size="9", pos="99999999999999999999")]  # fmt: skip
    yield "packets", lambda: payloads(packets, name)
    for container, codec in (("mpegts", "hevc"), ("mpeg", "h264"), ("h264", "h264"),
                             ("vvc", "vvc")):  # fmt: skip
        raw = RawProbe(packets=tuple(packets), streams=(_main(codec, "0x100"),))
        raw = _with_container(raw, container)
        yield "layers", lambda r=raw: layers_beside(r.streams[0], r, name)  # type: ignore[misc]


def _with_container(raw: RawProbe, name: str) -> RawProbe:
    return replace(raw, format=replace(raw.format, format_name=name))


def _documents(name: str) -> None:
    found = read_matroska(name)
    if found is not None:
        chapters_xml(found.editions)
        tags_xml(found.tags)


def _head(name: str) -> None:
    try:
        data = read_head(name).data
    except ProbeError:
        return
    encryption_of_head(data)
    matroska_tracks(data)


@given(data=any_bytes)
@fuzzed
def test_no_bytes_break_what_reads_a_file(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "film.vob"  # the name that is looked at farthest
    path.write_bytes(data)
    for _, read in _readers(path):
        read()


@given(data=any_bytes, size=st.integers(1, 600))
@fuzzed
def test_no_bytes_break_what_reads_packets(data: bytes, size: int) -> None:
    is_text(data)
    next_box(data)
    plain_h264_tracks(data)
    for codec in ("av1", "h264", "hevc", "vvc", "mpeg2video"):
        scan(codec, data, min(size, len(data)))
        find_layers(codec, framed_units(data, min(size, len(data))) or [data])
