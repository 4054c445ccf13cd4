"""ffprobe's answer to a `Source`: which stream is what, and which one is the film. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from av1rules.base.errors import ProbeError
from av1rules.media.mp4_structure import Mp4Structure
from av1rules.media.probe.bitstream_scan import NO_HINTS, PictureHints
from av1rules.media.probe.ffprobe_json import (
    TEXT_LIMIT,
    RawFrame,
    RawProbe,
    RawStream,
    number,
    positive,
    positive_int,
    read_probe,
    word,
)
from av1rules.media.probe.parse_layers import is_layer_of_another, with_layers
from av1rules.media.probe.parse_rates import (
    file_bitrate,
    film_start_s,
    highest_bitrate,
    is_lossless_audio,
    main_bitrate,
    plausible_length_s,
    stream_bitrate,
    stream_duration_s,
)
from av1rules.media.probe.parse_video import build_video
from av1rules.media.provenance_tag import find_provenance
from av1rules.media.second_layers import NO_LAYERS
from av1rules.media.source import (
    Attachment,
    AudioStream,
    Chapter,
    DataStream,
    Source,
    SubtitleStream,
    VideoStream,
)

PARSER_VERSION = 6
"""Raised whenever a fact is read differently: cached probes of another version are dropped."""

STILL_CODECS = frozenset({"mjpeg", "png", "bmp", "gif", "webp", "tiff", "jpeg2000", "jpegxl"})
"""Codecs of cover art; a film is in one of them only if nothing else in the file moves."""

MKVMERGE_WEBVTT, MKVMERGE_WEBVTT_DECODER = "S_TEXT/WEBVTT", "subrip"
"""Matroska's own way to hold WebVTT, as mkvmerge writes it; FFmpeg (up to 9.0) knows WebM's alone.
The text of a cue is the block, so that the decoder of SubRip reads it; forced to "webvtt", FFmpeg
takes the first block for a broken one of WebM and stops reading the whole file there."""

_TEXT_SUBTITLES = frozenset(
    {
        "subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text", "ttml", "subviewer",
        "subviewer1", "microdvd", "eia_608", "hdmv_text_subtitle", "arib_caption", "jacosub",
        "sami", "mpl2", "realtext", "stl", "pjs", "vplayer",
    }
)  # fmt: skip
_PICTURE_SUBTITLES = frozenset({"hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle", "xsub"})


def parse_probe(
    data: bytes,
    *,
    size_bytes: int,
    frames: bytes | None = None,
    hints: PictureHints = NO_HINTS,
) -> Source:
    """The `Source` that ffprobe's JSON describes. Raises ProbeError on nonsense.

    `frames` is the answer to a second question, for the first pictures of the main stream; a first
    answer that has frames of its own needs none. `hints` hold for the main stream only.
    """
    raw = read_probe(data)
    pictures = (raw.frames or None) if frames is None else read_probe(frames).frames
    return build_source(raw, size_bytes=size_bytes, frames=pictures, hints=hints)


def build_source(
    raw: RawProbe,
    *,
    size_bytes: int,
    frames: Sequence[RawFrame] | None,
    hints: PictureHints = NO_HINTS,
    length_s: float | None = None,
    mp4: Mp4Structure | None = None,
    codec_ids: Sequence[str] = (),
    encryption: str | None = None,
) -> Source:
    """`length_s` is the film's own length, by `film_length`; None if it is not known. `codec_ids`
    are Matroska's own names of the tracks' codecs, in the order of the file."""
    if not raw.format.format_name or not raw.streams:
        raise ProbeError("no streams found: not a media file, or one that is damaged")
    main = main_stream(raw)
    film_s = None if main is None else plausible_length_s(main, length_s)
    highest_bps = highest_bitrate(raw, size_bytes, film_s)
    whole_s = positive(raw.format.duration)
    tags = tuple(sorted((k.lower(), v[:TEXT_LIMIT]) for k, v in raw.format.tags.items()))
    return Source(
        container=raw.format.format_name,
        size_bytes=size_bytes,
        duration_s=whole_s,
        bitrate_bps=file_bitrate(raw, size_bytes),
        start_s=film_start_s(raw),
        video=tuple(
            _video(
                stream, raw, frames, hints, highest_bps, length_s, is_main=stream is main, mp4=mp4
            )
            for stream in _moving(raw)
        ),
        audio=tuple(_audio(stream, raw, highest_bps) for stream in _of_type(raw, "audio")),
        subtitles=tuple(
            _subtitle(stream, _codec_id(stream, raw, codec_ids))
            for stream in _of_type(raw, "subtitle")
        ),
        attachments=tuple(
            _attachment(stream, is_cover=stream.codec_type == "video")
            for stream in raw.streams
            if stream.codec_type == "attachment" or is_cover(stream, raw)
        ),
        data=tuple(_data(stream) for stream in raw.streams if _is_data(stream)),
        chapters=_chapters(raw),
        main_index=main.index if main is not None else None,
        tags=tags,
        provenance=find_provenance(tags),
        mp4=mp4,
        encryption=encryption,
    )


def track_indexes(raw: RawProbe) -> dict[int, int]:
    """FFmpeg's stream by the number that an MP4 gives its track."""
    numbers = ((stream.id or "", stream.index) for stream in raw.streams)
    return {int(text, 16): index for text, index in numbers if text.startswith("0x")}


def main_stream(raw: RawProbe) -> RawStream | None:
    """The film: decodable, largest picture, flagged default, first; None if nothing moves."""
    return max(
        _moving(raw),
        key=lambda stream: (
            stream.pix_fmt is not None,
            max(stream.width or 0, 0) * max(stream.height or 0, 0),
            stream.has("default"),
            -stream.index,
        ),
        default=None,
    )


def is_cover(stream: RawStream, raw: RawProbe) -> bool:
    """A still picture: flagged so, named as a picture, or a still codec beside a real film."""
    if stream.codec_type != "video":
        return False
    if any(stream.has(kind) for kind in ("attached_pic", "still_image", "timed_thumbnails")):
        return True
    if stream.codec_name not in STILL_CODECS:
        return False
    mime = stream.tag("mimetype")
    if mime is not None and mime.startswith("image/"):
        return True
    has_film = any(
        other.codec_type == "video" and other.codec_name not in STILL_CODECS
        for other in raw.streams
    )
    frames = positive_int(stream.nb_frames) or positive_int(stream.tag("number_of_frames"))
    return has_film and (frames == 1 or stream.avg_frame_rate in (None, "0/0"))


def _moving(raw: RawProbe) -> list[RawStream]:
    return [stream for stream in _of_type(raw, "video") if not is_cover(stream, raw)]


def _of_type(raw: RawProbe, codec_type: str) -> list[RawStream]:
    return [stream for stream in raw.streams if stream.codec_type == codec_type]


def _video(
    stream: RawStream,
    raw: RawProbe,
    frames: Sequence[RawFrame] | None,
    hints: PictureHints,
    highest_bps: int | None,
    length_s: float | None,
    *,
    is_main: bool,
    mp4: Mp4Structure | None,
) -> VideoStream:
    own = [frame for frame in frames or () if frame.stream_index == stream.index]
    was_tried = frames is not None and (is_main or bool(own))
    found = build_video(
        stream,
        raw,
        frames=own if was_tried else None,
        hints=hints if is_main else NO_HINTS,
        bitrate_bps=main_bitrate(stream, raw, highest_bps, plausible_length_s(stream, length_s))
        if is_main
        else stream_bitrate(stream, raw, highest_bps),
        length_s=length_s if is_main else stream_duration_s(stream, positive(raw.format.duration)),
    )
    is_layer = not is_main and is_layer_of_another(stream, found, mp4)
    beside = hints.beside if is_main else NO_LAYERS
    return replace(with_layers(found, stream, beside), is_layer_of_another=is_layer)


def _audio(stream: RawStream, raw: RawProbe, highest_bps: int | None) -> AudioStream:
    profile = word(stream.profile)
    return AudioStream(
        index=stream.index,
        codec=stream.codec_name or "unknown",
        profile=profile,
        channels=stream.channels if stream.channels and stream.channels > 0 else None,
        layout=word(stream.channel_layout),
        sample_rate=positive_int(stream.sample_rate),
        bitrate_bps=stream_bitrate(stream, raw, highest_bps),
        is_lossless=is_lossless_audio(stream.codec_name, profile),
        language=stream.language,
        title=stream.tag("title"),
        handler=_given_handler(stream),
        dispositions=stream.dispositions,
    )


def _codec_id(stream: RawStream, raw: RawProbe, codec_ids: Sequence[str]) -> str | None:
    """Matroska's name of a stream's codec; None where its place in the file is not certain."""
    tracks = [
        one for one in raw.streams if one.codec_type != "attachment" and not is_cover(one, raw)
    ]
    if len(tracks) != len(codec_ids) or stream not in tracks:
        return None
    return codec_ids[tracks.index(stream)]


def _subtitle(stream: RawStream, codec_id: str | None) -> SubtitleStream:
    codec = stream.codec_name or "unknown"
    decoder = None
    if codec == "unknown" and codec_id == MKVMERGE_WEBVTT:
        codec, decoder = "webvtt", MKVMERGE_WEBVTT_DECODER
    is_known = codec in _TEXT_SUBTITLES or codec in _PICTURE_SUBTITLES
    return SubtitleStream(
        index=stream.index,
        codec=codec,
        is_text=codec in _TEXT_SUBTITLES if is_known else None,
        decoder=decoder,
        language=stream.language,
        title=stream.tag("title"),
        handler=_given_handler(stream),
        dispositions=stream.dispositions,
    )


_MADE_HANDLER = re.compile(r"\s*|.*handler.*|(?:core media|gpac|iso|apple|mainconcept)\b.*", re.I)
"""Names of handlers that programs give unasked."""


def _given_handler(stream: RawStream) -> str | msgspec.UnsetType:
    name = stream.tag("handler_name")
    return msgspec.UNSET if name is None or _MADE_HANDLER.fullmatch(name) else name


def _attachment(stream: RawStream, *, is_cover: bool) -> Attachment:
    return Attachment(
        index=stream.index,
        codec=stream.codec_name,
        filename=stream.tag("filename"),
        mimetype=stream.tag("mimetype"),
        is_cover=is_cover,
        width=stream.width,
        height=stream.height,
    )


def _data(stream: RawStream) -> DataStream:
    tag = stream.codec_tag_string
    return DataStream(
        index=stream.index,
        codec=stream.codec_name,
        tag=None if tag is None or tag.startswith("[0]") else tag,
        handler=stream.tag("handler_name"),
    )


def _is_data(stream: RawStream) -> bool:
    return stream.codec_type not in ("video", "audio", "subtitle", "attachment")


def _chapters(raw: RawProbe) -> tuple[Chapter, ...]:
    chapters = []
    for chapter in raw.chapters:
        start, end = number(chapter.start_time), number(chapter.end_time)
        if start is None or end is None:
            continue
        title = next((text for key, text in chapter.tags.items() if key.lower() == "title"), None)
        chapters.append(Chapter(start_s=start, end_s=end, title=title))
    return tuple(chapters)
