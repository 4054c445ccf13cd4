"""Sparse looks along a film: what its first moments do not tell. A dozen places, a few pictures at
each.

Containers with an index are asked for all places at once. Others, raw streams among them, can't be
sought in by time: they are read from places in bytes, as if each were the beginning.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import msgspec

from av1rules.base.priority import USUAL, Priority
from av1rules.base.process import Children, Limits, run
from av1rules.ffmpeg.film_log import LateStream, ShownPicture
from av1rules.ffmpeg.run import INPUT_GUARD, file_url
from av1rules.ffmpeg.tools import Tools
from av1rules.media.film_cache import is_headerless
from av1rules.media.film_facts import FilmFacts
from av1rules.media.probe.ffprobe_json import RawSideData, word
from av1rules.media.probe.sequence_headers import aspects_at
from av1rules.media.source import Source

PLACES = 12
"""Measured with 1080p H.264: 0.6 s; with 2160p HEVC about 3 s. An encode takes minutes to hours."""

_PICTURES = 8
"""From a key frame on: the first of an open group may not be shown."""

_BYTES_PICTURES = 60
"""The same from any place in bytes: a key frame comes within two seconds."""

_TIMEOUT_S = 60.0
_OUTPUT_BYTES = 16 * 1024**2
_MEMORY_BYTES = 3 * 1024**3

_PACK = 2048
"""Places in bytes are multiples of a disc's sectors: a packet begins there in program streams."""

_RAW = frozenset({"h264", "hevc", "vvc", "mpegvideo", "m4v", "vc1", "obu", "h263", "h261"})

_ENTRIES = (
    "frame=stream_index,width,height,pix_fmt,sample_aspect_ratio,interlaced_frame,color_range,"
    "color_space,color_primaries,color_transfer:frame_side_data=side_data_type,rotation"
)


class _Frame(msgspec.Struct):
    stream_index: int = -1
    width: int = 0
    height: int = 0
    pix_fmt: str | None = None
    sample_aspect_ratio: str | None = None
    interlaced_frame: int | None = None
    color_range: str | None = None
    color_space: str | None = None
    color_primaries: str | None = None
    color_transfer: str | None = None
    side_data_list: tuple[RawSideData, ...] = ()


class _Stream(msgspec.Struct):
    index: int = -1
    id: str | None = None
    codec_type: str | None = None
    sample_rate: str | None = None
    width: int = 0

    @property
    def is_sure(self) -> bool:
        """Whether it is a stream: bytes in the middle of a packet may look like one that begins."""
        if self.codec_type == "audio":
            return self.sample_rate not in (None, "0")
        return self.codec_type == "subtitle" or (self.codec_type == "video" and self.width > 0)


class _Answer(msgspec.Struct):
    frames: list[_Frame] = []
    streams: list[_Stream] = []


def look_along(
    path: str,
    source: Source,
    *,
    tools: Tools,
    children: Children,
    priority: Priority = USUAL,
) -> FilmFacts:
    """What the looks show; less where places can't be read, never an error for it.

    Raises RunInterruptedError, OSError.
    """
    viewer = _Viewer(path, source, tools, children, priority)
    has_index = not is_headerless(source.container) and _RAW.isdisjoint(source.container.split(","))
    pictures, late = viewer.by_time() if has_index else viewer.by_bytes()
    main = source.main
    is_mpeg2 = main is not None and main.codec == "mpeg2video"
    aspects = aspects_at(path, source, places=PLACES) if is_mpeg2 else ()
    return FilmFacts(pictures=tuple(dict.fromkeys(pictures)), late=late, aspects=aspects)


class _Viewer(msgspec.Struct, frozen=True):
    path: str
    source: Source
    tools: Tools
    children: Children
    priority: Priority

    def by_time(self) -> tuple[list[ShownPicture], tuple[LateStream, ...]]:
        """All places in one question."""
        main = self.source.main
        length_s = (main and main.duration_s) or self.source.duration_s
        if main is None or length_s is None:
            return [], ()
        start_s = max(self.source.start_s or 0.0, 0.0)
        places = [start_s + length_s * number / PLACES for number in range(1, PLACES)]
        # From the start first: a place that can't be reached ends the answer, not what came before.
        spans = [f"%+#{_PICTURES}", *(f"{place:.3f}%+#{_PICTURES}" for place in places)]
        argv = ("-select_streams", str(main.index), "-read_intervals", ",".join(spans))
        return _pictures(self._ask(argv).frames), ()

    def by_bytes(self) -> tuple[list[ShownPicture], tuple[LateStream, ...]]:
        """Two questions a place, for streams and pictures; the first place is the beginning, which
        has all streams known so far."""
        size = os.stat(self.path).st_size
        known = self._streams(0)
        main = self.source.main
        name = next((one.id for one in known if main and one.index == main.index), None)
        chosen = "v:0" if name is None else f"i:{name}"
        seen: list[ShownPicture] = []
        late: list[LateStream] = []
        ids = {one.id for one in known}
        count = sum(1 for _ in self.source.streams()) + len(self.source.data)
        for place in (size * number // PLACES // _PACK * _PACK for number in range(PLACES)):
            for stream in self._streams(place) if place else ():
                if stream.id not in ids and stream.is_sure:
                    ids.add(stream.id)
                    late.append(
                        LateStream(
                            kind=stream.codec_type or "unknown",
                            index=count + len(late),
                            at_byte=place,
                            at_s=self._time_of(place, size),
                        )
                    )
            pictures = ("-select_streams", chosen, "-read_intervals", f"%+#{_BYTES_PICTURES}")
            seen += _pictures(self._ask((*self._from(place), *pictures)).frames)
        return seen, tuple(late)

    def _from(self, place: int) -> tuple[str, ...]:
        if place:
            return ("-skip_initial_bytes", str(place))
        return self.source.reach.options if self.source.reach is not None else ()

    def _time_of(self, place: int, size: int) -> float | None:
        length_s = self.source.duration_s
        return None if length_s is None else (self.source.start_s or 0.0) + length_s * place / size

    def _streams(self, place: int) -> list[_Stream]:
        """The streams known from a place on, where the container gives them names (ids)."""
        if not is_headerless(self.source.container):
            return []
        entries = "stream=index,id,codec_type,sample_rate,width"
        found = self._ask(self._from(place), entries=entries).streams
        return [one for one in found if one.id is not None]

    def _ask(self, options: Iterable[str], *, entries: str = _ENTRIES) -> _Answer:
        argv = [
            self.tools.ffprobe, "-v", "error", *INPUT_GUARD, *options,
            "-show_entries", entries, "-of", "json=c=1", file_url(self.path),
        ]  # fmt: skip
        limits = Limits(
            timeout_s=_TIMEOUT_S, output_bytes=_OUTPUT_BYTES, memory_bytes=_MEMORY_BYTES
        )
        done = run(argv, children=self.children, limits=limits, priority=self.priority, tether=True)
        self.children.check()
        try:
            return msgspec.json.decode(done.stdout, type=_Answer)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return _Answer()  # nothing could be read there


def _pictures(frames: Iterable[_Frame]) -> list[ShownPicture]:
    return [_picture(frame) for frame in frames if frame.pix_fmt and frame.width and frame.height]


def _picture(frame: _Frame) -> ShownPicture:
    sides = [side.side_data_type or "" for side in frame.side_data_list]
    turns = [one.rotation for one in frame.side_data_list if one.rotation is not None]
    return ShownPicture(
        pix_fmt=frame.pix_fmt or "",
        width=frame.width,
        height=frame.height,
        sample_aspect=word(frame.sample_aspect_ratio),
        is_interlaced=frame.interlaced_frame == 1,
        rotation=next(iter(turns), None),
        range=word(frame.color_range),
        matrix=word(frame.color_space),
        primaries=word(frame.color_primaries),
        transfer=word(frame.color_transfer),
        has_captions=any(side.startswith("ATSC A53") for side in sides),
        has_hdr10_plus=any("SMPTE2094-40" in side for side in sides),
        has_dolby_vision=any(side.startswith("Dolby Vision") for side in sides),
    )
