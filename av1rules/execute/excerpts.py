"""Passages of a film, to be encoded just as the film will be: for test clips and samples."""

from __future__ import annotations

from pathlib import Path

import msgspec
import msgspec.structs
from msgspec import structs
from msgspec.structs import replace

from av1rules.base.events import JobProgress
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
from av1rules.policy.quality_spec import Metric
from av1rules.policy.settings import EncodeSettings, Loss
from av1rules.quality.sampling import sample_excerpts

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
        settings=structs.replace(
            settings, container=CLIP_CONTAINER, accept=settings.accept | {Loss.DAMAGE}
        ),
        passages=passages,
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
    job.session.failpoint("sample recorded")
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
        is_encode = event.phase == "encode"
        job.session.sink(msgspec.structs.replace(event, phase=phase) if is_encode else event)

    with (
        reserve_disk(job, need, [str(parent)]),
        private_folder(job, parent) as folder,
        reserve_memory(job),
    ):
        require_same_source(job)
        encode_job = passages_job(job, passages, folder=folder, settings=settings)
        made = job.worker.encode_excerpts(
            encode_job, workspace.tools, metrics, job.worker_context(sink, prefix="sample ")
        )
        require_same_source(job)
    rate = encode_job.main.frame_rate
    frames = made.encoded.frames or 0
    return SampleEncode(
        content_key=job.work.content_key,
        settings=settings,
        tools=tools_used(job.work.encoder, workspace.tools),
        passages=passages,
        frames=frames,
        duration_s=float(frames / rate) if rate and frames else length_s,
        size_bytes=made.encoded.size_bytes,
        encode_s=round(made.encoded.elapsed_s, 3),
        made_at=now_text(),
        scores=made.scores,
        score_problem=made.score_problem,
    )
