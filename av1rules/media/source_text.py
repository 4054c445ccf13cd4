"""A probed source in a few lines for users: container, every stream, HDR, chapters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from av1rules.base.text import counted, printable
from av1rules.base.units import format_duration, format_rate, format_size
from av1rules.media.source import AudioStream, Source, SubtitleStream, VideoStream

UNKNOWN = "unknown"

OTHER_LENGTH_S = 5.0
"""Pictures and sound nearly always end at slightly different times."""


def source_lines(source: Source) -> Iterator[str]:
    """One line for the container, one for each stream, attachment and the chapters."""
    yield f"container {source.container}, {format_size(source.size_bytes)}, {_length(source)}"
    if source.encryption is not None:
        yield f"encrypted: {source.encryption}"
    for video in source.video:
        main = " (main)" if video.index == source.main_index else ""
        yield f"video {video.index}{main}: {_video(video)}"
        yield f"  colour: {_colour(video)}"
    for audio in source.audio:
        yield f"audio {audio.index}: {_audio(audio)}"
    for subtitle in source.subtitles:
        yield f"subtitle {subtitle.index}: {printable(subtitle.codec)}{_labels(subtitle)}"
    for item in source.attachments:
        kind = "cover" if item.is_cover else "attachment"
        yield f"{kind} {item.index}: {printable(item.filename or item.codec or UNKNOWN)}"
    for data in source.data:
        yield f"data {data.index}: {printable(data.tag or data.codec or UNKNOWN)}"
    if source.chapters:
        yield counted(len(source.chapters), "chapter")


def _length(source: Source) -> str:
    """Of the film; that of the container too, where it is another one."""
    if source.film_s is None:
        return UNKNOWN
    shown = format_duration(source.film_s)
    claimed = shown if source.duration_s is None else format_duration(source.duration_s)
    is_other = abs((source.duration_s or source.film_s) - source.film_s) > OTHER_LENGTH_S
    return f"{shown} (its container says {claimed})" if is_other else shown


def _video(video: VideoStream) -> str:
    parts = [
        f"{printable(video.codec)} {printable(video.profile or '')}".strip(),
        f"{video.width or '?'}x{video.height or '?'}",
        f"{video.bit_depth or '?'} bit {printable(video.pix_fmt or UNKNOWN)}",
        _rate(video),
        UNKNOWN + " bit rate" if video.bitrate_bps is None else format_rate(video.bitrate_bps),
        {True: "interlaced", False: "progressive", None: "interlacing unknown"}[
            video.is_interlaced
        ],
    ]
    if video.sample_aspect not in (None, 1):
        parts.append(f"sample aspect {video.sample_aspect}")
    if video.rotation:
        parts.append(f"rotated {video.rotation} degrees")
    if video.has_captions:
        parts.append("captions inside the pictures")
    parts += [f"with a layer: {layer.value}" for layer in sorted(video.layers, key=str)]
    if video.is_layer_of_another:
        parts.append("a layer of another track")
    if video.stereo:
        parts.append(f"stereo {printable(video.stereo)}")
    if video.spherical:
        parts.append(f"spherical ({printable(video.spherical.projection)})")
    return ", ".join(parts) + _labels(video)


def _rate(video: VideoStream) -> str:
    if video.frame_rate is None:
        return "frame rate unknown"
    kind = {True: " variable", False: "", None: ""}[video.is_variable_rate]
    return f"{float(video.frame_rate):.6g} fps{kind}"


def _colour(video: VideoStream) -> str:
    colour = video.colour
    names = (colour.primaries, colour.transfer, colour.matrix, colour.range, colour.chroma_location)
    text = "/".join(printable(name) if name else "-" for name in names)
    kinds = video.hdr_kinds
    hdr = UNKNOWN if kinds is None else ", ".join(sorted(kind.value for kind in kinds))
    parts = [text, f"hdr: {hdr}"]
    if video.dolby_vision is not None:
        parts.append(f"Dolby Vision profile {video.dolby_vision.profile or UNKNOWN}")
    if video.mastering_display is not None:
        parts.append(f"mastering display up to {video.mastering_display.max_luminance or '?'} nits")
    if video.content_light is not None:
        light = video.content_light
        parts.append(f"MaxCLL {light.max_cll}, MaxFALL {light.max_fall}")
    if video.has_ambient_viewing:
        parts.append("ambient viewing environment")
    return ", ".join(parts)


def _audio(audio: AudioStream) -> str:
    parts = [f"{printable(audio.codec)} {printable(audio.profile or '')}".strip()]
    parts.append(counted(audio.channels, "channel") if audio.channels else "? channels")
    if audio.bitrate_bps is not None:
        parts.append(format_rate(audio.bitrate_bps))
    if audio.is_lossless:
        parts.append("lossless")
    return ", ".join(parts) + _labels(audio)


def _labels(stream: VideoStream | AudioStream | SubtitleStream) -> str:
    labels = [stream.language or "", f'"{stream.title}"' if stream.title else ""]
    labels += sorted(stream.dispositions)
    shown = " ".join(printable(label, limit=80) for label in labels if label)
    return f" [{shown}]" if shown else ""


_MAIN = re.compile(r"video \d+ \(main\): ")


_SIZE = re.compile(r", (\d{1,6})x(\d{1,6}), ")


_STEADY_RATE = re.compile(r", (\d{1,6}(?:\.\d{1,9})?) fps(?:,|$)")
"""A variable rate is an average of the file, and says little of its pictures."""


class MainPicture(msgspec.Struct, frozen=True, kw_only=True):
    """Of the main video stream. `frame_rate` in frames per second, None for a variable one."""

    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None


def main_picture(lines: Iterable[str]) -> MainPicture:
    """What `source_lines` says of the main stream; what it does not say stays None."""
    line = next((line for line in lines if _MAIN.match(line)), "")
    size, rate = _SIZE.search(line), _STEADY_RATE.search(line)
    return MainPicture(
        width=int(size[1]) if size else None,
        height=int(size[2]) if size else None,
        frame_rate=float(rate[1]) or None if rate else None,
    )
