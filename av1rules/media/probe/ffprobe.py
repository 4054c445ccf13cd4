"""Probes untrusted files with ffprobe, bounded in time, memory, formats and output.

Most files take one question. A second one, for the first decoded pictures of the film, is asked
only where they could tell more: captions, HDR metadata, field flags (see `picture_scan`).
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from av1rules.base.errors import ProbeError, UnansweredProbeError
from av1rules.base.process import Children, Limits, run
from av1rules.ffmpeg.tools import Tools
from av1rules.media.encryption import (
    encrypted_text,
    encryption_of,
    encryption_of_head,
)
from av1rules.media.film_cache import (
    FARTHER,
    FIRST_REACH,
    is_headerless,
    is_resolved,
    without_unresolved,
)
from av1rules.media.matroska.facts import MatroskaStructure, structure_of
from av1rules.media.matroska.read import read_matroska
from av1rules.media.mp4_boxes import read_mp4
from av1rules.media.probe.bitstream_scan import NO_HINTS, PLAIN, PictureHints, scan
from av1rules.media.probe.container_scan import matroska_tracks
from av1rules.media.probe.ffprobe_argv import (
    HEADERLESS_SUFFIXES,
    KEY_PACKETS,
    PICTURES_FIRST,
    end_argv,
    facts_argv,
    key_pictures_argv,
    pictures_argv,
)
from av1rules.media.probe.ffprobe_failures import may_pass, why_not
from av1rules.media.probe.ffprobe_json import (
    RawFrame,
    RawPacket,
    RawProbe,
    RawStream,
    read_probe,
    word,
)
from av1rules.media.probe.file_head import FileHead, read_head
from av1rules.media.probe.film_length import film_length_s
from av1rules.media.probe.packet_bytes import SCANNED_PACKETS, layers_beside, payloads
from av1rules.media.probe.parse import build_source, main_stream, track_indexes
from av1rules.media.probe.parse_video import PROGRESSIVE_CODECS
from av1rules.media.source import LibraryFile, Reach, Source, is_matroska

MEMORY_BYTES = 3 * 1024**3
"""Address space of one ffprobe: the static build maps 0.3 GB, 8K pictures need about 1.5 GB."""

OUTPUT_BYTES = 16 * 1024**2
"""An answer is 5-50 KB; thousands of streams or megabytes of tags are refused."""

DEFAULT_TIMEOUT_S = 30.0

END_TIMEOUT_S = 10.0
"""A look at the end takes 0.02 s; without an index FFmpeg reads the whole file for it."""

_CAPTION_CODECS = frozenset({"h264", "hevc", "vvc", "av1", "mpeg2video"})
"""Codecs whose pictures may carry CEA-608/708 captions as FFmpeg reads them."""


def probe_file(
    file: LibraryFile,
    tools: Tools,
    *,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    children: Children | None = None,
    reach: Reach = FIRST_REACH,
) -> Source:
    """All facts of one file. Raises ProbeError if it can't be read as media, of the kind
    UnansweredProbeError if that may not be the file's fault. `reach` is how far to look where the
    container has no list of its streams; farther, if a track is known to begin behind it."""
    source = _probed(file, tools, timeout_s, children, reach)
    farther = () if source.reach is None or is_resolved(source) else FARTHER
    for more in farther:
        if more.size_bytes > reach.size_bytes:
            source = _probed(file, tools, timeout_s, children, more)
        if is_resolved(source):
            return source
    return without_unresolved(source)


def _probed(
    file: LibraryFile, tools: Tools, timeout_s: float, children: Children | None, reach: Reach
) -> Source:
    path = file.path
    if file.stat.size_bytes == 0:
        raise ProbeError("the file is empty")
    head = read_head(path)
    raw, used = _facts(path, head, tools.ffprobe, timeout_s, children, reach)
    frames: Sequence[RawFrame] | None = raw.frames or None
    hints: PictureHints | None = NO_HINTS
    main = main_stream(raw)
    if main is not None and main.pix_fmt is None and used is None:
        argv = facts_argv(tools.ffprobe, path, with_pictures=False, deep=True)
        raw = _further(argv, path, timeout_s, children) or raw
        main, frames = main_stream(raw), raw.frames or None
    if main is not None and not any(frame.stream_index == main.index for frame in raw.frames):
        hints = _hints(main, raw, path)
        if hints is None:
            argv = pictures_argv(tools.ffprobe, path, main, reach=used)
            frames = _pictures(argv, path, timeout_s, children)
        if frames is not None and not any(one.stream_index == main.index for one in frames):
            argv = key_pictures_argv(tools.ffprobe, path, main, reach=used)
            found = _further(argv, path, timeout_s, children)
            if found is None or not found.frames:  # a stream that is refreshed bit by bit has none
                argv = pictures_argv(tools.ffprobe, path, main, packets=KEY_PACKETS, reach=used)
                found = _further(argv, path, timeout_s, children)
            frames = () if found is None else found.frames
            hints = replace(hints or NO_HINTS, begins_mid_group=bool(frames))
    if main is not None:
        hints = replace(hints or NO_HINTS, beside=layers_beside(main, raw, path))

    def ask(words: tuple[str, ...]) -> tuple[RawPacket, ...] | None:
        return _end_packets(words, path, tools.ffprobe, timeout_s, children)

    size = file.stat.size_bytes
    source = build_source(
        raw,
        size_bytes=size,
        frames=frames,
        hints=hints or NO_HINTS,
        length_s=None if main is None else film_length_s(main, raw, path, size, ask),
        mp4=read_mp4(path, track_indexes(raw)) if "mp4" in (raw.format.format_name or "") else None,
        codec_ids=tuple(track.codec_id for track in matroska_tracks(head.data)),
        encryption=encryption_of(raw, head.data, head.sectors),
    )
    matroska = _structure(path) if is_matroska(source) else None
    return replace(source, matroska=matroska, reach=used)


def _structure(path: str) -> MatroskaStructure:
    """What ffprobe does not show of a Matroska file, read by ourselves."""
    try:
        return structure_of(read_matroska(path))
    except OSError as problem:
        raise UnansweredProbeError(f"can't be read: {problem.strerror}") from problem


def _facts(
    path: str,
    head: FileHead,
    ffprobe: str,
    timeout_s: float,
    children: Children | None,
    reach: Reach,
) -> tuple[RawProbe, Reach | None]:
    """The answer to the first question, and the reach that the container needed."""
    try:
        return _answered(path, head.plain_tracks, ffprobe, timeout_s, children, reach)
    except UnansweredProbeError:
        raise
    except ProbeError as problem:
        name = encryption_of_head(head.data)
        if name is None:
            raise
        raise ProbeError(encrypted_text(name)) from problem


def _answered(
    path: str,
    plain_tracks: int,
    ffprobe: str,
    timeout_s: float,
    children: Children | None,
    reach: Reach,
) -> tuple[RawProbe, Reach | None]:
    suffix = path.rpartition(".")[2].lower()
    with_pictures = suffix in PICTURES_FIRST
    if plain_tracks and not with_pictures:
        argv = facts_argv(ffprobe, path, with_pictures=False, sparing=True)
        raw = _tried(argv, path, timeout_s, children)
        if raw is not None and _is_reported(raw, plain_tracks):
            return raw, None
    first = reach if suffix in HEADERLESS_SUFFIXES else None
    argv = facts_argv(ffprobe, path, with_pictures=with_pictures, reach=first)
    raw = read_probe(_ask(argv, path, timeout_s, children))
    if not is_headerless(raw.format.format_name or ""):
        return raw, None
    if first is None:
        argv = facts_argv(ffprobe, path, with_pictures=with_pictures, reach=reach)
        raw = read_probe(_ask(argv, path, timeout_s, children))
    return raw, reach


def _tried(
    argv: list[str], path: str, timeout_s: float, children: Children | None
) -> RawProbe | None:
    """The answer to a question; None if there is none by the file's own fault."""
    try:
        return read_probe(_ask(argv, path, timeout_s, children))
    except UnansweredProbeError:
        raise
    except ProbeError:
        return None


def _further(
    argv: list[str], path: str, timeout_s: float, children: Children | None
) -> RawProbe | None:
    """As `_tried`, but no answer in time says nothing: the first questions were answered."""
    try:
        return _tried(argv, path, timeout_s, children)
    except UnansweredProbeError:
        return None


def _is_reported(raw: RawProbe, plain_tracks: int) -> bool:
    """Whether sparing hid nothing: all video is the plain H.264 that was seen, of known format."""
    video = [stream for stream in raw.streams if stream.codec_type == "video"]
    are_plain = all(one.codec_name == "h264" and one.pix_fmt is not None for one in video)
    return are_plain and len(video) == plain_tracks


def _hints(main: RawStream, raw: RawProbe, path: str) -> PictureHints | None:
    """What is sure without decoding; None if pictures have to be decoded to know."""
    codec = main.codec_name or ""
    if main.pix_fmt is None:
        return NO_HINTS  # encrypted or unknown: there is nothing to decode
    if codec not in _CAPTION_CODECS:
        if codec in PROGRESSIVE_CODECS:
            return PLAIN
        order = word(main.field_order)
        is_interlaced = None if order is None else order != "progressive"
        reported = PictureHints(has_captions=False, is_interlaced=is_interlaced)
        return None if order is None else reported
    if codec == "h264" and main.field_order != "progressive":
        return None
    has_light = any(side.max_content is not None for side in main.side_data_list)
    if codec == "av1" and main.color_transfer == "smpte2084" and not has_light:
        # Static metadata may be in the bitstream alone: Matroska shows a pair of light levels only.
        return None
    return _scanned(main, raw, path)


def _scanned(main: RawStream, raw: RawProbe, path: str) -> PictureHints | None:
    """What the first packets of the film tell together."""
    own = [packet for packet in raw.packets if packet.stream_index == main.index]
    hints = [
        scan(main.codec_name or "", payload, size)
        for payload, size in payloads(own[:SCANNED_PACKETS], path)
    ]
    known = [hint for hint in hints if hint is not None]
    if not known or len(known) < min(len(own), SCANNED_PACKETS):
        return None
    return PictureHints(
        has_captions=False,
        is_interlaced=False,
        has_hdr10_plus=any(hint.has_hdr10_plus for hint in known),
        has_dolby_vision=any(hint.has_dolby_vision for hint in known),
        mastering_display=next(filter(None, (hint.mastering_display for hint in known)), None),
        content_light=next(filter(None, (hint.content_light for hint in known)), None),
        has_ambient_viewing=any(hint.has_ambient_viewing for hint in known),
    )


def _pictures(
    argv: list[str], path: str, timeout_s: float, children: Children | None
) -> Sequence[RawFrame]:
    """The first pictures; none if decoding them fails, which makes the stream undecodable."""
    raw = _tried(argv, path, timeout_s, children)
    return () if raw is None else raw.frames


def _end_packets(
    words: tuple[str, ...],
    path: str,
    ffprobe: str,
    timeout_s: float,
    children: Children | None,
) -> tuple[RawPacket, ...] | None:
    """The packets asked for; None where there is no answer in time: only a length depends on it."""
    try:
        answer = _ask(end_argv(ffprobe, path, words), path, min(timeout_s, END_TIMEOUT_S), children)
        return read_probe(answer).packets
    except ProbeError:
        return None


def _ask(argv: list[str], path: str, timeout_s: float, children: Children | None) -> bytes:
    limits = Limits(timeout_s=timeout_s, memory_bytes=MEMORY_BYTES, output_bytes=OUTPUT_BYTES)
    try:
        done = run(argv, children=children, limits=limits, tether=True)
    except ValueError as problem:  # a zero byte in the name can't be: argv would refuse it
        raise ProbeError(f"ffprobe can't be asked about this name: {problem}") from problem
    if children is not None:
        children.check()  # a probe that we stopped says nothing about its file
    if done.stopped == "timeout":
        raise UnansweredProbeError(f"ffprobe gave no answer within {timeout_s:g} s")
    if done.stopped == "output":
        raise ProbeError(f"ffprobe's answer is larger than {OUTPUT_BYTES} bytes")
    if not done.ok:
        kind = UnansweredProbeError if may_pass(done) else ProbeError
        raise kind(why_not(done, path))
    return done.stdout
