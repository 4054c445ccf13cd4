"""The live state after one more event. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from av1rules.base.events import (
    ClipMade,
    Event,
    JobCopied,
    JobDiscarded,
    JobDone,
    JobDropped,
    JobFailed,
    JobProgress,
    JobStarted,
    JobWithheld,
    Note,
    Outcome,
    Paused,
    Probing,
    Resumed,
    RunFinished,
    RunForecast,
    RunStarted,
    StepDone,
)
from av1rules.report.live.model import (
    LiveJob,
    LiveNote,
    LivePause,
    LiveResult,
    LiveRun,
    LiveState,
    RunPhase,
)
from av1rules.report.live.wire import LoggedEvent

RESULTS_KEPT = 50
NOTES_KEPT = 100


def after_event(state: LiveState, logged: LoggedEvent) -> LiveState:
    """The state after an event of the log."""
    state = replace(_with_run(state, logged), at=logged.time)
    event, run = logged.event, state.run
    assert run is not None
    match event:
        case Probing():
            probed = None if event.done == event.total else (event.done, event.total)
            return replace(state, run=replace(run, probed=probed))
        case RunForecast():
            bounds = (event.low_s, event.mid_s, event.high_s)
            return replace(state, run=replace(run, forecast_s=bounds))
        case RunStarted():
            return _started(state, run, event)
        case JobStarted():
            return _with_job(state, _new_job(state, event, logged.time))
        case JobProgress():
            return _with_job(state, _progressed(state, event, logged.time))
        case StepDone():
            return _without_job(state, event)
        case Note():
            note = LiveNote(at=logged.time, text=_noted(event), is_problem=event.is_problem)
            return replace(state, notes=(note, *state.notes)[:NOTES_KEPT])
        case Paused() | Resumed():
            return _paused(state, run, event)
        case RunFinished():
            done = replace(
                run, phase=RunPhase.FINISHED, elapsed_s=event.elapsed_s, probed=None, pause=None
            )
            return replace(state, run=done, jobs=())
        case _:
            return _ended(state, run, logged)


def at_rest(state: LiveState) -> LiveState:
    """The state once the process of its run does not hold the run lock: what the events call active
    was killed."""
    if state.run is None or not state.is_active:
        return state
    gone = replace(state.run, phase=RunPhase.GONE, probed=None, pause=None)
    return replace(state, run=gone, jobs=())


def _with_run(state: LiveState, logged: LoggedEvent) -> LiveState:
    """With the run that told this event: another process, or events after the last word of a run,
    are a new one."""
    run = state.run
    is_new = (
        run is None
        or (logged.pid is not None and run.pid != logged.pid)
        or (run.phase is RunPhase.FINISHED and isinstance(logged.event, Probing | RunStarted))
    )
    if is_new:
        begun = LiveRun(
            number=logged.run, pid=logged.pid, started=logged.time, phase=RunPhase.PLANNING
        )
        return replace(state, run=begun, jobs=())
    if run is not None and logged.run is not None and run.number != logged.run:
        return replace(state, run=replace(run, number=logged.run))
    return state


def _started(state: LiveState, run: LiveRun, event: RunStarted) -> LiveState:
    if run.phase is RunPhase.WORKING and run.planned:
        return state  # said again at the head of a new log
    begun = replace(
        run,
        phase=RunPhase.WORKING,
        slots=event.jobs,
        planned=event.stale + event.clips,
        work_bytes=event.size_bytes,
        held=event.held,
        blocked=event.blocked,
        probed=None,
    )
    return replace(state, run=begun)


def _new_job(state: LiveState, event: JobStarted, at: str) -> LiveJob:
    film = event.file or event.target
    known = state.job_of(film)
    if known is not None and known.target == event.target and known.source_bytes:
        return known  # said again at the head of a new log
    return LiveJob(
        film=film,
        target=event.target,
        is_clip=event.is_clip,
        encoder=event.encoder,
        quality=event.quality,
        causes=event.causes,
        source_bytes=event.size_bytes,
        duration_s=event.duration_s,
        limit_bytes=event.limit_bytes,
        frames=event.frames,
        started=at,
        at=at,
    )


def _progressed(state: LiveState, event: JobProgress, at: str) -> LiveJob:
    film = event.file or ""
    known = state.job_of(film) or LiveJob(film=film, started=at, at=at)
    is_same = known.phase == event.phase
    return replace(
        known,
        phase=event.phase,
        frame=event.frame,
        frames=event.frames or (known.frames if is_same else None),
        fps=event.fps,
        speed=event.speed,
        eta_s=event.eta_s,
        out_bytes=event.size_bytes if event.size_bytes is not None else known.out_bytes,
        projected_bytes=event.projected_bytes or known.projected_bytes,
        at=at,
    )


def _with_job(state: LiveState, job: LiveJob) -> LiveState:
    if state.job_of(job.film) is None:
        return replace(state, jobs=(*state.jobs, job))
    jobs = tuple(job if one.film == job.film else one for one in state.jobs)
    return replace(state, jobs=jobs)


def _paused(state: LiveState, run: LiveRun, event: Paused | Resumed) -> LiveState:
    if event.source is not None:
        reason = event.reason if isinstance(event, Paused) else None
        return _with_pause(state, event.source, reason)
    pause = None
    if isinstance(event, Paused):
        pause = LivePause(
            cause=event.cause,
            reason=event.reason,
            until=event.until,
            is_finishing=event.is_finishing,
        )
    return replace(state, run=replace(run, pause=pause))


def _with_pause(state: LiveState, film: str, reason: str | None) -> LiveState:
    """A film that is not begun yet has no job to be paused."""
    job = state.job_of(film)
    return state if job is None else _with_job(state, replace(job, paused=reason))


def _without_job(state: LiveState, event: Event) -> LiveState:
    return replace(state, jobs=tuple(one for one in state.jobs if one.film != event.file))


def _noted(event: Note) -> str:
    return f"{event.source}: {event.message}" if event.source else event.message


def _ended(state: LiveState, run: LiveRun, logged: LoggedEvent) -> LiveState:
    event = logged.event
    job = state.job_of(event.file or "")
    result = _result(event, logged.time, job)
    if result is None:
        return state
    size = job.source_bytes if job is not None and not job.is_clip else 0
    saved = result.source_bytes - result.target_bytes if isinstance(event, JobDone) else 0
    counted = not isinstance(event, JobDropped)
    run = replace(
        run,
        ended=run.ended + counted,
        failed=run.failed + isinstance(event, JobFailed),
        ended_bytes=run.ended_bytes + size,
        saved_bytes=run.saved_bytes + saved,
    )
    results = (result, *state.results)[:RESULTS_KEPT]
    return replace(_without_job(state, event), run=run, results=results)


def _result(event: Event, at: str, job: LiveJob | None) -> LiveResult | None:
    """None for an event that ends no job."""
    film = event.file or ""
    match event:
        case JobDone():
            frames = job.frames if job is not None else None
            return LiveResult(
                film=film,
                outcome=Outcome.DONE,
                at=at,
                source_bytes=event.source_bytes,
                target_bytes=event.target_bytes,
                encode_s=event.encode_s,
                fps=frames / event.encode_s if frames and event.encode_s else None,
            )
        case ClipMade():
            detail = event.score or ""
            return LiveResult(film=film, outcome=Outcome.CLIP_MADE, at=at, detail=detail)
        case JobCopied():
            return LiveResult(film=film, outcome=Outcome.COPIED, at=at, detail=event.like)
        case JobFailed():
            return LiveResult(film=film, outcome=Outcome.FAILED, at=at, detail=event.message)
        case JobDiscarded() | JobWithheld() | JobDropped():
            outcome = _OUTCOMES[type(event)]
            return LiveResult(film=film, outcome=outcome, at=at, detail=event.reason)
        case _:
            return None


_OUTCOMES: dict[type[Event], Outcome] = {
    JobDiscarded: Outcome.DISCARDED,
    JobWithheld: Outcome.NO_ACCEPTABLE_CRF,
    JobDropped: Outcome.NOT_ATTEMPTED,
}
