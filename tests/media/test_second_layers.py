"""Units of H.264, HEVC and VVC tell of other layers; nothing that can't be read does harm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from av1rules.media.second_layers import (
    FRAME_ALTERNATE,
    LAYERED_CODECS,
    UNSPECIFIED,
    Layer,
    elementary_units,
    find_layers,
    ordered,
)

MVC = bytes([0x74, 0x40, 0x00, 0x07, 0xAA])
SVC = bytes([0x74, 0xC0, 0x80, 0x07, 0xAA])


def hevc(kind: int, layer: int, content: bytes = b"\xaa") -> bytes:
    return bytes([kind << 1 | layer >> 5, (layer & 31) << 3 | 1]) + content


@pytest.mark.parametrize(
    ("codec", "unit", "layers"),
    [
        ("h264", b"\x65\x88\x84", set()),
        ("h264", b"\x6e\x40\x00\x07", set()),  # a prefix belongs to the base layer
        ("h264", MVC, {Layer.VIEW}),
        ("h264", SVC, {Layer.SCALABLE}),
        ("h264", bytes([0x75, 0x40, 0x00, 0x07]), {Layer.VIEW}),  # with depth
        ("h264", bytes([0x13, 0x88, 0x84]), {Layer.ALPHA}),
        ("hevc", hevc(1, 0), set()),
        ("hevc", hevc(1, 1), {Layer.SCALABLE}),
        ("hevc", hevc(19, 40), {Layer.SCALABLE}),
        ("hevc", hevc(62, 0), set()),  # Dolby Vision is told elsewhere
        ("hevc", hevc(63, 1), set()),
        ("hevc", hevc(39, 1, b"\xa5\x01\x00\x80"), {Layer.ALPHA}),
        ("hevc", hevc(39, 1, b"\xb0\x01\x00\x80"), {Layer.VIEW}),
        ("h264", b"\x06\x04\x04\xb4\x00\x50\x01\x80", {Layer.SCALABLE}),  # LCEVC
        ("hevc", hevc(39, 0, b"\x04\x04\xb4\x00\x50\x01\x80"), {Layer.SCALABLE}),
        ("h264", b"\x06\x04\x04\xb5\x00\x31\x01\x80", set()),  # captions
        ("vvc", b"\x00\x09\xaa", set()),
        ("vvc", b"\x01\x09\xaa", {Layer.SCALABLE}),
        ("h264", b"\x74", set()),
    ],
)
def test_a_unit_tells_its_layer(codec: str, unit: bytes, layers: set[Layer]) -> None:
    assert find_layers(codec, [unit]).layers == layers


def test_the_better_known_name_of_a_layer_wins() -> None:
    found = find_layers("hevc", [hevc(1, 1), hevc(39, 1, b"\xa5\x01\x00\x80")])
    assert found.layers == {Layer.ALPHA}


def packing(kind: int, order: int = 1, *, is_quincunx: int = 0, is_cancelled: int = 0) -> bytes:
    """A frame packing message of arrangement 0: identity, cancel flag, kind, quincunx, order."""
    bits = f"1{is_cancelled}{kind:07b}{is_quincunx}{order:06b}".ljust(24, "0")
    body = int(bits, 2).to_bytes(3, "big")
    return bytes([45, len(body)]) + body + b"\x80"


@pytest.mark.parametrize(
    ("message", "stereo"),
    [
        (packing(0), "checkerboard_lr"),
        (packing(1), "col_interleaved_lr"),
        (packing(2, 2), "row_interleaved_rl"),
        (packing(3), "left_right"),
        (packing(3, 2), "right_left"),
        (packing(4), "top_bottom"),
        (packing(4, 2), "bottom_top"),
        (packing(5), FRAME_ALTERNATE),
        (packing(6), None),
        (packing(7), UNSPECIFIED),
        (packing(3, is_quincunx=1), UNSPECIFIED),
        (packing(3, 0), None),
        (packing(3, is_cancelled=1), None),
        (b"\x05\x01\x00\x80", None),
    ],
)
def test_frame_packing_is_named_as_matroska_does(message: bytes, stereo: str | None) -> None:
    assert find_layers("h264", [b"\x06" + message]).stereo == stereo
    assert find_layers("hevc", [hevc(39, 0, message)]).stereo == stereo


def test_the_order_of_the_eyes_is_in_the_name() -> None:
    assert ordered("left_right", is_inverted=True) == "right_left"
    assert ordered("block", is_inverted=True) == "block_rl"


@given(st.sampled_from(sorted(LAYERED_CODECS)), st.lists(st.binary(max_size=40), max_size=8))
def test_nothing_in_a_unit_does_harm(codec: str, units: list[bytes]) -> None:
    found = find_layers(codec, units)
    assert units or not found.layers
    assert found == find_layers(codec, units)


@given(st.binary(max_size=2000), st.none() | st.integers(0, 0x1FFF))
def test_no_head_of_a_file_does_harm(head: bytes, pid: int | None) -> None:
    assert all(isinstance(unit, bytes) for unit in elementary_units(head, pid))


def ts_packet(pid: int, payload: bytes) -> bytes:
    stuffing = 183 - len(payload)
    field = bytes([stuffing]) + (b"\x00" + b"\xff" * (stuffing - 1) if stuffing else b"")
    return bytes([0x47, pid >> 8, pid & 0xFF, 0x30]) + field + payload


@pytest.mark.parametrize("lead", [b"", b"\0\0\0\0"], ids=["ts", "m2ts"])
def test_units_are_joined_over_packets_of_one_track(lead: bytes) -> None:
    packets = [
        ts_packet(0x100, b"\0\0\1\x65abc\0"),
        ts_packet(0x101, b"\0\0\1\x41other"),
        ts_packet(0x100, b"\0\1" + MVC),
        *[ts_packet(0x1FFF, b"")] * 8,
    ]
    head = b"".join(lead + packet for packet in packets)
    assert list(elementary_units(head, 0x100)) == [b"\x65abc", MVC]
