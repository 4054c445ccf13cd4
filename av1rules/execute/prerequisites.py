"""What comes before an encode, step by step: measure the noise, search the CRF, sample the size.

Each step is a task of its own and keeps what it found, so that it is never done twice for the same
content, settings and tools.
"""

from __future__ import annotations

import time

import msgspec
from msgspec import structs

from av1rules.base.errors import EncodeError, PlanOutdatedError, ProbeError
from av1rules.base.events import JobProgress, JobWithheld, Outcome, StepDone
from av1rules.base.hashing import content_key
from av1rules.base.units import format_size, now_text
from av1rules.execute.encode_result import Rejection
from av1rules.execute.excerpts import encode_sample
from av1rules.execute.session import Session
from av1rules.execute.target_job import TargetJob, priority_of, require_same_source
from av1rules.execute.worker import Worker
from av1rules.ledger.records import AttemptResult, tools_used
from av1rules.ledger.samples import SampleEncode, SearchResult, Tried
from av1rules.media.source import Source
from av1rules.plan.evaluate import grain_of, known_noise, noise_key
from av1rules.plan.items import Encode, Held, LeftAlone, MakeClip, MeasureGrain, Prerequisite
from av1rules.plan.prerequisites import (
    Ready,
    as_encoded,
    grain_text,
    projection_of,
    too_large,
    with_known_results,
)
from av1rules.policy.quality_spec import QualityTarget
from av1rules.policy.settings import EncodeSettings
from av1rules.quality.crf_search import CrfFound, CrfNotReached, TrialPoint, next_step
from av1rules.quality.excerpts import NoiseEstimate
from av1rules.quality.grain import estimate
from av1rules.quality.result import Score, figure_of
from av1rules.quality.score import NO_UHD_MODEL, SDR_MODEL


def with_prerequisites(row: Ready, session: Session, worker: Worker) -> Ready | Outcome:
    """The row with all that its making must know; what is still due is done at once. An outcome
    where the steps ended it: hopeless by its samples, or no CRF is good enough.

    Raises Av1rulesError or OSError where a step can't be done.
    """
    for _ in (*Prerequisite, None):
        known = with_known_results(session.workspace, row, forced=row.work.is_forced)
        if isinstance(known, Held | LeftAlone):
            session.sink(JobWithheld(source=row.file.library_path, reason=known.causes[0]))
            return Outcome.NO_ACCEPTABLE_CRF
        row = known
        if not row.work.pending:
            return row
        outcome = meet_prerequisite(row, row.work.pending[0], session, worker)
        if outcome is not Outcome.PREPARED:
            return outcome
    raise AssertionError("every step is done once")


def meet_prerequisite(
    row: Encode | MakeClip, step: Prerequisite, session: Session, worker: Worker
) -> Outcome:
    """One step of a planned row; nothing, if it is known meanwhile. PREPARED where the encode may
    follow. Raises Av1rulesError or OSError if it can't be done."""
    known = with_known_results(session.workspace, row, forced=row.work.is_forced)
    if isinstance(known, Held | LeftAlone):
        return Outcome.PREPARED
    if any(one is not step for one in known.work.pending[:1]):  # the one before ended it
        return Outcome.NO_ACCEPTABLE_CRF
    is_asked_for = step in known.work.pending or step is Prerequisite.SAMPLE
    if not is_asked_for:
        return Outcome.PREPARED
    job = TargetJob(row=known, work=known.work, target=known.target, session=session, worker=worker)
    session.require_disks()
    require_same_source(job)
    started = time.monotonic()
    match step:
        case Prerequisite.MEASURE:
            told = _measured(job)
        case Prerequisite.SEARCH:
            told = _searched(job)
        case Prerequisite.SAMPLE:
            sample = _sampled(job)
            told, is_hopeless = _size_verdict(job, sample)
            if is_hopeless:
                return Outcome.DISCARDED
    elapsed_s = time.monotonic() - started
    session.sink(StepDone(source=job.name, step=step.value, found=told, elapsed_s=elapsed_s))
    return Outcome.PREPARED


def _measured(job: TargetJob) -> str:
    noise = _noise(
        job.name, job.source_path, job.work.look.source, job.work.content_key, job.session
    )
    return grain_text(noise)


def measure_noise(row: MeasureGrain, session: Session) -> Outcome:
    """Measure the noise of a film that rules ask for. Raises Av1rulesError, OSError."""
    known = row.unmeasured
    if known_noise(session.workspace, known.content_key) is not None:  # by another of this content
        return Outcome.PREPARED
    started = time.monotonic()
    session.require_disks()
    name = row.file.library_path
    noise = _noise(name, known.path, known.source, known.content_key, session)
    level = grain_of(noise)
    told = "its grain can't be measured" if level is None else f"grain {level:.1f}"
    elapsed_s = time.monotonic() - started
    session.sink(
        StepDone(source=name, step=Prerequisite.MEASURE.value, found=told, elapsed_s=elapsed_s)
    )
    return Outcome.PREPARED


def _noise(name: str, path: str, source: Source, key: str, session: Session) -> NoiseEstimate:
    """Measured and kept for the content of this `key`. Raises EncodeError where nothing can be
    seen, PlanOutdatedError if it is another content by now."""
    workspace = session.workspace
    session.sink(JobProgress(source=name, phase="measure"))
    try:
        noise = estimate(
            path,
            source,
            tools=workspace.tools,
            children=workspace.children,
            priority=priority_of(workspace.ruleset.run),
        )
    except ProbeError as problem:
        raise EncodeError(problem.message, hint=problem.hint, where=problem.where) from problem
    if content_key(path) != key:
        raise PlanOutdatedError("the source changed while its noise was measured")
    workspace.cache.put(noise_key(key), msgspec.json.encode(noise).decode())
    return noise


def _searched(job: TargetJob) -> str:
    """Raises EncodeError where no sample can be scored."""
    settings = job.work.recipe.settings
    target = settings.quality_target
    assert target is not None
    started = time.monotonic()
    tools = tools_used(job.work.encoder, job.session.workspace.tools)
    probes: list[TrialPoint] = []
    caveats: dict[str, None] = {}
    while True:
        step = next_step(target, probes, start=settings.crf)
        if isinstance(step, CrfFound | CrfNotReached):
            break
        score = _probe_score(job, settings, target, step)
        probes.append(TrialPoint(crf=step, value=figure_of(score, target.floor.statistic)))
        caveats |= dict.fromkeys(one for one in score.caveats if one in (SDR_MODEL, NO_UHD_MODEL))
    told = "; ".join((step.text, *caveats))
    crf = step.crf if isinstance(step, CrfFound) else None
    result = SearchResult(
        fingerprint=job.work.fingerprint,
        tools=tools,
        crf=crf,
        text=told,
        tried=tuple(Tried(crf=probe.crf, value=probe.value) for probe in probes),
        elapsed_s=round(time.monotonic() - started, 3),
        made_at=now_text(),
    )
    job.session.workspace.ledger.searches.put(result, source=job.name)
    job.session.failpoint("search recorded")
    return told


def _probe_score(
    job: TargetJob, settings: EncodeSettings, target: QualityTarget, crf: float
) -> Score:
    """Of a sample at this CRF, without grain synthesis: no metric can judge that."""
    wanted = structs.replace(as_encoded(settings), crf=crf, film_grain=0, film_grain_denoise=True)
    sample = encode_sample(job, wanted, metrics=(target.floor.metric,), phase="search")
    score = next((one for one in sample.scores if one.metric is target.floor.metric), None)
    if score is None:
        why = sample.score_problem or f"this FFmpeg has no {target.floor.metric.value}"
        raise EncodeError(
            f"no CRF can be searched for: {why}",
            hint="set crf instead of target, or use an FFmpeg that can score this metric",
        )
    return score


def _sampled(job: TargetJob) -> SampleEncode:
    """The sample of the very settings. One that can't be made is kept as that: what is wrong with
    passages need not be wrong with the film."""
    settings = as_encoded(job.work.recipe.settings)
    try:
        return encode_sample(job, settings, phase="sample")
    except EncodeError as problem:
        failed = SampleEncode(
            content_key=job.work.content_key,
            settings=settings,
            tools=tools_used(job.work.encoder, job.session.workspace.tools),
            passages=(),
            frames=0,
            duration_s=0.0,
            size_bytes=0,
            encode_s=0.0,
            made_at=now_text(),
            score_problem=problem.message.partition("\n")[0],
        )
        job.session.workspace.ledger.samples.put(failed, source=job.name)
        return failed


def _size_verdict(job: TargetJob, sample: SampleEncode) -> tuple[str, bool]:
    """What the samples say of the whole film, and whether it is hopeless: that is remembered."""
    work = job.work
    size_bytes = projection_of(work, sample)
    reason = too_large(work, sample)
    if reason is None or size_bytes is None or work.is_forced:
        if size_bytes is None:
            why = f": {sample.score_problem}" if sample.score_problem else ""
            return f"the size of the film can't be projected{why}", False
        return f"the film would take about {format_size(size_bytes)}", False
    job.record_rejection(
        Rejection(kind=AttemptResult.TOO_LARGE, detail=reason, size_bytes=size_bytes)
    )
    return reason, True
