"""The FFmpeg command of one encode, as an argument list. Pure: the command shown is the one run.

Each unusual option prevents a measured problem; the reason is beside it.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence

import msgspec

from av1rules.base.text import printable
from av1rules.encode import containers
from av1rules.encode.camera_tags import has_free_tags
from av1rules.encode.containers import MKV, MP4
from av1rules.encode.encoders.registry import (
    encoder_options,
    encoder_settings_text,
    require_encoder,
)
from av1rules.encode.filters import conversion_args, picture_filters, pix_fmt
from av1rules.encode.job import EncodeJob
from av1rules.encode.kept_layers import is_plane, keeps_spherical, stereo_tag
from av1rules.encode.losses import keeps_dolby_vision
from av1rules.encode.picture_times import encoded_times_args
from av1rules.encode.streams import CHAPTER_SLACK_S, StreamAction, StreamPlan, StreamStep
from av1rules.ffmpeg.film_log import watching
from av1rules.ffmpeg.run import file_url
from av1rules.media.provenance_tag import PROVENANCE_TAG, text_tag
from av1rules.media.source import Attachment, Source
from av1rules.policy.deinterlacing import (
    pictures_per_frame,
)
from av1rules.policy.settings import Loss

MUXING_QUEUE_PACKETS = 4096
"""Packets kept while another stream has not started: sparse subtitles overflow the default 128."""


STATISTICS_TAGS = (
    "BPS",
    "NUMBER_OF_FRAMES",
    "NUMBER_OF_BYTES",
    "_STATISTICS_WRITING_APP",
    "_STATISTICS_WRITING_DATE_UTC",
    "_STATISTICS_TAGS",
)
"""mkvmerge's statistics of a stream: wrong once it is re-encoded."""

STALE_TAGS = tuple(f"{key}{suffix}" for suffix in ("", "-eng") for key in STATISTICS_TAGS)
"""Both ways in which mkvmerge's versions name them."""


BRAND_TAGS = ("major_brand", "minor_version", "compatible_brands")
"""Tags in which an MP4 describes its own container: wrong in any other file."""


class CoverFile(msgspec.Struct, frozen=True, kw_only=True):
    """A cover image, extracted from the source and ready to be attached."""

    path: str
    mimetype: str
    filename: str


class EncodedPictures(msgspec.Struct, frozen=True, kw_only=True):
    """Pictures that are encoded already: a list of files for FFmpeg's demuxer `concat`, whose first
    picture comes `offset_ms` after the beginning of the source."""

    list_path: str
    offset_ms: int


def build_argv(
    job: EncodeJob,
    *,
    ffmpeg: str,
    output: str,
    covers: tuple[CoverFile, ...] = (),
    reading: tuple[str, ...] = (),
    times: str | None = None,
    encoded: EncodedPictures | None = None,
) -> tuple[str, ...]:
    """The whole command that encodes `job` into `output`, attaching `covers`. `reading` are more
    options of the input; FFmpeg writes the times of the pictures to `times`. Pictures that are
    `encoded` already are copied, and all else is as if they were not."""
    streams = job.streams
    return (
        ffmpeg,
        *input_options(job.source_path, job.source, reading),
        *_encoded_input(encoded),
        *_maps(streams, encoded),
        *_codecs(job, streams, times, encoded),
        *_stream_tags(streams, encoded),
        *_global_tags(job),
        *_dispositions(job.source, streams),
        *_titles(job.source, streams),
        *_attachments(job.source, streams, covers),
        *_muxing(job, streams),
        file_url(output),
    )


def shown_command(argv: Sequence[str]) -> str:
    """The command in bash syntax. Control, direction-changing and non-UTF-8 characters appear as
    escapes in `$'...'`; everything else is as `shlex.join` quotes it."""
    return " ".join(_quoted(word) for word in argv)


def _quoted(word: str) -> str:
    if printable(word) == word:
        return shlex.quote(word)
    return "$'" + "".join(_escaped(character) for character in word) + "'"


def _escaped(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    if printable(character) == character:
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8
        code -= 0xDC00
    elif code >= 0x80:
        return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character) or f"\\x{code:02x}"


def input_options(path: str, source: Source, reading: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Global options and the input. A media file is not trusted: FFmpeg may open only local files,
    and only with the demuxer that the probe found (never a playlist named like a video). `reading`
    are more options of the input."""
    decoders = (
        word
        for stream in source.subtitles
        if stream.decoder is not None
        for word in (f"-c:{stream.index}", stream.decoder)
    )
    return (*GLOBAL_ARGS, *input_guard_args(source), *decoders, *reading, "-i", file_url(path))


GLOBAL_ARGS = (
    "-nostdin", "-v", "level+verbose",
    "-progress", "pipe:1", "-nostats", "-stats_period", "1",
)  # fmt: skip


def input_guard_args(source: Source) -> tuple[str, ...]:
    """Options before each input."""
    return (
        "-protocol_whitelist", "file", "-format_whitelist", source.container,
        "-noautorotate",  # or the rotation is baked in and the coded size changes
        *(source.reach.options if source.reach is not None else ()),  # or streams count otherwise
        *(source.main.packet_filter if source.main is not None else ()),
    )  # fmt: skip


def _encoded_input(encoded: EncodedPictures | None) -> Iterator[str]:
    """The second input, so that FFmpeg's counts of the first are those of the source."""
    if encoded is not None:
        yield from ("-protocol_whitelist", "file", "-format_whitelist", "concat,matroska,webm")
        yield from ("-itsoffset", f"{encoded.offset_ms}ms", "-f", "concat")
        yield from ("-i", file_url(encoded.list_path))


def _maps(streams: StreamPlan, encoded: EncodedPictures | None) -> Iterator[str]:
    for step in streams.mapped:
        is_encoded = encoded is not None and step.action is StreamAction.ENCODE
        yield from ("-map", "1:0" if is_encoded else f"0:{step.index}")


def _stream_tags(streams: StreamPlan, encoded: EncodedPictures | None) -> Iterator[str]:
    """FFmpeg takes the tags of a stream from the input that it copies; these are in the source. To
    name one of them means to name all."""
    if encoded is not None:
        for number, step in enumerate(streams.mapped):
            yield from (f"-map_metadata:s:{number}", f"0:s:{step.index}")


def _codecs(
    job: EncodeJob, streams: StreamPlan, times: str | None, encoded: EncodedPictures | None
) -> Iterator[str]:
    """A codec for every output stream by number: options by type would encode the cover too."""
    position = 0
    for number, step in enumerate(streams.mapped):
        if step.action is StreamAction.ENCODE and encoded is not None:
            yield from (f"-c:{number}", "copy")
            yield from _video_tags(job, f"v:{position}")
        elif step.action is StreamAction.ENCODE:
            yield from _encoded(job, number, position)
            yield from encoded_times_args(f"v:{position}", times) if times else ()
        elif step.action is StreamAction.CONVERT:
            yield from (f"-c:{number}", step.to or "copy")
        else:
            yield from (f"-c:{number}", "copy")
            yield from _copied_tags(job.source, step.index, f"v:{position}")
            yield from _salvaged(job, number, step)
        position += step.kind in ("video", "cover")


def _copied_tags(source: Source, index: int, video: str) -> Iterator[str]:
    """A copied video loses a mark that is wrong without the track that combined it with others."""
    if any(stream.index == index and is_plane(stream) for stream in source.video):
        yield from (f"-metadata:s:{video}", "stereo_mode=")


def _salvaged(job: EncodeJob, number: int, step: StreamStep) -> Iterator[str]:
    """AAC of a broadcast gets other headers by a filter, and a broken frame in it ends the whole
    encode; a filter that is named here leaves such a frame out and goes on."""
    if Loss.DAMAGE in job.settings.accept and step.codec == "aac":
        yield from (f"-bsf:{number}", "aac_adtstoasc")


def _encoded(job: EncodeJob, number: int, position: int) -> Iterator[str]:
    """Options of the one encoded stream: `number` among all, `position` among video streams."""
    video = f"v:{position}"
    yield from encoder_args(job, number, video)
    yield from (f"-filter:{video}", watching(",".join(picture_filters(job))))
    yield from video_args(job, video)
    # Only these two together keep every frame and its time where the frame rate varies.
    # Fields lie between the ticks of some containers, and film has ticks of its own.
    base = "demux" if pictures_per_frame(job.settings) == 1 else "filter"
    yield from (f"-fps_mode:{video}", "passthrough", f"-enc_time_base:{video}", base)
    yield from _video_tags(job, video)


def encoder_args(job: EncodeJob, number: int, video: str) -> Iterator[str]:
    """The encoder of output stream `number` and its options, for the stream called `video`."""
    yield from (f"-c:{number}", job.encoder.codec)
    for name, value in encoder_options(job.settings, job.encoder, job.facts, threads=job.threads):
        yield from (f"-{name}:{video}", value)
    # Without explode, an unknown or refused encoder parameter is only a warning.
    yield from (f"-err_detect:{video}", "explode")
    if keeps_dolby_vision(job.main, job.encoder):
        yield from (f"-dolbyvision:{video}", "1")  # "auto" drops profile 8 silently


def video_args(job: EncodeJob, video: str) -> Iterator[str]:
    """The pixel format of the frames that the encoder gets."""
    yield from (f"-pix_fmt:{video}", pix_fmt(job))
    yield from conversion_args(job, video)


def _video_tags(job: EncodeJob, video: str) -> Iterator[str]:
    spec = f"-metadata:s:{video}"
    for key in STALE_TAGS:
        yield from (spec, f"{key}=")
    if job.main.has_alpha:
        yield from (spec, "alpha_mode=")  # or the target claims transparency that is gone
    if (mode := stereo_tag(job.main, job.settings.container)) is not None:
        yield from (spec, f"stereo_mode={mode}")
    # bitexact shortens the muxer's own tag to the codec's name; this one has the version.
    version = job.encoder.version
    name = require_encoder(job.encoder.codec).product
    yield from (spec, f"encoder={name} {version}" if version else f"encoder={name}")
    if job.settings.container == MKV:
        text = encoder_settings_text(job.settings, job.encoder, job.facts)
        yield from (spec, f"ENCODER_SETTINGS={text}")


def _global_tags(job: EncodeJob) -> Iterator[str]:
    yield from ("-map_metadata", "0", "-map_chapters", "0")
    there = {key for key, _ in job.source.tags}
    for key in BRAND_TAGS:
        if key in there:
            yield from ("-metadata", f"{key}=")
    if job.settings.container == MKV:
        yield from ("-metadata", f"{PROVENANCE_TAG}={job.provenance}")
        return
    key, text = text_tag(job.provenance, job.source.tags)
    yield from ("-metadata", f"{key}={text}")
    yield from _blank_titles(job.source)


def _blank_titles(source: Source) -> Iterator[str]:
    """FFmpeg's MP4 leaves a chapter without a title out of one of its two lists of chapters, so
    that the next title stands in its place: a blank keeps the place."""
    start_s = (source.start_s or 0.0) + CHAPTER_SLACK_S
    if any(chapter.end_s <= start_s for chapter in source.chapters):
        return  # those that end before the film are left out, and the others count otherwise
    for number, chapter in enumerate(source.chapters):
        if not chapter.title:
            yield from (f"-metadata:c:{number}", "title= ")


def _dispositions(source: Source, streams: StreamPlan) -> Iterator[str]:
    """Every stream's flags by name: by default FFmpeg marks the first of each kind as default."""
    flags = {stream.index: stream.dispositions for stream in source.streams()}
    for number, step in enumerate(streams.mapped):
        if step.kind == "cover":
            yield from (f"-disposition:{number}", "attached_pic")
        elif step.kind != "attachment":
            names = sorted(flags.get(step.index, ()) if step.flags is None else step.flags)
            yield from (f"-disposition:{number}", "+".join(names) or "0")


def _titles(source: Source, streams: StreamPlan) -> Iterator[str]:
    """MP4 has no track titles; players show the handler name instead."""
    if streams.container != MP4:
        return
    titles = {stream.index: stream.title for stream in source.streams()}
    for number, step in enumerate(streams.mapped):
        if title := titles.get(step.index):
            yield from (f"-metadata:s:{number}", f"handler_name={title}")


def _attachments(
    source: Source, streams: StreamPlan, covers: tuple[CoverFile, ...]
) -> Iterator[str]:
    items = {item.index: item for item in source.attachments}
    number = 0
    for step in streams.mapped:
        if step.kind == "attachment":
            yield from _missing_tags(items[step.index], number)
            number += 1
    for cover in covers:
        yield from ("-attach", file_url(cover.path))
        yield from (f"-metadata:s:t:{number}", f"mimetype={cover.mimetype}")
        yield from (f"-metadata:s:t:{number}", f"filename={cover.filename}")
        number += 1


def _missing_tags(item: Attachment, number: int) -> Iterator[str]:
    """Matroska requires a name and type for each attachment; some files have neither."""
    if item.mimetype is None:
        yield from (f"-metadata:s:t:{number}", "mimetype=application/octet-stream")
    if item.filename is None:
        yield from (f"-metadata:s:t:{number}", f"filename=attachment-{item.index}")


def cover_names(source: Source, steps: Sequence[StreamStep]) -> tuple[tuple[str, str], ...]:
    """(MIME type, file name) of each cover to attach: its own name, or cover.jpg, cover-2.jpg."""
    items = {item.index: item for item in source.attachments}
    names = []
    for count, step in enumerate(steps, start=1):
        mimetype, suffix = containers.COVERS[step.codec or ""]
        number = "" if count == 1 else f"-{count}"
        item = items[step.index]
        names.append((item.mimetype or mimetype, item.filename or f"cover{number}{suffix}"))
    return tuple(names)


def cover_files(job: EncodeJob, folder: str) -> tuple[CoverFile, ...]:
    """The covers to attach, as files that `encode` extracts into `folder`."""
    steps = job.streams.attached
    return tuple(
        CoverFile(path=os.path.join(folder, f"cover-{step.index}"), mimetype=mime, filename=name)
        for step, (mime, name) in zip(steps, cover_names(job.source, steps), strict=True)
    )


def _muxing(job: EncodeJob, streams: StreamPlan) -> Iterator[str]:
    yield from ("-max_muxing_queue_size", str(MUXING_QUEUE_PACKETS))
    yield from ("-abort_on", "empty_output")  # no frame at all would be exit code 0
    if job.settings.container == MP4:
        tags = "+use_metadata_tags" if has_free_tags(job.source, MP4) else ""
        yield from ("-movflags", f"+faststart{tags}", *_strictness(job, streams))
    yield from ("-fflags", "+bitexact")  # no random UIDs: the same job gives the same bytes
    yield from ("-f", containers.MUXERS[job.settings.container])


def _strictness(job: EncodeJob, streams: StreamPlan) -> tuple[str, ...]:
    """FFmpeg writes TrueHD and the boxes of Dolby Vision and spherical pictures to MP4 only with
    relaxed strictness."""
    if any(step.codec == "truehd" for step in streams.mapped):
        return ("-strict", "experimental")
    is_spherical = keeps_spherical(job.main, job.settings.container)
    if is_spherical or keeps_dolby_vision(job.main, job.encoder):
        return ("-strict", "unofficial")
    return ()
