"""The last entry for a track in Matroska's index (Cues), read by ourselves: two bounded reads
instead of a process a file. Untrusted bytes: every size is checked, anything odd is None.

IDs and layout: RFC 9559.
"""

from __future__ import annotations

from collections.abc import Iterator

from av1rules.base.files import open_regular
from av1rules.base.system.opening import pread
from av1rules.media.matroska.ebml import EbmlError, read_identity, read_size

HEAD_BYTES = 64 * 1024
"""Seek head, info and tracks lie at the start; private data of codecs and fonts come after."""

CUES_BYTES = 4 * 1024**2
"""A film of three hours has an index of 50-150 KB."""

MAX_ENTRIES = 200_000
"""Of an index: a key frame every half second for a day has 170,000."""

LOOKED_BACK_BYTES = 256 * 1024
"""How far from its end the index is searched for the track: some 15,000 entries."""

_SEGMENT, _SEEK_HEAD, _INFO, _TRACKS = 0x18538067, 0x114D9B74, 0x1549A966, 0x1654AE6B
_CLUSTER, _CUES = 0x1F43B675, 0x1C53BB6B
_SEEK, _SEEK_ID, _SEEK_POSITION = 0x4DBB, 0x53AB, 0x53AC
_TIMESTAMP_SCALE, _TRACK_ENTRY, _TRACK_NUMBER = 0x2AD7B1, 0xAE, 0xD7
_CUE_POINT, _CUE_TIME, _CUE_TRACK_POSITIONS, _CUE_TRACK = 0xBB, 0xB3, 0xB7, 0xF7

_USUAL_SCALE_NS = 1_000_000

_Element = tuple[int, int, int]
"""ID, start of its data, end of its data."""


def last_key_frame_s(path: str, *, position: int) -> float | None:
    """The time of the last index entry for the track at this position (0 is the first), in seconds
    of the file's clock; None if the file has no index that can be read."""
    try:
        with open_regular(path) as file:
            head = pread(file.fileno(), HEAD_BYTES, 0)
            found = _layout(head, position)
            if found is None:
                return None
            place, track, scale_ns = found
            cues = pread(file.fileno(), CUES_BYTES, place)
    except (OSError, OverflowError):
        return None
    ticks = _last_cue(cues, track)
    return None if ticks is None else ticks * scale_ns / 1e9


def _layout(head: bytes, position: int) -> tuple[int, int, int] | None:
    """Where the index lies, the number of the track, nanoseconds of a tick."""
    segment = next((one for one in _elements(head, 0, len(head)) if one[0] == _SEGMENT), None)
    if segment is None:
        return None
    place: int | None = None
    tracks: list[int] = []
    scale_ns = _USUAL_SCALE_NS
    for kind, start, end in _elements(head, segment[1], len(head)):
        if kind == _CLUSTER:
            break
        if kind == _SEEK_HEAD and place is None:
            place = _place_of_cues(head, start, end)
        elif kind == _INFO:
            scale_ns = _number(head, start, end, _TIMESTAMP_SCALE) or _USUAL_SCALE_NS
        elif kind == _TRACKS:
            entries = (one for one in _elements(head, start, end) if one[0] == _TRACK_ENTRY)
            tracks = [_number(head, low, high, _TRACK_NUMBER) or 0 for _, low, high in entries]
    if place is None or position >= len(tracks):
        return None
    return segment[1] + place, tracks[position], scale_ns


def _place_of_cues(head: bytes, start: int, end: int) -> int | None:
    for kind, low, high in _elements(head, start, end):
        if kind == _SEEK and _number(head, low, high, _SEEK_ID) == _CUES:
            return _number(head, low, high, _SEEK_POSITION)
    return None


def _last_cue(cues: bytes, track: int) -> int | None:
    """The latest time of the entries for the track; None if the index was not read whole."""
    whole = next(_elements(cues, 0, len(cues)), None)
    if whole is None or whole[0] != _CUES or whole[2] > len(cues):
        return None
    left = LOOKED_BACK_BYTES
    for start, end in reversed(_points(cues, whole[1], whole[2])):
        left -= end - start
        if left < 0:
            return None
        places = (one for one in _elements(cues, start, end) if one[0] == _CUE_TRACK_POSITIONS)
        if any(_number(cues, low, high, _CUE_TRACK) == track for _, low, high in places):
            return _number(cues, start, end, _CUE_TIME)
    return None


def _points(cues: bytes, at: int, end: int) -> list[tuple[int, int]]:
    """Start and end of each entry. Short ones, which nearly all are, without a detour: an index has
    thousands, and this is done for every file of a library. None if there are too many."""
    points: list[tuple[int, int]] = []
    for _ in range(MAX_ENTRIES):
        if at + 1 >= end:
            return points
        size = cues[at + 1]
        if cues[at] == _CUE_POINT and 0x80 < size < 0xFF:
            following = at + 2 + size - 0x80
            points.append((at + 2, following))
        else:
            head = _id_and_size(cues, at, end)
            if head is None:
                return points
            following = head[2] + (head[1] or 0)
            if head[0] == _CUE_POINT:
                points.append((head[2], following))
        at = following
    return []


def _elements(data: bytes, start: int, end: int) -> Iterator[_Element]:
    """The elements between two places; an unknown size goes on to the end. Stops at nonsense."""
    end = min(end, len(data))
    while start < end:
        head = _id_and_size(data, start, end)
        if head is None:
            return
        kind, size, low = head
        high = end if size is None and kind == _SEGMENT else low + (size or 0)
        yield kind, low, high
        start = high


def _id_and_size(data: bytes, start: int, end: int) -> tuple[int, int | None, int] | None:
    """ID, size (None where it is unknown), start of the data."""
    try:
        kind, at = read_identity(data, start)
        size, at = read_size(data, at)
    except EbmlError:
        return None
    return (kind, size, at) if at <= end else None


def _number(data: bytes, start: int, end: int, wanted: int) -> int | None:
    """The unsigned integer of that ID among the elements between two places."""
    for kind, low, high in _elements(data, start, end):
        if kind == wanted:
            return int.from_bytes(data[low:high]) if high - low <= 8 and high <= end else None
    return None
