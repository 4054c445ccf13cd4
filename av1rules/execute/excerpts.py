"""Encodes excerpts with the settings of the whole source, for test clips and samples."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from av1rules.base.events import JobProgress
from av1rules.base.files import make_folders
from av1rules.base.units import now_text
from av1rules.encode.excerpt_argv import CLIP_CONTAINER
from av1rules.encode.job import EncodeJob
from av1rules.execute.target_job import (
    TargetJob,
    encode_job_of,
    private_folder,
    require_same_source,
    reserve_disk,
    reserve_memory,
)
from av1rules.ledger.records import tools_used
from av1rules.ledger.samples import SampleEncode
from av1rules.policy.deinterlacing import picture_rate
from av1rules.policy.quality_spec import Metric
from av1rules.policy.settings import EncodeSettings, Loss
from av1rules.quality.sampling import sample_excerpts

MAX_BYTES_PER_S = 40_000_000 // 8
"""The most that excerpts may take: above the rate of AV1 at any setting that saves space."""


def excerpts_job(
    job: TargetJob,
    excerpts: tuple[tuple[float, float], ...],
    *,
    folder: str,
    settings: EncodeSettings | None = None,
) -> EncodeJob:
    """The job of the whole source, limited to `excerpts` (start and duration in seconds), in a
    fixed container and with other `settings` where they are given. Errors that a decoder reports
    where it starts reading in mid-stream are no damage of the source."""
    whole = encode_job_of(job, folder=folder, digest="")
    settings = settings or whole.settings
    return replace(
        whole,
        settings=replace(
            settings, container=CLIP_CONTAINER, accept=settings.accept | {Loss.DAMAGE}
        ),
        passages=excerpts,
    )


SAMPLES_FOLDER = "samples"
"""Below the state folder. Each running sample encode has a private folder in it."""


def encode_sample(
    job: TargetJob, settings: EncodeSettings, *, metrics: tuple[Metric, ...] = (), phase: str
) -> SampleEncode:
    """The sample encode of these settings, from the ledger or made now, with the requested scores.

    Raises what `encode` raises. A score that can't be measured is recorded as `score_problem`.
    """
    workspace, work = job.session.workspace, job.work
    tools = tools_used(work.encoder, workspace.tools)
    excerpts = sample_excerpts(work.evaluation.source)
    known = workspace.ledger.samples.find(work.content_key, settings, tools)
    if known is not None and known.passages == excerpts and _has(known, metrics):
        return known
    sample = _make(job, settings, excerpts, metrics=metrics, phase=phase)
    workspace.ledger.samples.put(sample, source=job.name)
    job.session.failpoint("sample recorded")
    return sample


def _has(sample: SampleEncode, metrics: tuple[Metric, ...]) -> bool:
    return {score.metric for score in sample.scores} >= set(metrics)


def _make(
    job: TargetJob,
    settings: EncodeSettings,
    excerpts: tuple[tuple[float, float], ...],
    *,
    metrics: tuple[Metric, ...],
    phase: str,
) -> SampleEncode:
    workspace = job.session.workspace
    parent = Path(workspace.state_dir) / SAMPLES_FOLDER
    make_folders(parent)
    length_s = sum(length for _, length in excerpts)
    need = min(int(length_s * MAX_BYTES_PER_S), job.source_bytes)

    def sink(event: JobProgress) -> None:
        is_encode = event.phase == "encode"
        job.session.sink(replace(event, phase=phase) if is_encode else event)

    with (
        reserve_disk(job, need, [str(parent)]),
        private_folder(job, parent) as folder,
        reserve_memory(job),
    ):
        require_same_source(job)
        encode_job = excerpts_job(job, excerpts, folder=folder, settings=settings)
        result = job.worker.encode_excerpts(
            encode_job, workspace.tools, metrics, job.worker_context(sink, prefix="sample ")
        )
        require_same_source(job)
    rate = picture_rate(encode_job.main.frame_rate, settings)
    frames = result.encoded.frames or 0
    return SampleEncode(
        content_key=job.work.content_key,
        settings=settings,
        tools=tools_used(job.work.encoder, workspace.tools),
        passages=excerpts,
        frames=frames,
        duration_s=float(frames / rate) if rate and frames else length_s,
        size_bytes=result.encoded.size_bytes,
        encode_s=round(result.encoded.elapsed_s, 3),
        made_at=now_text(),
        scores=result.scores,
        score_problem=result.score_problem,
    )
