"""A run follows what users tell it from other processes: with doit and real children."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from av1rules.base.events import Paused, Resumed
from av1rules.execute.control import limits, machine
from av1rules.execute.control.hours import ScheduleClock
from av1rules.ledger.controls import ALL_FILMS
from av1rules.ledger.ledger import Ledger
from av1rules.operations import control
from av1rules.operations.status import read_status
from av1rules.plan.items import PlanAction
from av1rules.report.status import status_text
from tests.execute.control.paced import PacedWorker, at_work
from tests.fakes.worker import FakeClips, FakeWorker
from tests.sample_library import FAST, RULES, SampleLibrary

A, B, C, D = (f"films/{name}.mkv" for name in "abcd")


@pytest.fixture
def worker(tmp_path: Path, fake_worker: FakeWorker) -> PacedWorker:
    folder = tmp_path / "signs"
    folder.mkdir()
    return PacedWorker(folder)


@pytest.fixture
def films(library: SampleLibrary, fake_clips: FakeClips) -> SampleLibrary:
    for name in "abcd":
        library.add(f"{name}.mkv", fake_clips(f"{name}.mkv"))
    return library


def test_all_stands_still_and_goes_on(films: SampleLibrary, worker: PacedWorker) -> None:
    with at_work(films, worker, jobs=2) as run:
        run.wait_begun(A, B)
        control.pause(films.state_dir, reason="guests")
        run.wait_state(A, "T")
        run.wait_state(B, "T")
        paused = run.wait_event(Paused)
        assert isinstance(paused, Paused)
        assert (paused.cause, "(guests)" in paused.reason) == ("user", True)
        worker.let(A, B, C, D)
        time.sleep(1.2)
        assert sorted(worker.begun) == [A, B]
        control.resume(films.state_dir)
        assert run.end().done == 4
    assert run.pauses() == ["Paused", "Resumed"]


def test_one_film_stands_still(films: SampleLibrary, worker: PacedWorker) -> None:
    with at_work(films, worker, jobs=2) as run:
        run.wait_begun(A, B)
        control.pause(films.state_dir, [A])
        run.wait_state(A, "T")
        run.wait_event(Paused, source=A)
        worker.let(A, B, C, D)
        run.wait_begun(D)
        run.wait_state(A, "T")
        control.resume(films.state_dir, [A])
        run.wait_event(Resumed, source=A)
        assert run.end().done == 4


def test_a_film_that_is_stopped_is_left_alone_until_it_is_resumed(
    films: SampleLibrary, worker: PacedWorker
) -> None:
    with at_work(films, worker) as run:
        run.wait_begun(A)
        worker.let(B, C, D)
        control.stop(films.state_dir, [A, C])
        finished = run.end()
        assert (finished.done, finished.dropped, finished.failed) == (2, 2, 0)
        assert run.dropped().keys() == {A, C}
        assert all("stopped by a user" in reason for reason in run.dropped().values())
    assert C not in worker.begun
    assert films.leftovers() == []
    assert [row.action for row in films.plan().rows].count(PlanAction.FRESH) == 2
    worker.let(A)
    with at_work(films, worker) as run:
        assert run.end().done == 0
    control.resume(films.state_dir, [A, C])
    with at_work(films, worker) as run:
        assert run.end().done == 2


def test_a_film_that_stands_still_can_be_stopped(films: SampleLibrary, worker: PacedWorker) -> None:
    with at_work(films, worker) as run:
        run.wait_begun(A)
        control.pause(films.state_dir, [A])
        run.wait_state(A, "T")
        control.stop(films.state_dir, [A])
        worker.let(B, C, D)
        assert run.end().done == 3


def test_stop_ends_a_run_as_a_signal_does(films: SampleLibrary, worker: PacedWorker) -> None:
    with at_work(films, worker, jobs=2) as run:
        run.wait_begun(A, B)
        control.pause(films.state_dir)
        run.wait_state(A, "T")
        control.stop(films.state_dir)
        finished = run.end()
        assert (finished.done, finished.dropped) == (0, 4)
        assert run.session is not None
        assert run.session.workspace.children.is_stopping
    assert films.leftovers() == []


def test_a_film_that_is_skipped_is_not_begun(films: SampleLibrary, worker: PacedWorker) -> None:
    with at_work(films, worker) as run:
        run.wait_begun(A)
        control.skip(films.state_dir, [A, C])
        control.pause(films.state_dir, [D])
        time.sleep(0.7)
        worker.let(A, B, C, D)
        assert run.end().done == 2
        assert run.dropped().keys() == {C, D}
    assert worker.begun == [A, B]


def test_films_are_moved_while_the_run_goes_on(films: SampleLibrary, worker: PacedWorker) -> None:
    with at_work(films, worker) as run:
        run.wait_begun(A)
        control.move_first(films.state_dir, [D])
        control.move_last(films.state_dir, [B])
        worker.let(A, B, C, D)
        assert run.end().done == 4
    assert worker.begun == [A, D, C, B]
    assert control.read_controls(films.state_dir).entries == ()


def test_a_pause_survives_the_run(films: SampleLibrary, worker: PacedWorker) -> None:
    control.pause(films.state_dir)
    worker.let(A, B, C, D)
    with at_work(films, worker) as run:
        run.wait_event(Paused)
        time.sleep(0.7)
        assert worker.begun == []
        control.resume(films.state_dir, [ALL_FILMS])
        assert run.end().done == 4


def test_a_pause_ends_at_its_time(films: SampleLibrary, worker: PacedWorker) -> None:
    until = datetime.now(UTC) + timedelta(seconds=2)
    control.pause(films.state_dir, until=until.isoformat(timespec="seconds"))
    worker.let(A, B, C, D)
    with at_work(films, worker) as run:
        assert run.end().done == 4
    assert run.pauses()[-1:] == ["Resumed"] or run.pauses() == []


def test_a_round_is_ended_without_ending_what_runs(
    films: SampleLibrary, worker: PacedWorker
) -> None:
    with at_work(films, worker, jobs=2) as run:
        run.wait_begun(A, B)
        assert run.session is not None
        assert run.session.gate is not None
        run.session.gate.end_round()
        worker.let(A, B, C, D)
        finished = run.end()
        assert (finished.done, finished.dropped) == (2, 2)
        assert run.dropped() == {}
    assert sorted(worker.begun) == [A, B]


def test_a_paused_run_can_be_interrupted(films: SampleLibrary, worker: PacedWorker) -> None:
    with at_work(films, worker, jobs=2) as run:
        run.wait_begun(A, B)
        control.pause(films.state_dir)
        run.wait_state(B, "T")
        assert run.session is not None
        run.session.workspace.children.stop()
        assert run.end().dropped == 4


HOURS = """\
version: 1
library: {{roots: [films], settle: 0}}
output: {{mode: mirror, root: out, copies: encode}}
run: {{reserve: 0}}
schedule: {{hours: "22:00-06:00", outside: {outside}, timezone: UTC}}
rules:
  - name: by day
    when: {{path: "**/c.mkv"}}
    encode: {{{settings}}}
    review: never
    schedule: {{hours: "08:00-20:00", timezone: UTC}}
  - {{name: all, encode: {{{settings}}}, review: never}}
"""


class WallClock:
    """A clock on the wall that the test sets."""

    def __init__(self) -> None:
        self.set(12)

    def set(self, hour: int) -> None:
        self.now = datetime(2026, 11, 27, hour, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    wall = WallClock()
    monkeypatch.setattr(
        "av1rules.execute.startup.ScheduleClock",
        lambda schedules: ScheduleClock(schedules, wall),
    )
    return wall


def test_films_are_encoded_in_their_hours(
    films: SampleLibrary, worker: PacedWorker, clock: WallClock
) -> None:
    films.rules(HOURS.format(settings=FAST, outside="pause"))
    with at_work(films, worker) as run:
        run.wait_begun(C)  # the one of the day comes first
        paused = run.wait_event(Paused)
        assert isinstance(paused, Paused)
        assert (paused.cause, paused.until) == ("schedule", "2026-11-27T22:00:00+00:00")
        clock.set(21)
        run.wait_state(C, "T")
        run.wait_event(Paused, source=C)
        clock.set(9)
        run.wait_state(C, "S", "R")
        worker.let(C)
        time.sleep(0.7)
        assert worker.begun == [C]
        clock.set(23)
        run.wait_begun(A)
        clock.set(7)
        run.wait_state(A, "T")
        worker.let(A, B, D)
        clock.set(22)
        assert run.end().done == 4
    assert films.leftovers() == []


def test_what_runs_when_the_hours_end_may_be_finished(
    films: SampleLibrary, worker: PacedWorker, clock: WallClock
) -> None:
    films.rules(HOURS.format(settings=FAST, outside="finish"))
    clock.set(23)
    with at_work(films, worker) as run:
        run.wait_begun(A)
        clock.set(6)
        paused = run.wait_event(Paused)
        assert isinstance(paused, Paused)
        assert paused.is_finishing
        run.wait_state(A, "S", "R")
        worker.let(A, B, C, D)
        time.sleep(1.2)
        assert worker.begun == [A]
        clock.set(22)
        run.wait_begun(B, D)
        clock.set(10)
        assert run.end().done == 4


def test_a_run_that_waits_for_its_hours_can_be_interrupted(
    films: SampleLibrary, worker: PacedWorker, clock: WallClock
) -> None:
    films.rules(HOURS.format(settings=FAST, outside="pause"))
    clock.set(7)
    with at_work(films, worker, jobs=2) as run:
        run.wait_event(Paused)
        assert run.session is not None
        run.session.workspace.children.stop()
        assert run.end().dropped == 4
    assert worker.begun == []


def test_a_plan_and_the_status_say_when(films: SampleLibrary) -> None:
    now = datetime.now().astimezone()
    hours = f"{(now.hour + 2) % 24:02}:00-{(now.hour + 3) % 24:02}:00"
    films.rules(
        HOURS.format(settings=FAST, outside="pause")
        .replace("22:00-06:00", hours)
        .replace(", timezone: UTC", "")
    )
    note = next(note for note in films.plan().notes if "hours of the schedule" in note)
    assert f"begins to encode at {now + timedelta(hours=2):%Y-%m-%d %H}:00" in note
    with closing(Ledger.read(films.state_dir)) as ledger:
        status = read_status(ledger, films.ruleset())
    whole, by_day = status.schedules
    assert (whole.rule, whole.is_open, by_day.rule) == (None, False, "by day")
    assert "closed until " in status_text(status)


def test_limits_of_the_machine_hold_a_run(
    films: SampleLibrary, worker: PacedWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [2**40]
    monkeypatch.setattr(machine, "MEASURE_S", 0.1)
    monkeypatch.setattr(limits, "ACT_AFTER_S", 0.3)
    monkeypatch.setattr(limits, "GO_ON_AFTER_S", 0.3)
    monkeypatch.setattr(machine, "free_for_us", lambda: free[0])
    films.rules("limits: {free_memory: 1GiB}\n" + RULES.format(settings=FAST))
    with at_work(films, worker) as run:
        run.wait_begun(A)
        free[0] = 2**20
        run.wait_state(A, "T")
        paused = run.wait_event(Paused)
        assert isinstance(paused, Paused)
        assert (paused.cause, paused.reason) == (
            "memory", "other programs leave 1 MiB of memory (limits.free_memory: 1 GiB)",
        )  # fmt: skip
        free[0] = 2**40
        worker.let(A, B, C, D)
        assert run.end().done == 4
