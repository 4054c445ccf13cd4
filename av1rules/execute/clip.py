"""A test clip, step by step: passages chosen, encoded as the film will be, measured, recorded.

Written in a private folder, put in place under the name of its fingerprint, then recorded; a crash
in between leaves nothing that the next run does not sweep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec

from av1rules.base.errors import EncodeError, PlanOutdatedError, ProbeError
from av1rules.base.events import ClipMade, JobProgress, JobStarted
from av1rules.base.files import publish
from av1rules.base.units import now_text
from av1rules.encode.encode import EncodeOutcome, encode
from av1rules.execute.excerpts import LARGEST_RATE, main_of, passages_job, score_excerpts
from av1rules.execute.prerequisites import with_prerequisites
from av1rules.execute.session import Outcome, Session
from av1rules.execute.target_job import (
    TargetJob,
    private_folder,
    require_same_source,
    reserve_disk,
    reserve_memory,
)
from av1rules.ledger.clips import ClipFacts, ClipRecord
from av1rules.ledger.records import tools_used
from av1rules.media.source import VideoStream
from av1rules.plan.items import PlanRow
from av1rules.policy.quality_spec import Metric
from av1rules.quality.excerpts import SURVEY_VERSION, ClipPlan, Excerpt, ExcerptKind, Survey
from av1rules.quality.result import Score
from av1rules.quality.sampling import HARD_EXCERPTS, UNKNOWN_AUDIO, WHOLE_SLACK_S, projected_bytes
from av1rules.quality.select_excerpts import select_excerpts
from av1rules.quality.survey import survey


def build_clip(row: PlanRow, session: Session) -> Outcome:
    """Make the clip of a planned row. Raises Av1rulesError or OSError if it can't be made."""
    assert row.work is not None
    assert row.clip is not None
    if row.work.look.source.provenance is not None:
        raise PlanOutdatedError("the source is an output of av1rules")
    known = with_prerequisites(row, session)
    if isinstance(known, Outcome):
        return known
    assert known.work is not None
    job = TargetJob(row=known, work=known.work, target=row.clip.path, session=session)
    parent = Path(job.target).parent
    parent.mkdir(parents=True, exist_ok=True)
    session.require_disks()
    need = min(int(row.clip.review.clip_s * LARGEST_RATE), job.source_bytes)
    with (
        reserve_disk(job, need, [job.target]) as promise,
        private_folder(job, parent) as folder,
        reserve_memory(job),
    ):
        require_same_source(job)
        _announce(job)
        record = _made(job, folder, wrote=promise.wrote)
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
    """The score that says most, in a few words."""
    vmaf = next((score for score in scores if score.metric is Metric.VMAF), None)
    return None if vmaf is None else f"VMAF {vmaf.mean:.1f}, 5 % below {vmaf.p5:.1f}"


def _announce(job: TargetJob) -> None:
    assert job.row.clip is not None
    clip_s = job.row.clip.review.clip_s
    job.session.sink(
        JobStarted(
            source=job.name,
            target=job.target,
            size_bytes=job.source_bytes,
            duration_s=clip_s,
            frames=None,
            causes=job.row.causes,
            encoder=job.work.encoder.name,
            is_clip=True,
        )
    )


def _made(job: TargetJob, folder: str, *, wrote: Callable[[int | None], None]) -> ClipRecord:
    session = job.session
    pieces = _excerpts(job)
    session.step("passages chosen")

    def sink(event: JobProgress) -> None:
        wrote(event.size_bytes)
        session.sink(event)

    encode_job = passages_job(job, tuple((p.start_s, p.duration_s) for p in pieces), folder=folder)
    workspace = session.workspace
    encoded = encode(
        encode_job, tools=workspace.tools, children=workspace.children, on_progress=sink
    )
    session.step("clip encoded")
    main = main_of(encoded.path, job)
    scores, problem = score_excerpts(job, encode_job, encoded.path, main, metrics=tuple(Metric))
    require_same_source(job)
    facts = _facts(job, pieces, encoded, main, scores=scores, score_problem=problem)
    record = ClipRecord(
        fingerprint=job.work.fingerprint,
        source=job.name,
        origin=job.source_path,
        path=job.target,
        size_bytes=encoded.size_bytes,
        made_at=now_text(),
        facts=facts,
    )
    publish(Path(encoded.path), Path(job.target))
    session.step("clip placed")
    workspace.ledger.clips.put(record)
    session.step("clip recorded")
    session.number.get()  # a run that made nothing but clips has a number too
    return record


def _excerpts(job: TargetJob) -> tuple[Excerpt, ...]:
    """What is shown, as it will be cut; a variant shows what the clip beside it shows."""
    assert job.row.clip is not None
    if job.row.clip.like:
        return job.row.clip.like
    return tuple(
        replace(piece, start_s=start_s, end_s=start_s + length_s)
        for piece in _excerpt_times(job).pieces
        for start_s, length_s in [_excerpt(piece)]
    )


def _excerpt_times(job: TargetJob) -> ClipPlan:
    """The film is measured once for each content, whatever the settings."""
    assert job.row.clip is not None
    workspace, source = job.session.workspace, job.work.look.source
    key = f"survey:{SURVEY_VERSION}:{workspace.tools.ffmpeg_version}:{job.work.content_key}"
    found: Survey | None = None
    if (known := workspace.cache.get(key)) is not None:
        try:
            found = msgspec.json.decode(known, type=Survey)
        except msgspec.MsgspecError:
            found = None  # another version wrote it
    if found is None:
        job.session.sink(JobProgress(source=job.name, phase="survey"))
        found = _surveyed(job)
        workspace.cache.put(key, msgspec.json.encode(found).decode())
    return select_excerpts(found, clip_s=job.row.clip.review.clip_s, chapters=source.chapters)


def _surveyed(job: TargetJob) -> Survey:
    """Raises EncodeError where nothing can be seen: counted like an encode that fails."""
    workspace = job.session.workspace
    try:
        return survey(
            job.source_path,
            job.work.look.source,
            tools=workspace.tools,
            children=workspace.children,
            priority=job.priority,
        )
    except ProbeError as problem:
        raise EncodeError(problem.message, hint=problem.hint, where=problem.where) from problem


def _excerpt(piece: Excerpt) -> tuple[float, float]:
    if piece.kind is ExcerptKind.WHOLE and piece.frames is None:
        return piece.start_s - WHOLE_SLACK_S, piece.duration_s + 2 * WHOLE_SLACK_S
    return piece.start_s, piece.duration_s


def _facts(
    job: TargetJob,
    pieces: tuple[Excerpt, ...],
    encoded: EncodeOutcome,
    main: VideoStream,
    *,
    scores: tuple[Score, ...],
    score_problem: str | None,
) -> ClipFacts:
    assert job.row.clip is not None
    work = job.work
    rate = work.look.source.main.frame_rate if work.look.source.main else None
    frames = encoded.frames or main.frames or 0
    # Last pictures have no length of their own in a file: the film's rate is nearer to the truth.
    length_s = float(frames / rate) if rate and frames else main.duration_s or 0.0
    kept = work.recipe.streams.kept
    return ClipFacts(
        content_key=work.content_key,
        settings=work.recipe.settings,
        rule=job.row.rule or "",
        source_tier=job.row.source_tier,
        review=job.row.clip.review.text,
        pieces=pieces,
        frames=frames,
        duration_s=length_s,
        source_bytes=job.source_bytes,
        projected_bytes=projected_bytes(
            work.look.source, kept, clip_bytes=encoded.size_bytes, clip_s=length_s
        ),
        scores=scores,
        score_problem=score_problem,
        command=encoded.command,
        tools=tools_used(work.encoder, job.session.workspace.tools),
        encode_s=round(encoded.elapsed_s, 3),
        notes=tuple(_notes(job, pieces, kept)),
        is_variant=bool(job.row.clip.like),
    )


def _notes(job: TargetJob, pieces: tuple[Excerpt, ...], kept: frozenset[int]) -> Iterator[str]:
    if job.work.recipe.settings.film_grain_auto:
        yield from (note for note in job.row.notes if note.startswith("film_grain auto is"))
    if pieces[0].kind is not ExcerptKind.WHOLE:
        yield HARD_EXCERPTS
    sounds = (audio for audio in job.work.look.source.audio if audio.index in kept)
    if any(audio.bitrate_bps is None for audio in sounds):
        yield UNKNOWN_AUDIO
