"""The FFmpeg command of a test clip: passages of a film, joined, encoded just as the film will be.
Pure.

Each passage is an input of its own, read from some seconds before it (seeking lands behind its goal
in some containers) and cut by the time stamps of its pictures: the clip has the very pictures that
scores and stills compare it with. Of the film's own command only the time base differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from av1rules.encode.argv import GLOBAL_ARGS, encoder_args, input_guard_args, video_args
from av1rules.encode.filters import deinterlacers, format_filters
from av1rules.encode.job import EncodeJob
from av1rules.encode.losses import keeps_dolby_vision
from av1rules.ffmpeg.run import file_url
from av1rules.media.source import Source

CLIP_CONTAINER = "mp4"
"""What browsers play AV1 in without asking, unlike Matroska; the pictures are the same."""


TIME_SCALE = 90_000
"""Ticks per second: MPEG's, a multiple of all common frame rates but 23.976's multiples, which it
meets within 6 microseconds."""


def clip_argv(job: EncodeJob, *, ffmpeg: str, output: str) -> tuple[str, ...]:
    """The whole command that encodes `job.passages` into `output`, an MP4 without sound."""
    video = "v:0"
    joined = excerpt_graph(
        job.passages,
        stream=job.main.index,
        first=deinterlacers(job.settings),
        last=(*format_filters(job), f"settb=1/{TIME_SCALE}"),
    )
    return (
        ffmpeg, *GLOBAL_ARGS, "-copyts",
        *excerpt_inputs(job.source_path, job.source, job.passages),
        "-filter_complex", f"{joined}[clip]", "-map", "[clip]",
        "-map_metadata", "-1", "-map_chapters", "-1",
        *encoder_args(job, 0, video),
        *video_args(job, video),
        f"-fps_mode:{video}", "passthrough", f"-enc_time_base:{video}", "filter",
        "-video_track_timescale", str(TIME_SCALE), "-movflags", "+faststart",
        *(("-strict", "unofficial") if keeps_dolby_vision(job.main, job.encoder) else ()),
        "-abort_on", "empty_output", "-fflags", "+bitexact",
        "-f", CLIP_CONTAINER, file_url(output),
    )  # fmt: skip


def excerpt_inputs(
    path: str, source: Source, passages: Sequence[tuple[float, float]]
) -> Iterator[str]:
    """An input for each passage, the file's own time stamps kept (with `-copyts`)."""
    slack_s = seek_slack(source.container)
    for start_s, _ in passages:
        yield from input_guard_args(source)
        if start_s > slack_s:
            # Accurate seeking would add the file's start time once more; `trim` is accurate.
            yield from ("-noaccurate_seek", "-seek_timestamp", "1")
            yield from ("-ss", f"{start_s - slack_s:.6f}")
        yield from NO_FILTER_REINIT
        if len(passages) > 1:
            yield from ("-threads", EXCERPT_THREADS)
        yield from ("-i", file_url(path))


def excerpt_graph(
    passages: Sequence[tuple[float, float]],
    *,
    stream: int,
    first: Sequence[str] = (),
    last: Sequence[str] = (),
) -> str:
    """A filter graph without its last label: `first` for all that is read, cuts each passage out,
    joins them, then `last`."""
    chains, labels = [], []
    for number, (start_s, duration_s) in enumerate(passages):
        low_s, high_s = start_s - EXCERPT_EDGE_S, start_s + duration_s - EXCERPT_EDGE_S
        filters = [*first]  # deinterlacers look at what is around
        filters += [f"trim=start={low_s:.6f}:end={high_s:.6f}", "setpts=PTS-STARTPTS"]
        labels.append(f"[passage{number}]")
        chains.append(f"[{number}:{stream}]{','.join(filters)}{labels[-1]}")
    join = [f"concat=n={len(labels)}"] if len(labels) > 1 else []
    return ";".join([*chains, "".join(labels) + ",".join([*join, *last] or ["null"])])


SEEK_SLACK_S = 10.0
"""Seconds that reading starts before an excerpt: some containers seek past their goal."""


INDEXED_SLACK_S = 2.0
"""The same where an index leads to the key frame before the goal: all that is read too much is
decoded, six times the length of a sample with the other."""


_INDEXED = frozenset({"matroska", "mov"})


def seek_slack(container: str) -> float:
    """Seconds that reading starts before a passage, by FFmpeg's names of the container."""
    return INDEXED_SLACK_S if container.partition(",")[0] in _INDEXED else SEEK_SLACK_S


EXCERPT_EDGE_S = 0.002
"""So far before its time a passage begins and ends: Matroska rounds times to 1 ms."""


NO_FILTER_REINIT = ("-reinit_filter", "0")
"""FFmpeg builds its filters anew where the colours (or size) of an input change on the way, and
then waits for ever if another of several inputs has come to its end (seen with FFmpeg 9)."""


EXCERPT_THREADS = "2"
"""Decoder threads for each of several passages: they are all open at once, and each thread holds
pictures of its own."""
