"""Makes a test clip: selects excerpts, encodes them with the settings of the source, scores them.

The clip is written in a private folder, renamed to the name of its fingerprint, then recorded. The
next run removes whatever a crash in between left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from msgspec.structs import replace

from av1rules.base.errors import EncodeError, PlanOutdatedError, ProbeError
from av1rules.base.events import ClipMade, JobProgress, JobStarted, Outcome
from av1rules.base.files import make_folders, publish
from av1rules.base.units import now_text
from av1rules.encode.size_gate import is_same_length
from av1rules.execute.excerpts import MAX_BYTES_PER_S, excerpts_job
from av1rules.execute.prerequisites import with_prerequisites
from av1rules.execute.session import Session
from av1rules.execute.target_job import (
    TargetJob,
    private_folder,
    require_same_source,
    reserve_disk,
    reserve_memory,
)
from av1rules.execute.worker import EncodedExcerpts, Worker
from av1rules.ledger.clips import ClipFacts, ClipRecord
from av1rules.ledger.records import tools_used
from av1rules.plan.evaluate import known_noise
from av1rules.plan.items import ClipState, MakeClip
from av1rules.plan.prerequisites import grain_text
from av1rules.policy.deinterlacing import picture_rate
from av1rules.policy.quality_spec import Metric
from av1rules.quality.excerpts import SURVEY_VERSION, ClipPlan, Excerpt, ExcerptKind, Survey
from av1rules.quality.result import Score
from av1rules.quality.sampling import HARD_EXCERPTS, UNKNOWN_AUDIO, WHOLE_SLACK_S, projected_bytes
from av1rules.quality.select_excerpts import select_excerpts
from av1rules.quality.survey import survey


def build_clip(row: MakeClip, session: Session, worker: Worker) -> Outcome:
    """Make the clip of a planned row. Raises Av1rulesError or OSError if that fails."""
    if row.work.evaluation.source.provenance is not None:
        raise PlanOutdatedError("the source is an output of av1rules")
    known = with_prerequisites(row, session, worker)
    if isinstance(known, Outcome):
        return known
    job = TargetJob(
        row=known, work=known.work, target=row.clip.path, session=session, worker=worker
    )
    parent = Path(job.target).parent
    make_folders(parent)
    session.require_disks()
    clip = row.clip
    need = min(int(clip.review.clip_s * MAX_BYTES_PER_S), job.source_bytes)
    with (
        reserve_disk(job, need, [job.target]) as reservation,
        private_folder(job, parent) as folder,
        reserve_memory(job),
    ):
        require_same_source(job)
        _announce(job, clip)
        record = _make(job, clip, folder, wrote=reservation.wrote)
    session.sink(
        ClipMade(
            source=job.name,
            clip=record.path,
            size_bytes=record.size_bytes,
            source_bytes=job.source_bytes,
            projected_bytes=record.facts.projected_bytes,
            score=score_text(record.facts.scores),
            elapsed_s=record.facts.encode_s,
            is_variant=record.facts.is_variant,
        )
    )
    return Outcome.CLIP_MADE


def score_text(scores: tuple[Score, ...]) -> str | None:
    """VMAF in a few words; None where it was not measured."""
    vmaf = next((score for score in scores if score.metric is Metric.VMAF), None)
    return None if vmaf is None else f"VMAF {vmaf.mean:.1f}, 5 % below {vmaf.p5:.1f}"


def _announce(job: TargetJob, clip: ClipState) -> None:
    job.session.sink(
        JobStarted(
            source=job.name,
            target=job.target,
            size_bytes=job.source_bytes,
            duration_s=clip.review.clip_s,
            frames=None,
            causes=job.row.causes,
            encoder=job.work.encoder.name,
            is_clip=True,
        )
    )


def _make(
    job: TargetJob, clip: ClipState, folder: str, *, wrote: Callable[[int | None], None]
) -> ClipRecord:
    session = job.session
    excerpts = _excerpts(job, clip)
    session.failpoint("excerpts chosen")

    def sink(event: JobProgress) -> None:
        wrote(event.size_bytes)
        session.sink(event)

    encode_job = excerpts_job(
        job, tuple((one.start_s, one.duration_s) for one in excerpts), folder=folder
    )
    workspace = session.workspace
    made = job.worker.encode_excerpts(
        encode_job, workspace.tools, tuple(Metric), job.worker_context(sink, prefix="clip ")
    )
    require_same_source(job)
    facts = _facts(job, clip, excerpts, made)
    record = ClipRecord(
        fingerprint=job.work.fingerprint,
        source=job.name,
        origin=job.source_path,
        path=job.target,
        size_bytes=made.encoded.size_bytes,
        made_at=now_text(),
        facts=facts,
    )
    publish(Path(made.encoded.path), Path(job.target))
    session.failpoint("clip placed")
    workspace.ledger.clips.put(record)
    session.failpoint("clip recorded")
    session.recorder.number()  # a run that made nothing but clips has a number too
    return record


def _excerpts(job: TargetJob, clip: ClipState) -> tuple[Excerpt, ...]:
    """The excerpts as they will be cut. A variant has those of the clip that it is compared
    with."""
    if clip.like:
        return clip.like
    return tuple(
        replace(excerpt, start_s=start_s, end_s=start_s + length_s)
        for excerpt in _excerpt_times(job, clip.review.clip_s).excerpts
        for start_s, length_s in [_cut_times(excerpt)]
    )


def _excerpt_times(job: TargetJob, clip_s: float) -> ClipPlan:
    """The selected excerpts. Each content is surveyed once, whatever the settings."""
    workspace, source = job.session.workspace, job.work.evaluation.source
    key = f"survey:{SURVEY_VERSION}:{workspace.tools.ffmpeg_version}:{job.work.content_key}"
    found = workspace.cache.get_value(key, Survey)
    if found is not None and not is_same_length(found.duration_s, source.film_s):
        found = None  # by a length that a container claimed, with places beyond the end
    if found is None:
        job.session.sink(JobProgress(source=job.name, phase="survey"))
        found = _survey(job)
        workspace.cache.put(key, msgspec.json.encode(found).decode())
    return select_excerpts(found, clip_s=clip_s, chapters=source.chapters)


def _survey(job: TargetJob) -> Survey:
    """Raises EncodeError if the source can't be decoded, which counts as a failed encode."""
    workspace = job.session.workspace
    try:
        return survey(
            job.source_path,
            job.work.evaluation.source,
            tools=workspace.tools,
            children=workspace.children,
            priority=job.priority,
        )
    except ProbeError as problem:
        raise EncodeError(problem.message, hint=problem.hint, where=problem.where) from problem


def _cut_times(excerpt: Excerpt) -> tuple[float, float]:
    if excerpt.kind is ExcerptKind.WHOLE and excerpt.frames is None:
        return excerpt.start_s - WHOLE_SLACK_S, excerpt.duration_s + 2 * WHOLE_SLACK_S
    return excerpt.start_s, excerpt.duration_s


def _facts(
    job: TargetJob,
    clip: ClipState,
    excerpts: tuple[Excerpt, ...],
    made: EncodedExcerpts,
) -> ClipFacts:
    work, encoded, main = job.work, made.encoded, made.main
    source_main, settings = work.evaluation.source.main, work.recipe.settings
    rate = picture_rate(source_main.frame_rate, settings) if source_main else None
    frames = encoded.frames or main.frames or 0
    # The last frame has no duration of its own in a file, so the frame rate is more accurate.
    length_s = float(frames / rate) if rate and frames else main.duration_s or 0.0
    kept = work.recipe.streams.kept
    return ClipFacts(
        content_key=work.content_key,
        settings=work.recipe.settings,
        rule=job.row.rule or "",
        source_tier=job.row.source_tier,
        review=clip.review.text,
        pieces=excerpts,
        frames=frames,
        duration_s=length_s,
        source_bytes=job.source_bytes,
        projected_bytes=projected_bytes(
            work.evaluation.source, kept, clip_bytes=encoded.size_bytes, clip_s=length_s
        ),
        scores=made.scores,
        score_problem=made.score_problem,
        command=encoded.command,
        tools=tools_used(work.encoder, job.session.workspace.tools),
        encode_s=round(encoded.elapsed_s, 3),
        notes=tuple(_notes(job, excerpts, kept)),
        is_variant=bool(clip.like),
    )


def _notes(job: TargetJob, excerpts: tuple[Excerpt, ...], kept: frozenset[int]) -> Iterator[str]:
    if job.work.recipe.settings.film_grain_auto:
        noise = known_noise(job.session.workspace, job.work.content_key)
        if noise is not None:
            yield grain_text(noise)
    if excerpts[0].kind is not ExcerptKind.WHOLE:
        yield HARD_EXCERPTS
    kept_audio = (audio for audio in job.work.evaluation.source.audio if audio.index in kept)
    if any(audio.bitrate_bps is None for audio in kept_audio):
        yield UNKNOWN_AUDIO
