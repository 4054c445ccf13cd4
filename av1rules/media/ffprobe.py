"""Probes untrusted files with ffprobe, bounded in time, memory, formats and output.

Most files take one question. A second one, for the first decoded pictures of the film, is asked
only where they could tell more: captions, HDR metadata, field flags (see `picture_scan`).
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from av1rules.base.errors import ProbeError, UnansweredProbeError
from av1rules.base.files import open_regular
from av1rules.base.process import Children, Completed, Limits, run
from av1rules.ffmpeg.run import DEMUXERS
from av1rules.ffmpeg.tools import Tools
from av1rules.media.bitstream_scan import NO_HINTS, PLAIN, PictureHints, scan
from av1rules.media.cache import LibraryCache, ProbeFailure, stat_key
from av1rules.media.container_scan import (
    matroska_tracks,
)
from av1rules.media.encryption import (
    encrypted_text,
    encryption_of,
    encryption_of_head,
)
from av1rules.media.ffprobe_json import (
    RawFrame,
    RawPacket,
    RawProbe,
    RawStream,
    positive_int,
    read_probe,
    word,
)
from av1rules.media.file_head import FileHead, read_head
from av1rules.media.parse import build_source, main_stream
from av1rules.media.parse_video import PROGRESSIVE_CODECS
from av1rules.media.source import LibraryFile, Source

MEMORY_BYTES = 3 * 1024**3
"""Address space of one ffprobe: the static build maps 0.3 GB, 8K pictures need about 1.5 GB."""


OUTPUT_BYTES = 16 * 1024**2
"""An answer is 5-50 KB; thousands of streams or megabytes of tags are refused."""


DEFAULT_TIMEOUT_S = 30.0


PACKETS = 64
"""Packets asked for: some of the film's are among them even where seconds of sound come first."""


SCANNED_PACKETS = 3


SCANNED_BYTES = 4 * 1024**2
"""At most so much of each is looked through; the largest real picture is smaller."""


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


_FRAME_ENTRIES = (
    "frame=stream_index,pix_fmt,interlaced_frame,color_range,color_space,color_transfer,"
    "color_primaries,chroma_location:frame_side_data=side_data_type,rotation,red_x,red_y,green_x,"
    "green_y,blue_x,blue_y,white_point_x,white_point_y,min_luminance,max_luminance,max_content,"
    "max_average"
)


_ALWAYS = ("-v", "error", "-hide_banner", "-protocol_whitelist", "file", "-of", "json=c=1")


_FACTS = ("-show_format", "-show_streams", "-show_chapters")


_DISK_FAULTS = tuple(
    os.strerror(number)
    for number in (
        errno.EIO, errno.ENOENT, errno.ESTALE, errno.EACCES, errno.EPERM, errno.ENXIO, errno.ENODEV,
        errno.ETIMEDOUT, errno.ENOTCONN, errno.EMFILE, errno.ENFILE, errno.EINTR,
    )
)  # fmt: skip
"""FFmpeg's last word is the system's own. A damaged file may lead to the first of them too; asking
it again costs little."""


_CAPTION_CODECS = frozenset({"h264", "hevc", "vvc", "av1", "mpeg2video"})
"""Codecs whose pictures may carry CEA-608/708 captions as FFmpeg reads them."""


_PICTURES = {"hevc": 1, "vvc": 1, "av1": 1, "vp9": 1, "h264": 2}
"""Packets decoded: a first picture of these tells all and costs much; of older codecs a few more,
since broadcasts may start on a picture that is not yet complete."""


def facts_argv(ffprobe: str, path: str, *, with_pictures: bool, sparing: bool = False) -> list[str]:
    """The first question: container, streams, chapters, and first packets or pictures; `sparing`
    for plain H.264 (`_SPARING`)."""
    more = (
        ("-show_entries", _FRAME_ENTRIES, "-read_intervals", "%+#6")
        if with_pictures
        else ("-show_packets", "-read_intervals", f"%+#{PACKETS}")
    )
    limit = _SPARING if sparing else ()
    return [
        ffprobe,
        *_ALWAYS,
        *limit,
        "-format_whitelist",
        DEMUXERS,
        *_FACTS,
        *more,
        f"file:{path}",
    ]


def pictures_argv(ffprobe: str, path: str, stream: RawStream) -> list[str]:
    """The second question: the first pictures of one stream."""
    count = _PICTURES.get(stream.codec_name or "", 5)
    return [
        ffprobe, *_ALWAYS, "-format_whitelist", DEMUXERS, "-nofind_stream_info",
        "-select_streams", str(stream.index),
        "-show_entries", _FRAME_ENTRIES, "-read_intervals", f"%+#{count}", f"file:{path}",
    ]  # fmt: skip


def probe_file(
    file: LibraryFile,
    tools: Tools,
    *,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    children: Children | None = None,
) -> Source:
    """All facts of one file. Raises ProbeError if it can't be read as media, of the kind
    UnansweredProbeError if that may not be the file's fault."""
    path = file.path
    if file.stat.size_bytes == 0:
        raise ProbeError("the file is empty")
    head = read_head(path)
    raw = _facts(path, head, tools.ffprobe, timeout_s, children)
    frames: Sequence[RawFrame] | None = raw.frames or None
    hints: PictureHints | None = NO_HINTS
    main = main_stream(raw)
    if main is not None and not any(frame.stream_index == main.index for frame in raw.frames):
        hints = _hints(main, raw, path)
        if hints is None:
            argv = pictures_argv(tools.ffprobe, path, main)
            frames = _pictures(argv, path, timeout_s, children)
    size = file.stat.size_bytes
    return build_source(
        raw,
        size_bytes=size,
        frames=frames,
        hints=hints or NO_HINTS,
        codec_ids=tuple(track.codec_id for track in matroska_tracks(head.data)),
        encryption=encryption_of(raw, head.data, head.sectors),
    )


def probe_many(
    files: Sequence[LibraryFile],
    tools: Tools,
    cache: LibraryCache,
    *,
    jobs: int,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    children: Children | None = None,
) -> Iterator[tuple[LibraryFile, Source | ProbeFailure]]:
    """Every file with its facts or its failure, in the order given; `jobs` probes at a time.

    Answers come from the cache where the file and ffprobe are unchanged, and go into it. Raises
    `RunInterruptedError` once `children` is stopped.
    """
    version = tools.ffprobe_version
    known = cache.load_many((file.stat for file in files), ffprobe_version=version)

    def probe(file: LibraryFile) -> Source | ProbeFailure:
        outcome = _outcome_of(file, tools, timeout_s, children)
        if isinstance(outcome, Source) or not outcome.is_passing:
            cache.put_probe(file.stat, outcome, ffprobe_version=version)
        return outcome

    missing = iter([file for file in files if stat_key(file.stat) not in known])
    with ThreadPoolExecutor(max_workers=max(jobs, 1)) as pool:
        ahead: deque[Future[Source | ProbeFailure]] = deque()
        try:
            for file in files:
                outcome = known.get(stat_key(file.stat))
                if outcome is None:
                    # A window of work keeps memory flat over 100,000 files.
                    while len(ahead) < 8 * jobs and (following := next(missing, None)) is not None:
                        ahead.append(pool.submit(probe, following))
                    outcome = ahead.popleft().result()
                yield file, outcome
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            cache.flush()


def _outcome_of(
    file: LibraryFile, tools: Tools, timeout_s: float, children: Children | None
) -> Source | ProbeFailure:
    try:
        return probe_file(file, tools, timeout_s=timeout_s, children=children)
    except ProbeError as problem:
        is_passing = isinstance(problem, UnansweredProbeError)
        return ProbeFailure(message=problem.message, is_passing=is_passing)


def _facts(
    path: str, head: FileHead, ffprobe: str, timeout_s: float, children: Children | None
) -> RawProbe:
    try:
        return _answered(path, head.plain_tracks, ffprobe, timeout_s, children)
    except UnansweredProbeError:
        raise
    except ProbeError as problem:
        name = encryption_of_head(head.data)
        if name is None:
            raise
        raise ProbeError(encrypted_text(name)) from problem


def _answered(
    path: str, plain_tracks: int, ffprobe: str, timeout_s: float, children: Children | None
) -> RawProbe:
    with_pictures = path.rpartition(".")[2].lower() in PICTURES_FIRST
    if plain_tracks and not with_pictures:
        argv = facts_argv(ffprobe, path, with_pictures=False, sparing=True)
        raw = _tried(argv, path, timeout_s, children)
        if raw is not None and _is_reported(raw, plain_tracks):
            return raw
    argv = facts_argv(ffprobe, path, with_pictures=with_pictures)
    return read_probe(_ask(argv, path, timeout_s, children))


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
    if codec == "av1" and main.color_transfer == "smpte2084" and not main.side_data_list:
        return None  # static metadata may be in the bitstream alone
    return _scanned(main, raw, path)


def _scanned(main: RawStream, raw: RawProbe, path: str) -> PictureHints | None:
    """What the first packets of the film tell together."""
    own = [packet for packet in raw.packets if packet.stream_index == main.index]
    hints = [
        scan(main.codec_name or "", payload, size)
        for payload, size in _payloads(own[:SCANNED_PACKETS], path)
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


def _payloads(packets: Sequence[RawPacket], path: str) -> list[tuple[bytes, int]]:
    """The bytes of packets, with some after them, and their sizes; fewer if one can't be found."""
    found: list[tuple[bytes, int]] = []
    with contextlib.suppress(OSError, OverflowError), open_regular(path) as file:
        for packet in packets:
            size = positive_int(packet.size)
            if packet.pos is None or not packet.pos.isdigit() or size is None:
                break
            if size > SCANNED_BYTES:
                break
            payload = os.pread(file.fileno(), size + 64, int(packet.pos))
            if len(payload) < size:
                break
            found.append((payload, size))
    return found


def _pictures(
    argv: list[str], path: str, timeout_s: float, children: Children | None
) -> Sequence[RawFrame]:
    """The first pictures; none if decoding them fails, which makes the stream undecodable."""
    raw = _tried(argv, path, timeout_s, children)
    return () if raw is None else raw.frames


def _ask(argv: list[str], path: str, timeout_s: float, children: Children | None) -> bytes:
    limits = Limits(timeout_s=timeout_s, memory_bytes=MEMORY_BYTES, output_bytes=OUTPUT_BYTES)
    try:
        done = run(argv, children=children, limits=limits)
    except ValueError as problem:  # a zero byte in the name can't be: argv would refuse it
        raise ProbeError(f"ffprobe can't be asked about this name: {problem}") from problem
    if children is not None:
        children.check()  # a probe that we stopped says nothing about its file
    if done.stopped == "timeout":
        raise UnansweredProbeError(f"ffprobe gave no answer within {timeout_s:g} s")
    if done.stopped == "output":
        raise ProbeError(f"ffprobe's answer is larger than {OUTPUT_BYTES} bytes")
    if not done.ok:
        kind = UnansweredProbeError if _may_pass(done) else ProbeError
        raise kind(_why(done, path))
    return done.stdout


def _may_pass(done: Completed) -> bool:
    """Whether the file may be well all the same: ffprobe was killed, or could not read on."""
    is_killed = done.returncode < 0 or done.returncode > 128
    return is_killed or any(line.rstrip().endswith(_DISK_FAULTS) for line in done.stderr)


def _why(done: Completed, path: str) -> str:
    lines = [line.strip() for line in done.stderr if line.strip()]
    refused = next((line for line in lines if "not on whitelist" in line), None)
    if refused is not None:
        kind = refused.partition("[")[2].partition(" ")[0]
        return f"the format {kind!r} is not allowed as a source (a playlist or script?)"
    if any("exceeds max_streams" in line for line in lines):
        return "it has more streams than FFmpeg takes (1000)"
    shown = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    words = lines[-1].removeprefix(f"file:{shown}: ") if lines else "no message"
    return f"ffprobe failed ({done.describe_exit()}): {words}"
