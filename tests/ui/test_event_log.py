"""The event log: what is in it, how large it gets, and what lies in its way; and its reader."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from av1rules.base.events import Event, JobProgress, Note, Probing, RunStarted
from av1rules.ui.event_log import EVENT_LOG, OLDER_EVENT_LOG, EventLog
from av1rules.ui.event_tail import EventTail
from tests.report.live.test_fold import DONE, JOB, STARTED


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def events(folder: Path) -> list[Event]:
    tail = EventTail(folder)
    try:
        return [one.event for one in tail.read()]
    finally:
        tail.close()


def progress(frame: int, phase: str = "encode") -> JobProgress:
    return JobProgress(source="films/a.mkv", phase=phase, frame=frame)


def test_progress_is_thinned_but_no_phase_is_lost(tmp_path: Path) -> None:
    clock = Clock()
    with EventLog(tmp_path, clock=clock) as log:
        log(JOB)
        for frame in range(100):
            clock.now += 0.1
            log(progress(frame))
        log(progress(0, "verify"))
        log(Probing(done=1, total=2))
        log(Probing(done=1, total=2))
        log(DONE)
    kinds = [getattr(one, "phase", type(one).__name__) for one in events(tmp_path)]
    assert kinds.count("encode") in (9, 10, 11)
    assert kinds[-3:] == ["verify", "Probing", "JobDone"]


def test_a_line_names_run_and_process(tmp_path: Path) -> None:
    with EventLog(tmp_path) as log:
        log(STARTED)
        log.number = lambda: 12
        log(Note(message="said"))
    tail = EventTail(tmp_path)
    first, second = tail.read()
    assert (first.run, second.run, second.pid) == (None, 12, os.getpid())
    tail.close()


def test_a_full_log_becomes_the_older_one_and_a_reader_misses_nothing(tmp_path: Path) -> None:
    tail = EventTail(tmp_path)
    seen: list[Event] = []
    with EventLog(tmp_path, limit=4000) as log:
        for event in (STARTED, JOB):
            log(event)
        for number in range(100):
            log(Note(message=f"note {number}"))
            if number % 5 == 0:
                seen += (one.event for one in tail.read())
        seen += (one.event for one in tail.read())
    notes = [one.message for one in seen if isinstance(one, Note)]
    assert notes == [f"note {number}" for number in range(100)]
    assert seen.count(JOB) > 2, "each new log begins with the jobs at work"
    for name in (EVENT_LOG, OLDER_EVENT_LOG):
        assert (tmp_path / name).stat().st_size <= 4000 + 1000
    late = events(tmp_path)
    assert isinstance(late[0], RunStarted)
    tail.close()


def test_a_torn_line_costs_itself_only(tmp_path: Path) -> None:
    (tmp_path / EVENT_LOG).write_bytes(b'{"type": "note", "ti\n')
    with EventLog(tmp_path) as log:
        log(STARTED)
    assert events(tmp_path) == [STARTED]


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_lies_in_its_way_is_neither_followed_nor_changed(tmp_path: Path, kind: str) -> None:
    victim, state = tmp_path / "victim", tmp_path / "state"
    victim.write_text("mine")
    state.mkdir()
    path = state / EVENT_LOG
    if kind == "link":
        path.symlink_to(victim)
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    with EventLog(state) as log:
        log(STARTED)  # the run goes on
        log(JOB)
    assert victim.read_text() == "mine"
    assert events(state) == []


def test_a_disk_that_takes_nothing_is_tried_again_later(tmp_path: Path) -> None:
    clock, state = Clock(), tmp_path / "state"
    with EventLog(state, clock=clock) as log:
        log(STARTED)
        state.mkdir()
        log(JOB)
        clock.now += 61
        log(Note(message="there is space again"))
    assert [type(one) for one in events(state)] == [Note]


def test_no_log_has_no_events(tmp_path: Path) -> None:
    assert events(tmp_path / "none") == []
