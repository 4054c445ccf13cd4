"""The FFmpeg commands of segments: to encode one, and to read what comes before it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from av1rules.encode.argv import GLOBAL_ARGS, encoder_args, input_guard_args, video_args
from av1rules.encode.filters import picture_filters
from av1rules.encode.job import EncodeJob
from av1rules.encode.picture_times import encoded_times_args
from av1rules.encode.segments.plan import PRE_ROLL_S, Segment
from av1rules.ffmpeg.film_log import summing, watching
from av1rules.ffmpeg.run import file_url

LIST_NAME = "list.ffconcat"


def segment_argv(
    job: EncodeJob, segment: Segment, *, ffmpeg: str, output: str, times: str
) -> tuple[str, ...]:
    """The command that encodes one segment, and nothing but its pictures, into a file of its own.

    Times stay those of the source, so that the cut is one by time stamps: a cut by `-ss` and `-t`
    was wrong in 5 of 10 kinds of files.
    """
    return (
        ffmpeg,
        *_input(job, segment),
        *("-map", f"0:{job.main.index}", "-map_metadata", "-1", "-map_chapters", "-1"),
        *encoder_args(job, 0, "v:0"),
        *("-filter:v:0", watching(_filters(job, segment))),
        *video_args(job, "v:0"),
        *("-fps_mode:v:0", "passthrough", "-enc_time_base:v:0", "demux"),
        *encoded_times_args("v:0", times),
        *("-abort_on", "empty_output", "-fflags", "+bitexact", "-f", "matroska"),
        file_url(output),
    )


def pre_roll_argv(job: EncodeJob, segment: Segment, *, ffmpeg: str) -> tuple[str, ...]:
    """The command that decodes the first half of what a segment decodes before its first picture,
    to learn what the decoder complains of right after a seek."""
    end_s = (segment.low_s or 0.0) - PRE_ROLL_S / 2
    return (
        ffmpeg,
        *_input(job, segment),
        *("-map", f"0:{job.main.index}", "-vf", f"trim=end={end_s:.6f}"),
        *("-fps_mode:v", "passthrough", "-f", "null", "-"),
    )


def _input(job: EncodeJob, segment: Segment) -> Iterator[str]:
    yield from (*GLOBAL_ARGS, *input_guard_args(job.source), "-copyts")
    if segment.seek_s is not None:
        # Without noaccurate_seek FFmpeg cuts too, by a clock of its own.
        yield from ("-noaccurate_seek", "-seek_timestamp", "1", "-ss", f"{segment.seek_s:.6f}")
    yield from ("-i", file_url(job.source_path))


def _filters(job: EncodeJob, segment: Segment) -> str:
    bounds = {"start": segment.low_s, "end": segment.high_s}
    cut = ":".join(f"{name}={at:.6f}" for name, at in bounds.items() if at is not None)
    return summing(segment.proof, ",".join((f"trim={cut}", *picture_filters(job))))


def segment_name(number: int) -> str:
    return f"{number:05d}.mkv"


def concat_list(durations_ms: Iterable[int]) -> str:
    """The list of all segments for the demuxer `concat`. Without durations it adds up what files
    claim to last: 5 to 324 ms off at the end."""
    lines = ["ffconcat version 1.0"]
    for number, duration_ms in enumerate(durations_ms):
        lines += [f"file {segment_name(number)}", f"duration {duration_ms}ms"]
    return "\n".join(lines) + "\n"
