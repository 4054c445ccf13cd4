"""Passages of a film, encoded just as the film will be, and scored: for test clips and samples."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from av1rules.base.errors import EncodeError, ToolError
from av1rules.base.events import JobProgress
from av1rules.base.units import now_text
from av1rules.encode.encode import encode
from av1rules.encode.excerpt_argv import CLIP_CONTAINER, seek_slack
from av1rules.encode.job import EncodeJob
from av1rules.execute.encode_request import encode_job_of
from av1rules.execute.target_job import (
    TargetJob,
    private_folder,
    require_same_source,
    reserve_disk,
    reserve_memory,
)
from av1rules.ffmpeg.progress import ProgressSample
from av1rules.ledger.records import tools_used
from av1rules.ledger.samples import SampleEncode
from av1rules.media.cache import lone_file
from av1rules.media.ffprobe import probe_file
from av1rules.media.source import VideoStream
from av1rules.policy.quality_spec import Metric
from av1rules.policy.settings import EncodeSettings, Loss
from av1rules.quality.filtergraph import ScoreInput
from av1rules.quality.result import Score
from av1rules.quality.sampling import sample_excerpts
from av1rules.quality.score import measure

LARGEST_RATE = 40_000_000 // 8
"""Bytes per second that passages may take: above what AV1 films take at any setting that saves."""


def passages_job(
    job: TargetJob,
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


def main_of(path: str, job: TargetJob) -> VideoStream:
    """The pictures of an encode that was just made. Raises EncodeError if it has none."""
    workspace = job.session.workspace
    found = probe_file(lone_file(path), workspace.tools, children=workspace.children)
    if found.main is None:
        raise EncodeError("the passages came out without pictures", hint="please report it")
    return found.main


def score_excerpts(
    job: TargetJob,
    encode_job: EncodeJob,
    encoded: str,
    main: VideoStream,
    *,
    metrics: tuple[Metric, ...],
) -> tuple[tuple[Score, ...], str | None]:
    """The scores of passages (`encoded`, with the stream `main`) against the film, or why there are
    none: what was encoded is worth something without them too."""
    reference = source_part(job, encode_job, encode_job.passages)
    distorted = ScoreInput(path=encoded, stream=main)
    try:
        scores = score_parts(job, encode_job, reference, distorted, metrics=metrics)
    except (EncodeError, ToolError) as problem:
        return (), problem.message.partition("\n")[0]
    return scores, None


def source_part(
    job: TargetJob, encode_job: EncodeJob, passages: tuple[tuple[float, float], ...]
) -> ScoreInput:
    """The source's side of a comparison, as the encode saw it; without passages the whole film."""
    return ScoreInput(
        path=job.source_path,
        stream=encode_job.main,
        passages=passages,
        slack_s=seek_slack(encode_job.source.container),
        deinterlaced=encode_job.settings.deinterlace == "bwdif",
    )


def score_parts(
    job: TargetJob,
    encode_job: EncodeJob,
    reference: ScoreInput,
    distorted: ScoreInput,
    *,
    metrics: tuple[Metric, ...],
) -> tuple[Score, ...]:
    """The scores of an encode beside its source; temporary files go where it lies. Raises what
    `measure` raises."""
    workspace = job.session.workspace

    def sink(sample: ProgressSample) -> None:
        job.session.sink(
            JobProgress(source=job.name, phase="score", frame=sample.frame, fps=sample.fps)
        )

    return measure(
        reference,
        distorted,
        metrics=metrics,
        tools=workspace.tools,
        children=workspace.children,
        memo=workspace.cache,
        on_progress=sink,
        priority=job.priority,
        memory_bytes=encode_job.memory_bytes,
        temp_dir=os.path.dirname(distorted.path),
    )


SAMPLES_FOLDER = "samples"
"""Below the state folder; each sample encode has a folder of its own there, while it is made."""


def encode_sample(
    job: TargetJob, settings: EncodeSettings, *, metrics: tuple[Metric, ...] = (), phase: str
) -> SampleEncode:
    """The sample of these settings (numbers only), from the ledger or made now, with the scores
    asked for. Raises what `encode` raises; a score that can't be taken is told in the sample."""
    workspace, work = job.session.workspace, job.work
    tools = tools_used(work.encoder, workspace.tools)
    passages = sample_excerpts(work.look.source)
    known = workspace.ledger.samples.find(work.content_key, settings, tools)
    if known is not None and known.passages == passages and _has(known, metrics):
        return known
    sample = _made(job, settings, passages, metrics=metrics, phase=phase)
    workspace.ledger.samples.put(sample, source=job.name)
    job.session.step("sample recorded")
    return sample


def _has(sample: SampleEncode, metrics: tuple[Metric, ...]) -> bool:
    return {score.metric for score in sample.scores} >= set(metrics)


def _made(
    job: TargetJob,
    settings: EncodeSettings,
    passages: tuple[tuple[float, float], ...],
    *,
    metrics: tuple[Metric, ...],
    phase: str,
) -> SampleEncode:
    workspace = job.session.workspace
    parent = Path(workspace.state_dir) / SAMPLES_FOLDER
    parent.mkdir(parents=True, exist_ok=True)
    length_s = sum(length for _, length in passages)
    need = min(int(length_s * LARGEST_RATE), job.source_bytes)

    def sink(event: JobProgress) -> None:
        job.session.sink(replace(event, phase=phase))

    with (
        reserve_disk(job, need, [str(parent)]),
        private_folder(job, parent) as folder,
        reserve_memory(job),
    ):
        require_same_source(job)
        encode_job = passages_job(job, passages, folder=folder, settings=settings)
        encoded = encode(
            encode_job, tools=workspace.tools, children=workspace.children, on_progress=sink
        )
        job.session.step("sample encoded")
        scores: tuple[Score, ...] = ()
        problem = None
        if metrics:
            main = main_of(encoded.path, job)
            scores, problem = score_excerpts(job, encode_job, encoded.path, main, metrics=metrics)
        require_same_source(job)
    rate = encode_job.main.frame_rate
    frames = encoded.frames or 0
    return SampleEncode(
        content_key=job.work.content_key,
        settings=settings,
        tools=tools_used(job.work.encoder, workspace.tools),
        passages=passages,
        frames=frames,
        duration_s=float(frames / rate) if rate and frames else length_s,
        size_bytes=encoded.size_bytes,
        encode_s=round(encoded.elapsed_s, 3),
        made_at=now_text(),
        scores=scores,
        score_problem=problem,
    )
