"""How the segments of a film are given out and taken back, by a backend that makes nothing."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable
from fractions import Fraction

import pytest

from av1rules.base.errors import EncodeError, RunInterruptedError
from av1rules.base.process import Children
from av1rules.encode.picture_times import PictureTimes
from av1rules.encode.segments.gather import Gathered, gather_segments
from av1rules.encode.segments.orders import OnReport, SegmentOrder, SegmentReport
from av1rules.encode.segments.plan import plan_segments
from av1rules.encode.segments.records import FinishedSegment
from av1rules.ffmpeg.progress import ProgressSample
from tests.encode.make import job

WAIT_S = 60.0
TIMES = PictureTimes(tick=Fraction(1, 24), ticks=array("q", range(600)).tobytes())
ORDERS = [
    SegmentOrder(job=job(), segment=segment, times=TIMES, folder="/segments")
    for segment in plan_segments(TIMES, 100)
]


def finished(number: int) -> FinishedSegment:
    return FinishedSegment(
        number=number, pictures=100, size_bytes=9, digest="d", header="h", encode_s=1.0, start_s=0.0
    )


def end_all(running: list[Handle]) -> None:
    for handle in running:
        handle.end()


def ignored(*_values: object) -> None:
    """For tests that look at something else."""


class Handle:
    def __init__(self, number: int, report: OnReport) -> None:
        self.number, self.report = number, report
        self.is_cancelled = self.is_over = False

    def sample(self, frame: int) -> None:
        sample = ProgressSample(frame=frame)
        self.report(SegmentReport(number=self.number, attempt=0, sample=sample))

    def end(self, problem: BaseException | None = None) -> None:
        if self.is_over:
            return
        self.is_over = True
        made = None if problem else finished(self.number)
        self.report(SegmentReport(number=self.number, attempt=0, made=made, problem=problem))

    def cancel(self) -> None:
        self.is_cancelled = True
        self.end(RunInterruptedError("cancelled"))


class Scripted:
    """A backend of `slots`: `on_full` is called with all that runs once no slot is free, or when
    nothing is left to begin, and ends some of it."""

    def __init__(self, slots: int, on_full: Callable[[list[Handle]], None]) -> None:
        self.slots, self.on_full = slots, on_full
        self.begun: list[Handle] = []
        self.running: list[Handle] = []
        self.most = 0

    def submit(self, order: SegmentOrder, report: OnReport) -> Handle | None:
        if len(self.running) >= self.slots:
            return None
        handle = Handle(order.number, lambda told: self._reported(handle, told, report))
        self.begun.append(handle)
        self.running.append(handle)
        self.most = max(self.most, len(self.running))
        if len(self.running) == self.slots or len(self.begun) == len(ORDERS):
            self.on_full(list(self.running))
        return handle

    def _reported(self, handle: Handle, told: SegmentReport, report: OnReport) -> None:
        if told.sample is None:
            self.running.remove(handle)
        report(told)


def gather(
    backend: Scripted,
    children: Children | None = None,
    *,
    on_sample: Callable[[int, ProgressSample], None] = ignored,
    on_made: Callable[[FinishedSegment], None] = ignored,
) -> Gathered:
    use = Children() if children is None else children
    return gather_segments(ORDERS, backend, use, on_sample=on_sample, on_made=on_made)


@pytest.mark.parametrize("slots", [1, 2, 3, 9])
def test_all_are_made_as_many_at_a_time_as_there_are_slots(slots: int) -> None:
    def end_the_last_first(running: list[Handle]) -> None:
        for handle in reversed(running):
            handle.sample(50)
            handle.end()

    backend = Scripted(slots, end_the_last_first)
    made: list[int] = []
    sampled: list[int] = []
    gather(
        backend,
        on_sample=lambda number, _sample: sampled.append(number),
        on_made=lambda one: made.append(one.number),
    )
    assert [one.number for one in backend.begun] == [order.number for order in ORDERS]
    assert sorted(made) == sorted(sampled) == [order.number for order in ORDERS]
    assert backend.most == min(slots, len(ORDERS))


def test_one_failure_ends_the_others_and_is_raised() -> None:
    def fail_one(running: list[Handle]) -> None:
        backend.on_full = ignored
        running[1].end(EncodeError("no", hint="wait"))

    backend = Scripted(3, fail_one)
    with pytest.raises(EncodeError, match="no"):
        gather(backend)
    assert [one.number for one in backend.begun if not one.is_cancelled] == [1]
    assert backend.running == []


def test_what_is_not_accepted_ends_the_others() -> None:
    def refuse(_made: FinishedSegment) -> None:
        raise EncodeError("refused", hint="wait")

    def end_one(running: list[Handle]) -> None:
        backend.on_full = ignored
        running[0].end()

    backend = Scripted(3, end_one)
    with pytest.raises(EncodeError, match="refused"):
        gather(backend, on_made=refuse)
    assert [one.number for one in backend.begun if not one.is_cancelled] == [0]
    assert backend.running == []


def test_late_answers_to_other_attempts_are_no_answers() -> None:
    class Late:
        def submit(self, order: SegmentOrder, report: OnReport) -> Handle | None:
            late = EncodeError("of an attempt that was given up", hint="")
            report(SegmentReport(number=order.number, attempt=7, problem=late))
            handle = Handle(order.number, report)
            handle.end()
            return handle

    made: list[int] = []
    gather_segments(
        ORDERS, Late(), Children(), on_sample=ignored, on_made=lambda one: made.append(one.number)
    )
    assert made == [order.number for order in ORDERS]


def test_a_slot_that_becomes_free_later_is_used() -> None:
    backend = Scripted(1, ignored)

    def made(_one: FinishedSegment) -> None:
        if len(backend.begun) == 1:  # another film is done: all the rest at once
            backend.slots = 9
            backend.on_full = end_all

    backend.on_full = lambda running: threading.Timer(0.1, running[0].end).start()
    gather(backend, on_made=made)
    assert backend.most == len(ORDERS) - 1


def test_a_stop_ends_what_runs_and_a_pause_begins_nothing() -> None:
    whole = Children()
    film = Children(parent=whole)
    begun, over = threading.Event(), threading.Event()
    backend = Scripted(2, lambda _running: begun.set())
    problems: list[BaseException] = []

    def run() -> None:
        try:
            gather(backend, film)
        except RunInterruptedError as problem:
            problems.append(problem)
        over.set()

    film.pause()
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert not begun.wait(1.0)
    film.resume()
    assert begun.wait(WAIT_S)
    whole.stop()
    assert over.wait(WAIT_S)
    thread.join(WAIT_S)
    assert len(problems) == 1
    assert all(one.is_cancelled for one in backend.begun)


def test_the_share_of_segments_side_by_side() -> None:
    assert Gathered(wall_s=10.0, busy_s=20.0).share == 0.5
    assert Gathered(wall_s=10.0, busy_s=9.0).share == 1.0
    assert Gathered().share == 1.0
