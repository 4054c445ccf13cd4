"""Measures a finished file with FFmpeg and ffprobe: decoded frames, packets, start times."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import msgspec

from av1rules.base.errors import EncodeError
from av1rules.base.process import Children, Limits, run
from av1rules.base.text import printable
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
) -> FfmpegResult:
    """Decode stream `video` and read the `tracks` beside it, stopping at the first error.

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
            "-fps_mode:v:0", "passthrough", "-f", "null", "-",
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
    path: str, index: int, *, tools: Tools, children: Children, reach: Reach | None = None
) -> tuple[float, ...]:
    """When the first pictures of a stream are shown, in seconds; empty where nothing says so.

    By decoded pictures, since packets may be without times (AVI) or be hidden (edit lists). The
    last few are left out: the end of the interval flushes the decoder, which skips some there.
    """
    answer = _ask(
        path,
        ("-select_streams", str(index), "-show_entries", "frame=best_effort_timestamp_time",
         "-read_intervals", f"%+#{TIMED_FRAMES}"),
        tools, children, reach,
    )  # fmt: skip
    times = [_seconds(frame.best_effort_timestamp_time) for frame in answer.frames]
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


def shown_packets(
    path: str, index: int, *, tools: Tools, children: Children, reach: Reach | None = None
) -> int:
    """Packets of a stream that are meant to be shown: edit lists mark others with a D.

    Reads the whole file; only asked where FFmpeg's own counts do not agree.
    """
    count = 0

    def on_line(line: str) -> None:
        nonlocal count
        count += bool(line) and "D" not in line

    argv = _ffprobe(
        tools,
        reach,
        "-select_streams",
        str(index),
        "-show_entries",
        "packet=flags",
        "-of",
        "csv=p=0",
    )
    completed = run(
        [*argv, file_url(path)],
        children=children,
        limits=Limits(stall_s=STALL_S),
        on_line=on_line,
        tether=True,
    )
    children.check()
    if not completed.ok:
        raise EncodeError(
            f"the packets of the source can't be counted: {completed.describe_exit()}"
        )
    return count


def _ffprobe(tools: Tools, reach: Reach | None, *options: str) -> list[str]:
    """`reach`: that of the probe of the same file, or its streams count otherwise."""
    far = reach.options if reach is not None else ()
    return [tools.ffprobe, "-v", "error", *INPUT_GUARD, *far, *options]
