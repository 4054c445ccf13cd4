"""Encodes a film in segments and joins them: the same outcome as `encode`, and most of the work
outlives a crash.

Segments lie in a folder that stays after a failure. Only those are used again that the caller
recorded, and whose bytes still have the recorded digest; everything else there is removed first.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from av1rules.base.events import JobProgress
from av1rules.base.hashing import file_digest
from av1rules.base.process import Children
from av1rules.encode.argv import EncodedPictures, build_argv
from av1rules.encode.encode import EncodeOutcome, take_out_covers, unfinished
from av1rules.encode.failed import not_started, require_success
from av1rules.encode.job import EncodeJob
from av1rules.encode.picture_times import PictureTimes
from av1rules.encode.segments.argv import LIST_NAME, concat_list, segment_argv, segment_name
from av1rules.encode.segments.gather import gather_segments
from av1rules.encode.segments.index import index_pictures
from av1rules.encode.segments.orders import SegmentBackend, SegmentOrder
from av1rules.encode.segments.plan import (
    Segment,
    durations_ms,
    milliseconds,
    plan_segments,
    spread_order,
)
from av1rules.encode.segments.progress import HopelessError, SegmentProgress
from av1rules.encode.segments.records import (
    FinishedSegment,
    NotExactError,
    Segmentation,
    SegmentJob,
)
from av1rules.ffmpeg.film_log import ShownPicture
from av1rules.ffmpeg.log import StreamCount, counted_lines
from av1rules.ffmpeg.progress import ProgressSample
from av1rules.ffmpeg.run import FfmpegResult, run_ffmpeg
from av1rules.ffmpeg.tools import Tools
from av1rules.media.film_facts import FilmFacts

SHOWN_TIMES = "part.times"
"""Stands for the file of times in the command that is shown."""

OnSegment = Callable[[FinishedSegment], None]


class SegmentTools(msgspec.Struct, frozen=True, kw_only=True):
    """What the encode in segments uses of its caller. `on_segment` records a finished segment
    before it returns: what it took is used again by the next run. `backend` makes them."""

    tools: Tools
    children: Children
    on_progress: Callable[[JobProgress], None]
    on_segment: OnSegment
    backend: SegmentBackend


def encode_in_segments(job: EncodeJob, segments: SegmentJob, use: SegmentTools) -> EncodeOutcome:
    """Encode `job`, whose temporary folder exists, in segments.

    Raises NotExactError if its pictures can't be cut so that each is known to be right: then it
    must be encoded whole. Raises what `encode` raises, too; finished segments stay in their folder.
    """
    job = replace(job, provenance=segments.provenance)
    times = index_pictures(job, tools=use.tools, children=use.children)
    planned = plan_segments(times, segments.pictures)
    os.makedirs(segments.folder, exist_ok=True)
    finished = _still_there(segments, planned, use.children)
    segmentation = Segmentation(
        count=len(planned),
        pictures=segments.pictures,
        reused=len(finished),
        argv=_shown_argv(job, planned[0], use.tools),
    )
    clock = use.children.clock
    progress = SegmentProgress(
        job=job,
        pictures=len(times),
        on_progress=use.on_progress,
        clock=clock,
        started=clock(),
    )
    missing = (number for number in spread_order(len(planned)) if number not in finished)
    orders = [_order(job, segments.folder, planned[number], times) for number in missing]

    def on_made(made: FinishedSegment) -> None:
        _require_alike((*finished.values(), made))
        finished[made.number] = made
        _require_proven(finished)
        use.on_segment(made)
        progress.finish(made, _played_s(times, planned[made.number]))

    try:
        for one in tuple(finished.values()):
            progress.reuse(one, _played_s(times, planned[one.number]))
        reused_s = progress.encode_s
        gathered = gather_segments(
            orders, use.backend, use.children, on_sample=progress.feed, on_made=on_made
        )
    except HopelessError as stop:
        return EncodeOutcome(
            path="",
            argv=(),
            size_bytes=stop.projected,
            elapsed_s=progress.encode_s,
            frames=progress.frames,
            is_projected=True,
            segmentation=segmentation,
        )
    made_of = tuple(finished[number] for number in range(len(planned)))
    joined = _joined(job, segments, planned, times, use, start_s=made_of[0].start_s)
    encode_s = reused_s + (progress.encode_s - reused_s) * gathered.share
    return replace(
        _with_segments(job, joined, made_of, times),
        elapsed_s=joined.elapsed_s + encode_s,
        segmentation=segmentation,
    )


def _order(job: EncodeJob, folder: str, segment: Segment, times: PictureTimes) -> SegmentOrder:
    own = replace(times, ticks=times.ticks[8 * segment.first : 8 * segment.end])
    return SegmentOrder(job=job, segment=segment, times=own, folder=folder)


def _shown_argv(job: EncodeJob, first: Segment, tools: Tools) -> tuple[str, ...]:
    return segment_argv(
        job, first, ffmpeg=tools.ffmpeg, output=segment_name(first.number), times=SHOWN_TIMES
    )


def _played_s(times: PictureTimes, segment: Segment) -> float:
    low = milliseconds(times, segment.first)
    return (milliseconds(times, segment.end - 1) - low) / 1000


def _still_there(
    segments: SegmentJob, planned: tuple[Segment, ...], children: Children
) -> dict[int, FinishedSegment]:
    """The recorded segments that are there with the recorded bytes. All else in their folder goes:
    a file that no record vouches for may be anything."""
    known = {one.number: one for one in segments.finished if one.number < len(planned)}
    there: dict[int, FinishedSegment] = {}
    for number, one in known.items():
        path = os.path.join(segments.folder, segment_name(number))
        with contextlib.suppress(OSError):
            is_as_planned = planned[number].pictures == one.pictures
            if is_as_planned and file_digest(path, check=children.check) == one.digest:
                there[number] = one
    kept = {segment_name(number) for number in there}
    for name in set(os.listdir(segments.folder)) - kept:
        os.unlink(os.path.join(segments.folder, name))
    return there


def _require_alike(segments: tuple[FinishedSegment, ...]) -> None:
    """Raise NotExactError unless a decoder can go on from each segment to the next."""
    if len({one.header for one in segments}) > 1:
        raise NotExactError("its segments have different sequence headers")
    if len({_shape(shown) for one in segments for shown in one.shown}) > 1:
        raise NotExactError("its pictures change on the way")


def _shape(shown: ShownPicture) -> ShownPicture:
    """What must be the same in all pictures."""
    return replace(
        shown,
        is_interlaced=False,
        has_captions=False,
        has_hdr10_plus=False,
        has_dolby_vision=False,
    )


def _require_proven(finished: dict[int, FinishedSegment]) -> None:
    """Raise NotExactError unless the pictures before each cut decode to the same after a seek as
    they did without one."""
    for number, one in finished.items():
        before = finished.get(number - 1)
        if before is not None and before.last != one.before:
            raise NotExactError("its pictures look otherwise after a seek")


def _joined(
    job: EncodeJob,
    segments: SegmentJob,
    planned: tuple[Segment, ...],
    times: PictureTimes,
    use: SegmentTools,
    *,
    start_s: float,
) -> EncodeOutcome:
    """The segments with all other streams of the source, in the temporary folder of the job."""
    assert job.temp_dir is not None
    listed = os.path.join(segments.folder, LIST_NAME)
    with open(listed, "w", encoding="ascii") as file:
        file.write(concat_list(durations_ms(times, planned)))
    offset_ms = milliseconds(times, 0) - round(start_s * 1000)
    with unfinished(job.temp_dir, job) as part:
        covers = take_out_covers(job, job.temp_dir, tools=use.tools, children=use.children)
        argv = build_argv(
            job,
            ffmpeg=use.tools.ffmpeg,
            output=part,
            covers=covers,
            encoded=EncodedPictures(list_path=listed, offset_ms=offset_ms),
        )
        result = _run_join(job, argv, part, len(times), use)
        require_success(result, job, result.log.damage)
        return EncodeOutcome(
            path=part,
            argv=argv,
            size_bytes=os.stat(part).st_size,
            elapsed_s=result.elapsed_s,
            frames=len(times),
            counts=result.log.counts,
            damage=counted_lines(result.log.damage),
            log=counted_lines(result.log.complaints),
            tail=result.log.tail,
            times=times,
            film=FilmFacts.of_log(result.log.film),
        )


def _run_join(
    job: EncodeJob, argv: tuple[str, ...], part: str, pictures: int, use: SegmentTools
) -> FfmpegResult:
    def on_sample(sample: ProgressSample) -> None:
        use.on_progress(
            JobProgress(
                source=job.event_name,
                phase="join",
                frame=sample.frame,
                frames=pictures,
                fps=sample.fps,
                speed=sample.speed,
            )
        )

    try:
        return run_ffmpeg(
            argv, children=use.children, limits=job.limits, on_sample=on_sample, output=part
        )
    except OSError as problem:
        raise not_started(argv[0], problem.strerror or "unknown reason") from problem


def _with_segments(
    job: EncodeJob,
    joined: EncodeOutcome,
    segments: tuple[FinishedSegment, ...],
    times: PictureTimes,
) -> EncodeOutcome:
    """The outcome of the join, with what the encodes of the segments saw."""
    index, count = job.main.index, len(times)
    read = StreamCount(side="in", index=index, packets=count, frames=count, decode_errors=0)
    others = tuple(one for one in joined.counts if (one.side, one.index) != ("in", index))
    shown = dict.fromkeys(shown for one in segments for shown in one.shown)
    log = dict.fromkeys((*(line for one in segments for line in one.log), *joined.log))
    return replace(
        joined,
        counts=(read, *others),
        log=tuple(log),
        film=replace(joined.film, pictures=tuple(shown)),
    )
