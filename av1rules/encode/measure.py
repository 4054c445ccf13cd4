"""Measures a finished file with FFmpeg and ffprobe: decoded frames, packets, start times."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

import msgspec

from av1rules.base.errors import EncodeError
from av1rules.base.process import Children, Limits, run
from av1rules.base.text import printable
from av1rules.encode.picture_times import decoded_times_args
from av1rules.ffmpeg.run import (
    INPUT_GUARD,
    FfmpegResult,
    OnSample,
    file_url,
    ignore_sample,
    run_ffmpeg,
)
from av1rules.ffmpeg.tools import Tools
from av1rules.ffmpeg.watchdog import STALL_S, USUAL_LIMITS, RunLimits
from av1rules.media.source import Reach

INDEX_TIMEOUT_S = 120.0


TIMED_FRAMES = 120
"""Frames whose times are compared: takes seconds even in 4K and shows changed frame timing."""


START_PACKETS = 400
"""Packets read to find the start of the audio: interleaving keeps it within the first second."""


def decode_fully(
    path: str,
    *,
    video: int,
    tracks: tuple[int, ...],
    tools: Tools,
    children: Children,
    limits: RunLimits = USUAL_LIMITS,
    on_sample: OnSample = ignore_sample,
    times: str | None = None,
) -> FfmpegResult:
    """Decode stream `video` and read the `tracks` beside it, stopping at the first error. FFmpeg
    writes the times of the pictures to the file `times`.

    Without `-xerror` FFmpeg patches the picture and ends with exit code 0. `-strict strict` lets
    dav1d look at the padding of every tile too: of 80 single flipped bits it finds 77 (72 without),
    two of the others leave the pictures as they were.
    """
    maps = [part for index in tracks if index != video for part in ("-map", f"0:{index}")]
    return run_ffmpeg(
        [
            tools.ffmpeg, "-nostdin", "-v", "level+verbose", "-xerror",
            "-progress", "pipe:1", "-nostats", "-stats_period", "1",
            *INPUT_GUARD, f"-strict:{video}", "strict", "-i", file_url(path),
            "-map", f"0:{video}", *maps, "-c", "copy", "-c:0", "wrapped_avframe",
            "-fps_mode:v:0", "passthrough",
            *(decoded_times_args("v:0", times) if times else ()), "-f", "null", "-",
        ],
        children=children,
        limits=limits,
        on_sample=on_sample,
    )  # fmt: skip


class _Stream(msgspec.Struct):
    index: int
    codec_type: str | None = None
    start_time: str | None = None


class _Packet(msgspec.Struct):
    stream_index: int
    pts_time: str | None = None


class _Frame(msgspec.Struct):
    best_effort_timestamp_time: str | None = None
    key_frame: int = 0


class _Answer(msgspec.Struct):
    streams: list[_Stream] = msgspec.field(default_factory=list)
    packets: list[_Packet] = msgspec.field(default_factory=list)
    frames: list[_Frame] = msgspec.field(default_factory=list)


def audio_starts(
    path: str, *, tools: Tools, children: Children, reach: Reach | None = None
) -> dict[int, tuple[float, ...]]:
    """When each sound track starts, in seconds by stream index: as its header says, and by its
    first packet, which may be one that MP4 hides and Matroska shows. Of a track that begins late
    only the packet counts: its header may just say where the film begins."""
    entries = "stream=index,codec_type,start_time:packet=stream_index,pts_time"
    first = ("-show_entries", entries, "-read_intervals", f"%+#{START_PACKETS}")
    answer = _ask(path, first, tools, children, reach)
    firsts = _first_times(answer.packets)
    starts = {}
    for stream in answer.streams:
        if stream.codec_type != "audio":
            continue
        values: tuple[float | None, ...] = (_seconds(stream.start_time), firsts.get(stream.index))
        if stream.index not in firsts:
            late = ("-select_streams", str(stream.index), "-show_entries", entries)
            packets = _ask(path, (*late, "-read_intervals", "%+#1"), tools, children, reach).packets
            values = tuple(_first_times(packets).values())
        starts[stream.index] = tuple(value for value in values if value is not None)
    return starts


def _first_times(packets: Iterable[_Packet]) -> dict[int, float]:
    firsts: dict[int, float] = {}
    for packet in packets:
        if packet.pts_time is not None:
            firsts.setdefault(packet.stream_index, float(packet.pts_time))
    return firsts


def first_frame_times(
    path: str,
    index: int,
    *,
    tools: Tools,
    children: Children,
    lead_in: int = 0,
    reach: Reach | None = None,
) -> tuple[float, ...]:
    """When the first pictures of a stream are shown, in seconds; empty where nothing says so. With
    a `lead_in` of packets before the first key frame, those from that on.

    By decoded pictures, since packets may be without times (AVI) or be hidden (edit lists). The
    last few are left out: the end of the interval flushes the decoder, which skips some there.
    """
    answer = _ask(
        path,
        ("-select_streams", str(index),
         "-show_entries", "frame=best_effort_timestamp_time,key_frame",
         "-read_intervals", f"%+#{TIMED_FRAMES + lead_in}"),
        tools, children, reach,
    )  # fmt: skip
    frames = itertools.dropwhile(lambda one: lead_in and not one.key_frame, answer.frames)
    times = [_seconds(frame.best_effort_timestamp_time) for frame in frames]
    if len(times) > TIMED_FRAMES // 2:
        times = times[: -TIMED_FRAMES // 4]
    return tuple(itertools.takewhile(lambda time: time is not None, times))  # type: ignore[arg-type]


def _seconds(text: str | None) -> float | None:
    return None if text in (None, "N/A") else float(text or 0)


def _ask(
    path: str,
    options: tuple[str, ...],
    tools: Tools,
    children: Children,
    reach: Reach | None,
) -> _Answer:
    argv = [*_ffprobe(tools, reach, *options, "-of", "json=c=1"), file_url(path)]
    limits = Limits(timeout_s=INDEX_TIMEOUT_S)
    completed = run(argv, children=children, limits=limits, tether=True)
    children.check()
    if completed.stopped is not None:
        raise EncodeError(
            f"ffprobe gave no answer within {INDEX_TIMEOUT_S:g} s",
            hint="a slow disk, or a file that FFmpeg can't cope with?",
            where=printable(path),
        )
    if not completed.ok:
        return _Answer()
    return msgspec.json.decode(completed.stdout, type=_Answer)


class ShownPackets(msgspec.Struct, frozen=True, kw_only=True):
    """`shown` packets of a stream are meant to be shown: edit lists mark others. `leading` ones
    come right after the first key frame and are shown before it: they refer to pictures before
    the cut, and no decoder shows them."""

    shown: int
    leading: int


def shown_packets(
    path: str,
    index: int,
    *,
    tools: Tools,
    children: Children,
    lead_in: int = 0,
    reach: Reach | None = None,
) -> ShownPackets:
    """Count the packets of a stream, but for the first `lead_in`.

    Reads the whole file; only asked where FFmpeg's own counts do not agree. Raises EncodeError if
    it can't be read.
    """
    number, shown, leading = 0, 0, 0
    key_s: float | None = None

    def on_line(line: str) -> None:
        nonlocal number, shown, leading, key_s
        if not line:
            return
        number += 1
        time, _, flags = line.partition(",")
        if number <= lead_in or "D" in flags:
            return
        shown += 1
        time_s = _seconds(time)
        if key_s is None:
            key_s = time_s
        elif "K" in flags:
            key_s = float("-inf")  # another group: what comes now can be decoded
        elif time_s is not None and time_s < key_s:
            leading += 1

    options = ("-select_streams", str(index), "-show_entries", "packet=pts_time,flags")
    read_packets(path, options, on_line, tools, children, reach)
    return ShownPackets(shown=shown, leading=leading)


class StreamEnd(msgspec.Struct, frozen=True, kw_only=True):
    """When the first packet of a stream starts and the last one ends, by the file's own clock."""

    start_s: float
    end_s: float


def stream_ends(
    path: str, *, tools: Tools, children: Children, reach: Reach | None = None
) -> dict[int, StreamEnd]:
    """The ends of all streams by their packets, by stream index. Reads the whole file; only asked
    where a header is in doubt. Raises EncodeError if it can't be read."""
    ends: dict[int, StreamEnd] = {}

    def on_line(line: str) -> None:
        parts = line.split(",")
        start_s = _seconds(parts[1]) if len(parts) >= 3 else None
        if start_s is None:
            return
        end_s = start_s + (_seconds(parts[2]) or 0.0)
        known = ends.get(int(parts[0]))
        if known is not None:
            start_s, end_s = min(start_s, known.start_s), max(end_s, known.end_s)
        ends[int(parts[0])] = StreamEnd(start_s=start_s, end_s=end_s)

    options = ("-show_entries", "packet=stream_index,pts_time,duration_time")
    read_packets(path, options, on_line, tools, children, reach)
    return ends


def merged_packets(path: str, index: int, *, tools: Tools, children: Children) -> int | None:
    """Packets of a VP9 stream once each hidden picture is joined with the one that shows it: so
    many are to be shown. Reads the whole file. None if FFmpeg can't join them."""
    result = run_ffmpeg(
        [
            tools.ffmpeg, "-nostdin", "-v", "level+verbose", *INPUT_GUARD, "-i", file_url(path),
            "-map", f"0:{index}", "-c", "copy", "-bsf:0", "vp9_superframe", "-f", "null", "-",
        ],
        children=children,
    )  # fmt: skip
    count = result.log.count("out", 0)
    return count.packets if result.ok and count is not None else None


def read_packets(
    path: str,
    options: tuple[str, ...],
    on_line: Callable[[str], None],
    tools: Tools,
    children: Children,
    reach: Reach | None,
) -> None:
    """Give each line of what ffprobe answers to `options` about the packets of a file to `on_line`.
    Raises EncodeError if it can't be read."""
    completed = run(
        [*_ffprobe(tools, reach, *options, "-of", "csv=p=0"), file_url(path)],
        children=children,
        limits=Limits(stall_s=STALL_S),
        on_line=on_line,
        tether=True,
    )
    children.check()
    if not completed.ok:
        raise EncodeError(
            f"the packets of the source can't be counted: {completed.describe_exit()}",
            hint="a slow disk, or a file that FFmpeg can't cope with?",
            where=printable(path),
        )


def _ffprobe(tools: Tools, reach: Reach | None, *options: str) -> list[str]:
    """`reach`: that of the probe of the same file, or its streams count otherwise."""
    far = reach.options if reach is not None else ()
    return [tools.ffprobe, "-v", "error", *INPUT_GUARD, *far, *options]
