"""The questions that ffprobe is asked about one file. Pure."""

from __future__ import annotations

from av1rules.ffmpeg.run import DEMUXERS
from av1rules.media.probe.ffprobe_json import RawStream
from av1rules.media.source import Reach

PACKETS = 64
"""Packets asked for: some of the film's are among them even where seconds of sound come first."""


PICTURES_FIRST = frozenset(
    {
        "ts", "m2ts", "mts", "m2t", "mpg", "mpeg", "mpe", "vob", "m2v", "wmv", "asf", "avi", "divx",
        "dv",
    }
)  # fmt: skip
"""Extensions whose pictures are asked for at once: old codecs, or packets that are in pieces."""

_SPARING = ("-max_pixels", "1", "-max_pixels:u", str(2**31 - 1))
"""H.264 says its pixel format only with a picture, and decoding the first of a 1080p film costs
more than all else. Allowed one pixel, FFmpeg reads the head of the picture, which tells the format,
and stops there. Then the stream is "usable" (`:u`) and the limit lifted, or ffprobe would give up.
What it costs is the side data of the stream, so `head_scan` must have seen that it has none."""

_DEEP = ("-analyzeduration", "60000000", "-probesize", "100000000")
"""For a film whose picture did not come within FFmpeg's own five seconds: one minute, 100 MB."""

KEY_PACKETS = 600
"""Packets of the film looked through for a key frame where the first ones decode to nothing, as in
a recording that starts between two: most have one in 250."""

_FRAME_ENTRIES = (
    "frame=stream_index,pix_fmt,interlaced_frame,color_range,color_space,color_transfer,"
    "color_primaries,chroma_location:frame_side_data=side_data_type,rotation,red_x,red_y,green_x,"
    "green_y,blue_x,blue_y,white_point_x,white_point_y,min_luminance,max_luminance,max_content,"
    "max_average"
)


_ALWAYS = ("-v", "error", "-hide_banner", "-protocol_whitelist", "file", "-of", "json=c=1")

_FACTS = ("-show_format", "-show_streams", "-show_chapters")

HEADERLESS_SUFFIXES = frozenset({"ts", "m2ts", "mts", "m2t", "mpg", "mpeg", "mpe", "vob", "flv"})
"""Asked at once with the reach that they will need; others are asked again if need be."""

_PICTURES = {"hevc": 1, "vvc": 1, "av1": 1, "vp9": 1, "h264": 2}
"""Packets decoded: a first picture of these tells all and costs much; of older codecs a few more,
since broadcasts may start on a picture that is not yet complete."""


def facts_argv(
    ffprobe: str,
    path: str,
    *,
    with_pictures: bool,
    sparing: bool = False,
    deep: bool = False,
    reach: Reach | None = None,
) -> list[str]:
    """The first question: container, streams, chapters, and first packets or pictures; `sparing`
    for plain H.264 (`_SPARING`), `deep` for a picture that comes late (`_DEEP`)."""
    more = (
        ("-show_entries", _FRAME_ENTRIES, "-read_intervals", "%+#6")
        if with_pictures
        else ("-show_packets", "-read_intervals", f"%+#{PACKETS}")
    )
    limit = _SPARING if sparing else _DEEP if deep else ()
    return [
        ffprobe,
        *_ALWAYS,
        *limit,
        *(reach.options if reach is not None else ()),
        "-format_whitelist",
        DEMUXERS,
        *_FACTS,
        *more,
        f"file:{path}",
    ]


def pictures_argv(
    ffprobe: str,
    path: str,
    stream: RawStream,
    *,
    packets: int | None = None,
    reach: Reach | None = None,
) -> list[str]:
    """The second question: the first pictures of one stream, out of so many `packets`. `reach` is
    that of the first question: without it streams would have other numbers."""
    count = packets or _PICTURES.get(stream.codec_name or "", 5)
    look = reach.options if reach is not None else ("-nofind_stream_info",)
    return [
        ffprobe, *_ALWAYS, *look, "-format_whitelist", DEMUXERS,
        "-select_streams", str(stream.index),
        "-show_entries", _FRAME_ENTRIES, "-read_intervals", f"%+#{count}", f"file:{path}",
    ]  # fmt: skip


def key_pictures_argv(
    ffprobe: str, path: str, stream: RawStream, *, reach: Reach | None = None
) -> list[str]:
    """The last question: the first key frames of one stream, which need no others."""
    look = reach.options if reach is not None else ()
    return [
        ffprobe, *_ALWAYS, *look, "-skip_frame", "nokey", "-format_whitelist", DEMUXERS,
        "-select_streams", str(stream.index), "-show_entries", _FRAME_ENTRIES,
        "-read_intervals", f"%+#{KEY_PACKETS}", f"file:{path}",
    ]  # fmt: skip


def end_argv(ffprobe: str, path: str, words: tuple[str, ...]) -> list[str]:
    """The question for packets near the end, which tell how long the film is."""
    return [ffprobe, *_ALWAYS, "-format_whitelist", DEMUXERS, *words, f"file:{path}"]
