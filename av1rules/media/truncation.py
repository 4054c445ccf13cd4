"""Whether a file is as long as its container says: finds what was cut off without decoding.

A look at a few bytes: Matroska's segment and the boxes of an MP4 carry their lengths.
"""

from __future__ import annotations

import os
from typing import BinaryIO

from av1rules.base.files import open_regular
from av1rules.base.system.opening import pread
from av1rules.base.units import format_size

_EBML = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"
_HEAD_BYTES = 4096
_MAX_BOXES = 100_000
"""A fragmented film has a few thousand; more is nonsense, and bounded."""


def missing_part(path: str) -> str | None:
    """What is missing at the end of the file, in words; None if nothing is, or if its container
    does not say. Raises OSError."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        head = pread(file.fileno(), _HEAD_BYTES, 0)
        if head.startswith(_EBML):
            end = _segment_end(head)
        elif head[4:8] == b"ftyp":
            end = _boxes_end(file, size)
        else:
            return None
    if end is None or end <= size:
        return None
    return f"it is cut off: {format_size(end - size)} are missing at its end"


def _segment_end(head: bytes) -> int | None:
    """Where a Matroska file's segment ends; None if it is of no known length, as in a live one."""
    place = 4
    length = _vint(head, place)
    if length is None or length[0] is None:
        return None
    place = length[1] + length[0]
    if head[place : place + 4] != _SEGMENT:
        return None
    length = _vint(head, place + 4)
    if length is None or length[0] is None:
        return None
    return length[1] + length[0]


def _vint(data: bytes, place: int) -> tuple[int | None, int] | None:
    """An EBML length at `place` (None: unknown) and where it ends."""
    if place >= len(data) or data[place] == 0:
        return None
    width = 9 - data[place].bit_length()
    if place + width > len(data):
        return None
    mask = (1 << (7 * width)) - 1
    value = int.from_bytes(data[place : place + width], "big") & mask
    return (None if value == mask else value), place + width


def _boxes_end(file: BinaryIO, size: int) -> int | None:
    """Where the last box of an MP4 ends that starts inside the file."""
    place = 0
    for _ in range(_MAX_BOXES):
        head = pread(file.fileno(), 16, place)
        if len(head) < 8:
            return place
        length = int.from_bytes(head[:4], "big")
        if length == 0:  # up to the end of the file
            return place
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8:
            return None
        place += length
        if place >= size:
            return place
    return None
