"""Passages of a film, encoded just as the film will be, and scored: for test clips and samples."""

from __future__ import annotations

import os
from dataclasses import replace

from av1rules.base.errors import EncodeError, ToolError
from av1rules.base.events import JobProgress
from av1rules.encode.clip_argv import CLIP_CONTAINER
from av1rules.encode.job import EncodeJob
from av1rules.encode.progress import ProgressSample
from av1rules.encode.score_graph import Part, seek_slack
from av1rules.encode.score_parse import Score
from av1rules.encode.scores import measure
from av1rules.graph.encode_job import encode_job_of
from av1rules.graph.job import Job
from av1rules.library.identity import lone_file
from av1rules.library.probe import probe_file
from av1rules.library.source import VideoStream
from av1rules.rules.quality import Metric
from av1rules.rules.settings import EncodeSettings, Loss

LARGEST_RATE = 40_000_000 // 8
"""Bytes per second that passages may take: above what AV1 films take at any setting that saves."""


def passages_job(
    job: Job,
    passages: tuple[tuple[float, float], ...],
    *,
    folder: str,
    settings: EncodeSettings | None = None,
) -> EncodeJob:
    """The film's own job for some passages (start and duration in seconds), but for its container,
    and with other `settings` where they are given. What a decoder says of the place where it starts
    to read is no damage of the film."""
    film = encode_job_of(job, folder=folder, digest="")
    settings = settings or film.settings
    return replace(
        film,
        settings=replace(
            settings, container=CLIP_CONTAINER, accept=settings.accept | {Loss.DAMAGE}
        ),
        passages=passages,
    )


def main_of(path: str, job: Job) -> VideoStream:
    """The pictures of an encode that was just made. Raises EncodeError if it has none."""
    space = job.session.space
    found = probe_file(lone_file(path), space.tools, children=space.children)
    if found.main is None:
        raise EncodeError("the passages came out without pictures", hint="please report it")
    return found.main


def score_passages(
    job: Job,
    encode_job: EncodeJob,
    encoded: str,
    main: VideoStream,
    *,
    metrics: tuple[Metric, ...],
) -> tuple[tuple[Score, ...], str | None]:
    """The scores of passages (`encoded`, with the stream `main`) against the film, or why there are
    none: what was encoded is worth something without them too."""
    reference = source_part(job, encode_job, encode_job.passages)
    distorted = Part(path=encoded, stream=main)
    try:
        scores = score_parts(job, encode_job, reference, distorted, metrics=metrics)
    except (EncodeError, ToolError) as problem:
        return (), problem.message.partition("\n")[0]
    return scores, None


def source_part(job: Job, encode_job: EncodeJob, passages: tuple[tuple[float, float], ...]) -> Part:
    """The source's side of a comparison, as the encode saw it; without passages the whole film."""
    return Part(
        path=job.source_path,
        stream=encode_job.main,
        passages=passages,
        slack_s=seek_slack(encode_job.source.container),
        deinterlaced=encode_job.settings.deinterlace == "bwdif",
    )


def score_parts(
    job: Job,
    encode_job: EncodeJob,
    reference: Part,
    distorted: Part,
    *,
    metrics: tuple[Metric, ...],
) -> tuple[Score, ...]:
    """The scores of an encode beside its source; temporary files go where it lies. Raises what
    `measure` raises."""
    space = job.session.space

    def sink(sample: ProgressSample) -> None:
        job.session.sink(
            JobProgress(source=job.name, phase="score", frame=sample.frame, fps=sample.fps)
        )

    return measure(
        reference,
        distorted,
        metrics=metrics,
        tools=space.tools,
        children=space.children,
        memo=space.cache,
        on_progress=sink,
        priority=job.priority,
        memory_bytes=encode_job.memory_bytes,
        temp_dir=os.path.dirname(distorted.path),
    )
