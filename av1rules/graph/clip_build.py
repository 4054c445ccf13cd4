"""A test clip, step by step: passages chosen, encoded as the film will be, measured, recorded.

Written in a private folder, put in place under the name of its fingerprint, then recorded; a crash
in between leaves nothing that the next run does not sweep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec

from av1rules.base.atomic import publish
from av1rules.base.errors import EncodeError, PlanOutdatedError, ProbeError
from av1rules.base.events import ClipMade, JobProgress, JobStarted
from av1rules.encode.engine import EncodeOutcome, encode
from av1rules.encode.score_parse import Score
from av1rules.graph.claims import memory_for, room_for
from av1rules.graph.clip_table import ClipFacts, ClipRecord
from av1rules.graph.job import Job, private_folder, require_same_source
from av1rules.graph.passage_encode import LARGEST_RATE, main_of, passages_job, score_passages
from av1rules.graph.planned import PlanRow
from av1rules.graph.session import Outcome, Session, now_text
from av1rules.graph.stale import tools_used
from av1rules.graph.steps import ready
from av1rules.library.source import VideoStream
from av1rules.review.choose import choose
from av1rules.review.passages import SURVEY_VERSION, ClipPlan, Kind, Piece, Survey
from av1rules.review.projection import HARD_PASSAGES, UNKNOWN_SOUND, projected_bytes
from av1rules.review.samples import WHOLE_SLACK_S
from av1rules.review.survey import survey
from av1rules.rules.quality import Metric


def build_clip(row: PlanRow, session: Session) -> Outcome:
    """Make the clip of a planned row. Raises Av1rulesError or OSError if it can't be made."""
    assert row.work is not None
    assert row.clip is not None
    if row.work.look.source.provenance is not None:
        raise PlanOutdatedError("the source is an output of av1rules")
    known = ready(row, session)
    if isinstance(known, Outcome):
        return known
    assert known.work is not None
    job = Job(row=known, work=known.work, target=row.clip.path, session=session)
    parent = Path(job.target).parent
    parent.mkdir(parents=True, exist_ok=True)
    session.require_disks()
    need = min(int(row.clip.review.clip_s * LARGEST_RATE), job.source_bytes)
    with (
        room_for(job, need, [job.target]) as promise,
        private_folder(job, parent) as folder,
        memory_for(job),
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
    return Outcome.CLIPPED


def score_text(scores: tuple[Score, ...]) -> str | None:
    """The score that says most, in a few words."""
    vmaf = next((score for score in scores if score.metric is Metric.VMAF), None)
    return None if vmaf is None else f"VMAF {vmaf.mean:.1f}, 5 % below {vmaf.p5:.1f}"


def _announce(job: Job) -> None:
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


def _made(job: Job, folder: str, *, wrote: Callable[[int | None], None]) -> ClipRecord:
    session = job.session
    pieces = _pieces(job)
    session.step("passages chosen")

    def sink(event: JobProgress) -> None:
        wrote(event.size_bytes)
        session.sink(event)

    encode_job = passages_job(job, tuple((p.start_s, p.duration_s) for p in pieces), folder=folder)
    space = session.space
    encoded = encode(encode_job, tools=space.tools, children=space.children, on_progress=sink)
    session.step("clip encoded")
    main = main_of(encoded.path, job)
    scores, problem = score_passages(job, encode_job, encoded.path, main, metrics=tuple(Metric))
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
    space.ledger.clips.put(record)
    session.step("clip recorded")
    session.number.get()  # a run that made nothing but clips has a number too
    return record


def _pieces(job: Job) -> tuple[Piece, ...]:
    """What is shown, as it will be cut; a variant shows what the clip beside it shows."""
    assert job.row.clip is not None
    if job.row.clip.like:
        return job.row.clip.like
    return tuple(
        replace(piece, start_s=start_s, end_s=start_s + length_s)
        for piece in _passages(job).pieces
        for start_s, length_s in [_passage(piece)]
    )


def _passages(job: Job) -> ClipPlan:
    """The film is measured once for each content, whatever the settings."""
    assert job.row.clip is not None
    space, source = job.session.space, job.work.look.source
    key = f"survey:{SURVEY_VERSION}:{space.tools.ffmpeg_version}:{job.work.content_key}"
    found: Survey | None = None
    if (known := space.cache.get(key)) is not None:
        try:
            found = msgspec.json.decode(known, type=Survey)
        except msgspec.MsgspecError:
            found = None  # another version wrote it
    if found is None:
        job.session.sink(JobProgress(source=job.name, phase="survey"))
        found = _surveyed(job)
        space.cache.put(key, msgspec.json.encode(found).decode())
    return choose(found, clip_s=job.row.clip.review.clip_s, chapters=source.chapters)


def _surveyed(job: Job) -> Survey:
    """Raises EncodeError where nothing can be seen: counted like an encode that fails."""
    space = job.session.space
    try:
        return survey(
            job.source_path,
            job.work.look.source,
            tools=space.tools,
            children=space.children,
            priority=job.priority,
        )
    except ProbeError as problem:
        raise EncodeError(problem.message, hint=problem.hint, where=problem.where) from problem


def _passage(piece: Piece) -> tuple[float, float]:
    if piece.kind is Kind.WHOLE and piece.frames is None:
        return piece.start_s - WHOLE_SLACK_S, piece.duration_s + 2 * WHOLE_SLACK_S
    return piece.start_s, piece.duration_s


def _facts(
    job: Job,
    pieces: tuple[Piece, ...],
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
    kept = work.making.streams.kept
    return ClipFacts(
        content_key=work.content_key,
        settings=work.making.settings,
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
        tools=tools_used(work.encoder, job.session.space.tools),
        encode_s=round(encoded.elapsed_s, 3),
        notes=tuple(_notes(job, pieces, kept)),
        is_variant=bool(job.row.clip.like),
    )


def _notes(job: Job, pieces: tuple[Piece, ...], kept: frozenset[int]) -> Iterator[str]:
    if job.work.making.settings.film_grain_auto:
        yield from (note for note in job.row.notes if note.startswith("film_grain auto is"))
    if pieces[0].kind is not Kind.WHOLE:
        yield HARD_PASSAGES
    sounds = (audio for audio in job.work.look.source.audio if audio.index in kept)
    if any(audio.bitrate_bps is None for audio in sounds):
        yield UNKNOWN_SOUND
