"""A run follows what users tell it from other processes: with doit and real children."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from av1rules.base.events import Paused, Resumed
from av1rules.ledger.controls import ALL_FILMS
from av1rules.operations import control
from av1rules.plan.items import PlanAction
from tests.execute.control.paced import PacedWorker, at_work
from tests.fakes.worker import FakeClips, FakeWorker
from tests.sample_library import SampleLibrary

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
