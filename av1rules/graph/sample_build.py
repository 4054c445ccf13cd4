"""Sample encodes: short passages of a film with the settings of a target, scored where asked.

Each is made once for its content, settings and tools; nothing of it is kept but what was measured.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from av1rules.base.events import JobProgress
from av1rules.encode.engine import encode
from av1rules.encode.score_parse import Score
from av1rules.graph.claims import memory_for, room_for
from av1rules.graph.job import Job, private_folder, require_same_source
from av1rules.graph.passage_encode import LARGEST_RATE, main_of, passages_job, score_passages
from av1rules.graph.sample_table import SampleEncode
from av1rules.graph.session import now_text
from av1rules.graph.stale import tools_used
from av1rules.review.samples import sample_passages
from av1rules.rules.quality import Metric
from av1rules.rules.settings import EncodeSettings

SAMPLES_FOLDER = "samples"
"""Below the state folder; each sample encode has a folder of its own there, while it is made."""


def sample_encode(
    job: Job, settings: EncodeSettings, *, metrics: tuple[Metric, ...] = (), phase: str
) -> SampleEncode:
    """The sample of these settings (numbers only), from the ledger or made now, with the scores
    asked for. Raises what `encode` raises; a score that can't be taken is told in the sample."""
    space, work = job.session.space, job.work
    tools = tools_used(work.encoder, space.tools)
    passages = sample_passages(work.look.source)
    known = space.ledger.samples.find(work.content_key, settings, tools)
    if known is not None and known.passages == passages and _has(known, metrics):
        return known
    sample = _made(job, settings, passages, metrics=metrics, phase=phase)
    space.ledger.samples.put(sample, source=job.name)
    job.session.step("sample recorded")
    return sample


def _has(sample: SampleEncode, metrics: tuple[Metric, ...]) -> bool:
    return {score.metric for score in sample.scores} >= set(metrics)


def _made(
    job: Job,
    settings: EncodeSettings,
    passages: tuple[tuple[float, float], ...],
    *,
    metrics: tuple[Metric, ...],
    phase: str,
) -> SampleEncode:
    space = job.session.space
    parent = Path(space.state_dir) / SAMPLES_FOLDER
    parent.mkdir(parents=True, exist_ok=True)
    length_s = sum(length for _, length in passages)
    need = min(int(length_s * LARGEST_RATE), job.source_bytes)

    def sink(event: JobProgress) -> None:
        job.session.sink(replace(event, phase=phase))

    with (
        room_for(job, need, [str(parent)]),
        private_folder(job, parent) as folder,
        memory_for(job),
    ):
        require_same_source(job)
        encode_job = passages_job(job, passages, folder=folder, settings=settings)
        encoded = encode(encode_job, tools=space.tools, children=space.children, on_progress=sink)
        job.session.step("sample encoded")
        scores: tuple[Score, ...] = ()
        problem = None
        if metrics:
            main = main_of(encoded.path, job)
            scores, problem = score_passages(job, encode_job, encoded.path, main, metrics=metrics)
        require_same_source(job)
    rate = encode_job.main.frame_rate
    frames = encoded.frames or 0
    return SampleEncode(
        content_key=job.work.content_key,
        settings=settings,
        tools=tools_used(job.work.encoder, space.tools),
        passages=passages,
        frames=frames,
        duration_s=float(frames / rate) if rate and frames else length_s,
        size_bytes=encoded.size_bytes,
        encode_s=round(encoded.elapsed_s, 3),
        made_at=now_text(),
        scores=scores,
        score_problem=problem,
    )
