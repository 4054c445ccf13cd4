"""The prerequisites of an encode: measure the noise, search a CRF, sample the size.

Each is a task of its own and stores its result, so that it runs once for the same content, settings
and tools.
"""

from __future__ import annotations

from msgspec.structs import replace

from av1rules.base.errors import EncodeError, PlanOutdatedError, ProbeError
from av1rules.base.events import JobProgress, JobWithheld, Outcome, StepDone
from av1rules.base.hashing import content_key
from av1rules.base.units import format_size, now_text
from av1rules.execute.excerpts import encode_sample
from av1rules.execute.film import looked_along
from av1rules.execute.quality_gate import Rejection
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
    search_key,
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
    """The row with the results of all its prerequisites; missing ones run now. An Outcome if one of
    them ended the row: its samples are too large, or no CRF reaches the quality target.

    Raises Av1rulesError or OSError if a prerequisite fails.
    """
    looked = looked_along(row, session)
    if isinstance(looked, str):
        session.sink(JobWithheld(source=row.file.library_path, reason=looked))
        return Outcome.NO_ACCEPTABLE_CRF
    row = looked
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
    raise AssertionError("each prerequisite runs once")


def meet_prerequisite(
    row: Encode | MakeClip, step: Prerequisite, session: Session, worker: Worker
) -> Outcome:
    """Run one prerequisite of a planned row, unless its result is known by now. Returns PREPARED if
    the encode may follow. Raises Av1rulesError or OSError if it fails."""
    looked = looked_along(row, session)
    if isinstance(looked, str):
        return Outcome.PREPARED  # the encode says so
    known = with_known_results(session.workspace, looked, forced=row.work.is_forced)
    if isinstance(known, Held | LeftAlone):
        return Outcome.PREPARED
    if any(
        one is not step for one in known.work.pending[:1]
    ):  # an earlier prerequisite ended the row
        return Outcome.NO_ACCEPTABLE_CRF
    if step not in known.work.pending and step is not Prerequisite.SAMPLE:
        return Outcome.PREPARED
    job = TargetJob(row=known, work=known.work, target=known.target, session=session, worker=worker)
    session.require_disks()
    require_same_source(job)
    clock = session.workspace.children.clock
    started = clock()
    match step:
        case Prerequisite.MEASURE:
            found = _measure(job)
        case Prerequisite.SEARCH:
            found = _search(job)
        case Prerequisite.SAMPLE:
            sample = _sample(job)
            found, is_too_large = _size_verdict(job, sample)
            if is_too_large:
                return Outcome.DISCARDED
    elapsed_s = clock() - started
    session.sink(StepDone(source=job.name, step=step.value, found=found, elapsed_s=elapsed_s))
    return Outcome.PREPARED


def _measure(job: TargetJob) -> str:
    noise = _estimate_noise(
        job.name, job.source_path, job.work.evaluation.source, job.work.content_key, job.session
    )
    return grain_text(noise)


def measure_noise(row: MeasureGrain, session: Session) -> Outcome:
    """Measure the noise of a source whose rules have a grain condition. Raises Av1rulesError,
    OSError."""
    known = row.unmeasured
    if (
        known_noise(session.workspace, known.content_key) is not None
    ):  # another file with this content was measured
        return Outcome.PREPARED
    clock = session.workspace.children.clock
    started = clock()
    session.require_disks()
    name = row.file.library_path
    noise = _estimate_noise(name, known.path, known.source, known.content_key, session)
    level = grain_of(noise)
    found = "its grain can't be measured" if level is None else f"grain {level:.1f}"
    elapsed_s = clock() - started
    session.sink(
        StepDone(source=name, step=Prerequisite.MEASURE.value, found=found, elapsed_s=elapsed_s)
    )
    return Outcome.PREPARED


def _estimate_noise(
    name: str, path: str, source: Source, key: str, session: Session
) -> NoiseEstimate:
    """Measure the noise and store it for the content key `key`. Raises EncodeError if the source
    can't be decoded, PlanOutdatedError if its content has changed."""
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
    workspace.cache.put_value(noise_key(key), noise)
    return noise


def _search(job: TargetJob) -> str:
    """Search a CRF and store the result. Raises EncodeError if no sample can be scored."""
    settings = job.work.recipe.settings
    target = settings.quality_target
    assert target is not None
    clock = job.session.workspace.children.clock
    started = clock()
    tools = tools_used(job.work.encoder, job.session.workspace.tools)
    points: list[TrialPoint] = []
    caveats: dict[str, None] = {}
    while True:
        step = next_step(target, points, start=settings.crf)
        if isinstance(step, CrfFound | CrfNotReached):
            break
        score = _score_at(job, settings, target, step)
        points.append(TrialPoint(crf=step, value=figure_of(score, target.floor.statistic)))
        caveats |= dict.fromkeys(one for one in score.caveats if one in (SDR_MODEL, NO_UHD_MODEL))
    text = "; ".join((step.text, *caveats))
    crf = step.crf if isinstance(step, CrfFound) else None
    result = SearchResult(
        fingerprint=search_key(job.work.content_key, settings),
        tools=tools,
        crf=crf,
        text=text,
        tried=tuple(Tried(crf=point.crf, value=point.value) for point in points),
        elapsed_s=round(clock() - started, 3),
        made_at=now_text(),
    )
    job.session.workspace.ledger.searches.put(result, source=job.name)
    job.session.failpoint("search recorded")
    return text


def _score_at(job: TargetJob, settings: EncodeSettings, target: QualityTarget, crf: float) -> Score:
    """The score of a sample at this CRF. It has no grain synthesis, which no metric can judge."""
    trial = replace(as_encoded(settings), crf=crf, film_grain=0, film_grain_denoise=True)
    sample = encode_sample(job, trial, metrics=(target.floor.metric,), phase="search")
    score = next((one for one in sample.scores if one.metric is target.floor.metric), None)
    if score is None:
        why = sample.score_problem or f"this FFmpeg has no {target.floor.metric.value}"
        raise EncodeError(
            f"no CRF can be searched for: {why}",
            hint="set crf instead of target, or use an FFmpeg that can score this metric",
        )
    return score


def _sample(job: TargetJob) -> SampleEncode:
    """The sample with the final settings. A failed one is recorded as failed: an error in excerpts
    need not affect the whole source."""
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
    """The size of the target as the samples project it, and whether it is too large. A rejection is
    recorded."""
    work = job.work
    size_bytes = projection_of(work, sample)
    reason = too_large(work, sample)
    if reason is None or size_bytes is None or work.is_forced:
        if size_bytes is None:
            why = f": {sample.score_problem}" if sample.score_problem else ""
            return f"the size of the target can't be projected{why}", False
        return f"the target would take about {format_size(size_bytes)}", False
    job.record_rejection(
        Rejection(
            kind=AttemptResult.TOO_LARGE, detail=reason, size_bytes=size_bytes, is_projected=True
        )
    )
    return reason, True
