"""Reads the bytes of the packets that ffprobe found, and of files whose packets lie in pieces."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from av1rules.base.files import open_regular
from av1rules.base.system.opening import pread
from av1rules.media.probe.bitstream_scan import framed_units
from av1rules.media.probe.ffprobe_json import RawPacket, RawProbe, RawStream, positive_int
from av1rules.media.second_layers import (
    LAYERED_CODECS,
    NO_LAYERS,
    LayerHints,
    elementary_units,
    find_layers,
)

SCANNED_PACKETS = 3

SCANNED_BYTES = 4 * 1024**2
"""At most so much of each is looked through; the largest real picture is smaller."""

LAYER_BYTES = 1024**2
"""Looked through for layers where the container cuts its packets into pieces: the first picture,
and a small one after it."""


def layers_beside(main: RawStream, raw: RawProbe, path: str) -> LayerHints:
    """What the first packets of the film, or its first bytes, tell of other layers."""
    codec = main.codec_name or ""
    if codec not in LAYERED_CODECS:
        return NO_LAYERS
    own = [packet for packet in raw.packets if packet.stream_index == main.index]
    framed = (
        framed_units(payload, size) for payload, size in payloads(own[:SCANNED_PACKETS], path)
    )
    units = [unit for packet in framed for unit in packet or ()]
    if not units:
        units = _first_units(main, raw, path)
    return find_layers(codec, units)


def _first_units(main: RawStream, raw: RawProbe, path: str) -> list[bytes]:
    """Of a transport stream or a bare one, whose packets can't be found by their place."""
    container = raw.format.format_name or ""
    if container not in ("mpegts", "mpeg", main.codec_name):
        return []
    head = b""
    with contextlib.suppress(OSError), open_regular(path) as file:
        head = pread(file.fileno(), LAYER_BYTES, 0)
    is_ts = container == "mpegts" and (main.id or "").startswith("0x")
    return list(elementary_units(head, int(main.id or "", 16) if is_ts else None))


def payloads(packets: Sequence[RawPacket], path: str) -> list[tuple[bytes, int]]:
    """The bytes of packets, with some after them, and their sizes; fewer if one can't be found."""
    found: list[tuple[bytes, int]] = []
    with contextlib.suppress(OSError, OverflowError), open_regular(path) as file:
        for packet in packets:
            size = positive_int(packet.size)
            if packet.pos is None or not packet.pos.isdigit() or size is None:
                break
            if size > SCANNED_BYTES:
                break
            payload = pread(file.fileno(), size + 64, int(packet.pos))
            if len(payload) < size:
                break
            found.append((payload, size))
    return found
