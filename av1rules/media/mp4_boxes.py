"""Reads from the index (moov) of an MP4 or QuickTime file what FFmpeg's tools do not show: edit
lists, references and alternatives between tracks, user data of cameras.

Bounded: boxes are stepped over, and only the few small ones are read, so that the tables of a long
film cost nothing. A file that can't be read this way has no such structure as far as we know.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator, Mapping
from fractions import Fraction

import msgspec

from av1rules.base.files import open_regular
from av1rules.base.system.opening import pread
from av1rules.media.mp4_structure import EMPTY, Mp4Edit, Mp4Structure, Mp4Track, simplified

MAX_BOXES = 20_000
"""Boxes looked at in one file: 1000 tracks have fewer, and a fragment of a film is one."""

MAX_CONTENT = 64 * 1024
"""Bytes read of one box: an edit list of 3000 lines."""

MAX_CONTENTS = 512 * 1024
"""Bytes read of all boxes: the heads of 1000 tracks have 0.2 MB."""

KNOWN_USER_DATA = frozenset({
    "meta", "chpl", "hnti", "hinf", "name", "cprt", "titl", "auth", "perf", "gnre", "dscp", "albm",
    "yrrc", "loci", "rtng", "clsf", "kywd", "free", "skip", "ptv ", "tsel", "Xtra", "date",
    "WLOC", "LOOP", "SelO", "AllF",
})  # fmt: skip
"""Boxes of user data that FFmpeg reads as tags, and those about windows and servers."""


class _TooManyBoxesError(Exception):
    """The file has more boxes, or more in them, than a film has."""


class _Box(msgspec.Struct, frozen=True):
    kind: str
    start: int  # of its content
    end: int


def read_mp4(path: str, indexes: Mapping[int, int]) -> Mp4Structure | None:
    """The structure of the file at `path`; None if it can't be read. `indexes` gives FFmpeg's
    stream by the number of a track."""
    with (
        contextlib.suppress(OSError, OverflowError, struct.error, _TooManyBoxesError),
        open_regular(path) as f,
    ):
        reader = _Reader(f.fileno())
        movie = next((box for box in reader.boxes(0, reader.size) if box.kind == "moov"), None)
        return None if movie is None else reader.structure(movie, indexes)
    return None


class _Reader:
    def __init__(self, handle: int) -> None:
        self._handle = handle
        self.size = os.fstat(handle).st_size
        self._seen = self._read = 0

    def boxes(self, at: int, end: int) -> Iterator[_Box]:
        while at + 8 <= end:
            self._seen += 1
            if self._seen > MAX_BOXES:
                raise _TooManyBoxesError
            head = pread(self._handle, 16, at)
            if len(head) < 8:
                return
            size, start = int.from_bytes(head[:4], "big"), at + 8
            if size == 1:
                size, start = int.from_bytes(head[8:16], "big"), at + 16
            stop = end if size == 0 else at + size
            if stop < start or stop > end:
                return
            yield _Box(head[4:8].decode("latin-1"), start, stop)
            at = stop

    def _inside(self, box: _Box, *path: str) -> _Box | None:
        found: _Box | None = box
        for kind in path:
            if found is None:
                return None
            inner = self.boxes(found.start, found.end)
            found = next((one for one in inner if one.kind == kind), None)
        return found

    def _content(self, box: _Box | None) -> bytes:
        if box is None:
            return b""
        length = min(box.end - box.start, MAX_CONTENT)
        self._read += length
        if self._read > MAX_CONTENTS:
            raise _TooManyBoxesError
        return pread(self._handle, length, box.start)

    def structure(self, movie: _Box, indexes: Mapping[int, int]) -> Mp4Structure:
        scale = _timescale(self._content(self._inside(movie, "mvhd")))
        inner = tuple(self.boxes(movie.start, movie.end))
        tracks = (self._track(box, scale, indexes) for box in inner if box.kind == "trak")
        return Mp4Structure(
            tracks=tuple(track for track in tracks if track is not None),
            user_data=tuple(sorted(self._user_data(movie, inner))),
        )

    def _track(self, box: _Box, scale: int, indexes: Mapping[int, int]) -> Mp4Track | None:
        head = self._content(self._inside(box, "tkhd"))
        if len(head) < 84:
            return None
        is_long = head[0] == 1
        (number,) = struct.unpack_from(">I", head, 20 if is_long else 12)
        (group,) = struct.unpack_from(">h", head, 46 if is_long else 34)
        media = _timescale(self._content(self._inside(box, "mdia", "mdhd")))
        edits = _edits(self._content(self._inside(box, "edts", "elst")), scale, media)
        tick_s = Fraction(1, scale or 1) + Fraction(1, media or 1)
        return Mp4Track(
            number=number,
            index=indexes.get(number),
            handler=self._content(self._inside(box, "mdia", "hdlr"))[8:12].decode("latin-1"),
            is_enabled=bool(head[3] & 1),
            alternate_group=group,
            references=self._references(self._inside(box, "tref")),
            edits=simplified(edits, tick_s),
        )

    def _references(self, box: _Box | None) -> tuple[tuple[str, tuple[int, ...]], ...]:
        if box is None:
            return ()
        found = []
        for one in self.boxes(box.start, box.end):
            content = self._content(one)
            numbers = struct.unpack(f">{len(content) // 4}I", content[: len(content) // 4 * 4])
            found.append((one.kind, tuple(numbers)))
        return tuple(found)

    def _user_data(self, movie: _Box, inner: tuple[_Box, ...]) -> set[str]:
        """The names of boxes with content beneath `udta` of the film and of its tracks."""
        tracks = (self._inside(box, "udta") for box in inner if box.kind == "trak")
        places = (self._inside(movie, "udta"), *tracks)
        return {
            one.kind
            for place in places
            if place is not None
            for one in self.boxes(place.start, place.end)
            if one.end > one.start and _is_foreign(one.kind)
        }


def _is_foreign(kind: str) -> bool:
    """Names that begin with a copyright sign are tags; a name of zeros ends a list."""
    is_named = kind.isprintable() and kind.isascii() and not kind.startswith("\xa9")
    return is_named and kind not in KNOWN_USER_DATA


def _timescale(header: bytes) -> int:
    """Ticks a second, by mvhd or mdhd; 0 if it is not there."""
    at = 20 if header[:1] == b"\x01" else 12
    return int.from_bytes(header[at : at + 4], "big") if len(header) >= at + 4 else 0


def _edits(content: bytes, movie_scale: int, media_scale: int) -> list[Mp4Edit]:
    if len(content) < 8 or not movie_scale or not media_scale:
        return []
    layout = struct.Struct(">QqHH" if content[0] == 1 else ">IiHH")
    count = min(int.from_bytes(content[4:8], "big"), (len(content) - 8) // layout.size)
    found = []
    for number in range(count):
        duration, start, whole, part = layout.unpack_from(content, 8 + number * layout.size)
        found.append(
            Mp4Edit(
                start_s=None if start == EMPTY else Fraction(start, media_scale),
                duration_s=Fraction(duration, movie_scale),
                rate=whole + part / 65536,
            )
        )
    return found
