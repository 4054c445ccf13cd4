"""The live state, event by event."""

from __future__ import annotations

from functools import reduce

import msgspec

from av1rules.base.events import (
    ClipMade,
    Event,
    JobDone,
    JobDropped,
    JobFailed,
    JobProgress,
    JobStarted,
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
from av1rules.report.json import json_document
from av1rules.report.live.fold import after_event, at_rest
from av1rules.report.live.model import LiveState, RunPhase
from av1rules.report.live.wire import LoggedEvent

STARTED = RunStarted(jobs=2, stale=2, fresh=1, held=4, blocked=0, size_bytes=1000)
JOB = JobStarted(
    source="films/a.mkv", target="/out/a.mkv", size_bytes=600, duration_s=10.0, frames=240,
    causes=("no target",), encoder="libsvtav1", limit_bytes=500,
)  # fmt: skip
HALF = JobProgress(
    source="films/a.mkv", phase="encode", frame=120, frames=240, fps=24.0, speed=1.0, eta_s=5.0,
    size_bytes=300, projected_bytes=600,
)  # fmt: skip
DONE = JobDone(
    source="films/a.mkv", target="/out/a.mkv", source_bytes=600, target_bytes=200, encode_s=10.0,
    verify_s=1.0,
)  # fmt: skip
FINISHED = RunFinished(
    counts=dict.fromkeys(Outcome, 0), source_bytes=600, target_bytes=200, elapsed_s=11.0
)


def told(*events: Event, pid: int = 1, state: LiveState = LiveState()) -> LiveState:
    logged = (
        LoggedEvent(time=f"2026-01-01T00:00:{n:02}", event=event, run=7, pid=pid)
        for n, event in enumerate(events)
    )
    return reduce(after_event, logged, state)


def test_a_job_is_followed_to_its_end() -> None:
    state = told(Probing(done=1, total=4))
    assert state.run is not None
    assert (state.run.phase, state.run.probed) == (RunPhase.PLANNING, (1, 4))
    forecast = RunForecast(encodes=2, low_s=1, mid_s=2, high_s=3)
    state = told(Probing(done=4, total=4), forecast, STARTED, JOB, state=state)
    (job,) = state.jobs
    assert (job.phase, job.share, job.is_over_limit) == ("starting", None, False)
    assert state.is_active
    state = told(HALF, state=state)
    (job,) = state.jobs
    assert (job.share, job.out_bytes, job.is_over_limit) == (0.5, 300, True)
    assert state.share == 0.3
    state = told(DONE, FINISHED, state=state)
    assert state.run is not None
    assert (state.run.ended, state.run.saved_bytes, state.run.number) == (1, 400, 7)
    assert (state.run.phase, state.jobs, state.is_active) == (RunPhase.FINISHED, (), False)
    (result,) = state.results
    assert (result.fps, result.outcome) == (24.0, Outcome.DONE)


def test_what_is_said_again_at_the_head_of_a_new_log_changes_nothing() -> None:
    state = told(STARTED, JOB, HALF)
    assert told(STARTED, JOB, state=state).jobs == state.jobs
    assert told(STARTED, JOB, state=state).run == state.run


def test_steps_before_the_encode_are_jobs_of_their_own() -> None:
    survey = JobProgress(source="films/a.mkv", phase="survey")
    state = told(STARTED, survey)
    assert [one.phase for one in state.jobs] == ["survey"]
    assert state.share == 0.0
    step = StepDone(source="films/a.mkv", step="measure", found="light", elapsed_s=1.0)
    assert told(step, state=state).jobs == ()


def test_endings() -> None:
    clip = ClipMade(
        source="films/c.mkv", clip="/c", size_bytes=1, source_bytes=2, projected_bytes=None,
        score="VMAF 95", elapsed_s=1.0,
    )  # fmt: skip
    failed = JobFailed(source="films/a.mkv", message="no")
    dropped = JobDropped(source="films/d.mkv", reason="changed")
    state = told(STARTED, JOB, failed, clip, dropped, Note(source="films/a.mkv", message="said"))
    assert [one.outcome for one in state.results] == [
        Outcome.NOT_ATTEMPTED, Outcome.CLIP_MADE, Outcome.FAILED,
    ]  # fmt: skip
    assert state.run is not None
    assert (state.run.ended, state.run.failed, state.run.ended_bytes) == (2, 1, 600)
    assert state.notes[0].text == "films/a.mkv: said"


def test_another_process_is_another_run_and_a_killed_one_is_gone() -> None:
    state = told(STARTED, JOB)
    gone = at_rest(state)
    assert gone.run is not None
    assert (gone.run.phase, gone.jobs) == (RunPhase.GONE, ())
    state = told(Probing(done=0, total=1), pid=2, state=state)
    assert (state.jobs, state.run and state.run.pid) == ((), 2)
    finished = told(STARTED, FINISHED)
    assert at_rest(finished) == finished
    again = told(STARTED, state=finished)
    assert again.run is not None
    assert again.run.phase is RunPhase.WORKING


def test_pauses_of_all_and_of_one_film() -> None:
    state = told(STARTED, JOB, Paused(cause="load", reason="others work", is_finishing=True))
    assert state.run is not None
    assert state.run.pause is not None
    assert (state.run.pause.cause, state.run.pause.is_finishing) == ("load", True)
    own = Paused(source="films/a.mkv", cause="user", reason="paused by a user")
    none = Paused(source="films/none.mkv", cause="user", reason="paused by a user")
    state = told(Resumed(paused_s=1.0), own, none, state=state)
    assert (state.run and state.run.pause, state.jobs[0].paused) == (None, "paused by a user")
    state = told(Resumed(source="films/a.mkv", paused_s=1.0), state=state)
    assert state.jobs[0].paused is None


def test_as_json() -> None:
    found = msgspec.json.decode(json_document(told(STARTED, JOB, HALF, DONE)), type=LiveState)
    assert found == told(STARTED, JOB, HALF, DONE)
