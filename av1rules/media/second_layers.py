"""What a video stream holds beside the pictures that everybody sees: other views, transparency,
finer layers, and how its pictures are to be shown (stereo, spherical). Pure.

FFmpeg decodes the base layer and says little of the rest, so the units of the first packets are
looked at too: their headers alone tell which layer they belong to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import Enum

import msgspec

LAYERED_CODECS = frozenset({"h264", "hevc", "vvc"})
"""Codecs whose units say which layer they belong to."""


MAX_UNITS = 4096
"""Units looked at in one packet: pictures in slices of one network packet have some 2,700."""

_RUN = re.compile(b"\xff*")


class Layer(Enum):
    """Pictures coded beside those of the base layer."""

    VIEW = "view"  # the other eye: MV-HEVC, H.264 MVC
    ALPHA = "alpha"
    SCALABLE = "scalable"  # finer pictures: H.264 SVC, SHVC, LCEVC, or a layer of unknown use


class Spherical(msgspec.Struct, frozen=True, kw_only=True):
    """How the pictures lie around the viewer; FFmpeg's name of the projection, angles in degrees.
    `bounds` are FFmpeg's own numbers of a tiled or padded projection."""

    projection: str
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    bounds: tuple[int, ...] = ()

    @property
    def is_turned(self) -> bool:
        return any((self.yaw, self.pitch, self.roll))


class LayerHints(msgspec.Struct, frozen=True, kw_only=True):
    """What the units of some packets show; `stereo` as in `VideoStream`."""

    layers: frozenset[Layer] = frozenset()
    stereo: str | None = None


NO_LAYERS = LayerHints()

UNSPECIFIED = "unspecified"
"""Two views in one picture, in a way that the file or FFmpeg does not tell."""

FRAME_ALTERNATE = "frame_alternate"

_H264_SEI, _H264_AUXILIARY, _H264_EXTENSIONS = 6, 19, (20, 21)
HEVC_SEI = (39, 40)
_DOLBY_VISION_UNITS = (62, 63)
_T35, _FRAME_PACKING, _ALPHA_INFO, _REFERENCE_DISPLAYS = 4, 45, 165, 176

_LCEVC = b"\xb4\x00\x50"
"""T.35 country UK, provider V-Nova: MPEG-5 LCEVC, a finer layer inside the base's own stream."""

_PACKINGS = ("checkerboard", "col_interleaved", "row_interleaved", "left_right", "top_bottom")
"""Frame packing arrangements 0 to 4 of H.264 and HEVC, by Matroska's names."""


def find_layers(codec: str, units: Iterable[bytes]) -> LayerHints:
    """The layers and the frame packing that these NAL units of `codec` tell of."""
    layers: set[Layer] = set()
    stereo: str | None = None
    for unit in units:
        layer = _layer_of(codec, unit)
        if layer is not None:
            layers.add(layer)
        elif stereo is None:
            stereo = _packing_of(codec, unit)
    if layers & {Layer.VIEW, Layer.ALPHA}:
        layers.discard(Layer.SCALABLE)  # the better-known name of the same units
    return LayerHints(layers=frozenset(layers), stereo=stereo)


def _layer_of(codec: str, unit: bytes) -> Layer | None:
    if len(unit) < 3:
        return None
    if codec == "h264":
        return Layer.SCALABLE if _has_lcevc(codec, unit) else _h264_layer(unit)
    if codec == "vvc":
        return Layer.SCALABLE if unit[0] & 0x3F else None
    kind, number = unit[0] >> 1 & 0x3F, (unit[0] & 1) << 5 | unit[1] >> 3
    if _has_lcevc(codec, unit):
        return Layer.SCALABLE
    if kind in HEVC_SEI:
        messages = {message for message, _ in _messages(unit[2:])}
        if _ALPHA_INFO in messages:
            return Layer.ALPHA
        if _REFERENCE_DISPLAYS in messages and number:
            return Layer.VIEW
    return Layer.SCALABLE if number and kind not in _DOLBY_VISION_UNITS else None


def _h264_layer(unit: bytes) -> Layer | None:
    """Slices of another view (MVC, MVC with depth) or of a finer layer (SVC), by the flag after the
    header; an auxiliary picture is transparency."""
    kind = unit[0] & 0x1F
    if kind == _H264_AUXILIARY:
        return Layer.ALPHA
    if kind not in _H264_EXTENSIONS:
        return None
    return Layer.SCALABLE if kind == _H264_EXTENSIONS[0] and unit[1] & 0x80 else Layer.VIEW


def _packing_of(codec: str, unit: bytes) -> str | None:
    bodies = (body for message, body in _sei_messages(codec, unit) if message == _FRAME_PACKING)
    return next(filter(None, map(_packing, bodies)), None)


def _has_lcevc(codec: str, unit: bytes) -> bool:
    found = _sei_messages(codec, unit)
    return any(message == _T35 and body.startswith(_LCEVC) for message, body in found)


def _sei_messages(codec: str, unit: bytes) -> list[tuple[int, bytes]]:
    """The messages of an SEI unit of H.264 or HEVC; none of any other unit."""
    if codec == "h264":
        is_sei, head = len(unit) > 2 and unit[0] & 0x1F == _H264_SEI, 1
    else:
        is_sei, head = len(unit) > 3 and codec == "hevc" and unit[0] >> 1 & 0x3F in HEVC_SEI, 2
    return _messages(unit[head:]) if is_sei else []


def _packing(body: bytes) -> str | None:
    """Matroska's name of a frame packing arrangement; None if it is cancelled or means nothing."""
    bits = _Bits(body)
    bits.golomb()
    if bits.take(1):
        return None
    kind, is_quincunx, order = bits.take(7), bits.take(1), bits.take(6)
    if order not in (1, 2) or kind > 7 or kind == 6:
        return None
    if kind == 5:
        return FRAME_ALTERNATE
    if kind == 7 or (is_quincunx and kind):
        return UNSPECIFIED
    return ordered(_PACKINGS[kind], is_inverted=order == 2)


def ordered(layout: str, *, is_inverted: bool) -> str:
    """Matroska's name of a layout with the left or, inverted, the right eye first."""
    if layout in ("left_right", "top_bottom"):
        return "_".join(reversed(layout.split("_"))) if is_inverted else layout
    return f"{layout}_{'rl' if is_inverted else 'lr'}"


class _Bits:
    """Reads numbers of single bits; beyond the end there are zeros."""

    def __init__(self, data: bytes) -> None:
        self._text = "".join(f"{byte:08b}" for byte in data[:16])
        self._at = 0

    def take(self, count: int) -> int:
        found = self._text[self._at : self._at + count]
        self._at += count
        return int(found.ljust(count, "0"), 2)

    def golomb(self) -> int:
        zeros = 0
        while self._at < len(self._text) and not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + (self.take(zeros) if zeros else 0)


MAX_MESSAGES = 64
"""In one SEI unit; real ones hold fewer than ten."""


def _messages(sei: bytes) -> list[tuple[int, bytes]]:
    """Type and body of each message of an SEI unit, as far as it can be read."""
    body = sei.replace(b"\x00\x00\x03", b"\x00\x00")
    found: list[tuple[int, bytes]] = []
    at = 0
    while at + 2 <= len(body) and body[at:] != b"\x80" and len(found) < MAX_MESSAGES:
        kind, at = sei_number(body, at)
        size, at = sei_number(body, at)
        found.append((kind, body[at : at + size]))
        at += size
    return found


def sei_number(body: bytes, at: int) -> tuple[int, int]:
    """A number coded as a run of 0xff and a last byte, and where the next one starts."""
    end = _past_run(body, at)
    return 255 * (end - at) + (body[end] if end < len(body) else 0), end + 1


def _past_run(data: bytes, at: int) -> int:
    """Where a run of 0xff that begins there ends: a unit may hold megabytes of them."""
    found = _RUN.match(data, at)
    return at if found is None else found.end()


_TS_BYTES, _SYNC = 188, 0x47


def elementary_units(head: bytes, pid: int | None) -> Sequence[bytes]:
    """The NAL units in the first bytes of a stream with start codes, or of one track (`pid`) of a
    transport stream with packets of 188 or 192 bytes."""
    data = head if pid is None else _track(head, pid)
    _, *units = data.split(b"\x00\x00\x01", MAX_UNITS)
    return units[: MAX_UNITS - 1]


def _track(head: bytes, pid: int) -> bytes:
    for size, start in ((_TS_BYTES, 0), (_TS_BYTES + 4, 4)):
        if head[start::size][:8].count(_SYNC) >= min(8, len(head) // size):
            packets = (head[at : at + _TS_BYTES] for at in range(start, len(head), size))
            return b"".join(_payload(packet) for packet in packets if _pid(packet) == pid)
    return b""


def _pid(packet: bytes) -> int:
    return (packet[1] & 0x1F) << 8 | packet[2] if len(packet) == _TS_BYTES else -1


def _payload(packet: bytes) -> bytes:
    """Without headers; a PES header stays, which holds no start code of a unit but its own."""
    has_payload, has_field = packet[3] & 0x10, packet[3] & 0x20
    return packet[5 + packet[4] if has_field else 4 :] if has_payload else b""
