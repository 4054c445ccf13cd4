"""Has the segments of one film made, as many at a time as its backend takes."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Iterable

import msgspec

from av1rules.base.process import Children
from av1rules.encode.segments.orders import (
    SegmentBackend,
    SegmentHandle,
    SegmentOrder,
    SegmentReport,
)
from av1rules.encode.segments.records import FinishedSegment
from av1rules.ffmpeg.progress import ProgressSample

LOOK_S = 0.5
"""How often a film with segments left asks for a slot that became free, and whether it is to
stop."""


class Gathered(msgspec.Struct, frozen=True, kw_only=True):
    """How long it took: `wall_s` altogether, `busy_s` added up over the segments."""

    wall_s: float = 0.0
    busy_s: float = 0.0

    @property
    def share(self) -> float:
        """Of the time that the segments took, the part that passed: 1 for one after the other."""
        return min(1.0, self.wall_s / self.busy_s) if self.busy_s else 1.0


class _Running(msgspec.Struct, frozen=True, kw_only=True):
    handle: SegmentHandle
    attempt: int
    began_s: float


def gather_segments(
    orders: Iterable[SegmentOrder],
    backend: SegmentBackend,
    children: Children,
    *,
    on_sample: Callable[[int, ProgressSample], None],
    on_made: Callable[[FinishedSegment], None],
) -> Gathered:
    """Begin the orders in their order; return when all are made.

    `on_sample` and `on_made` are called in this thread, one at a time. What they raise, and the
    first failure of an order, ends the others and is raised once they have ended.
    """
    waiting, running = deque(orders), dict[int, _Running]()
    reports: queue.SimpleQueue[SegmentReport] = queue.SimpleQueue()
    started, busy_s = children.clock(), 0.0
    try:
        while waiting or running:
            while waiting and not children.is_paused:
                order = waiting[0]
                handle = backend.submit(order, reports.put)
                if handle is None:
                    break
                running[order.number] = _Running(
                    handle=handle, attempt=order.attempt, began_s=children.clock()
                )
                waiting.popleft()
            report = _next(reports, running)
            if report is None:
                children.check_stop()
            elif report.sample is not None:
                on_sample(report.number, report.sample)
            else:
                busy_s += children.clock() - running.pop(report.number).began_s
                on_made(_made(report))
    finally:
        _end(running, reports)
    return Gathered(wall_s=children.clock() - started, busy_s=busy_s)


def _next(
    reports: queue.SimpleQueue[SegmentReport], running: dict[int, _Running]
) -> SegmentReport | None:
    """The next report that is awaited; None if there was none for a moment."""
    try:
        report = reports.get(timeout=LOOK_S)
    except queue.Empty:
        return None
    awaited = running.get(report.number)
    return report if awaited is not None and awaited.attempt == report.attempt else None


def _made(report: SegmentReport) -> FinishedSegment:
    if report.problem is not None:
        raise report.problem
    assert report.made is not None, "a report without a sample is the end of its order"
    return report.made


def _end(running: dict[int, _Running], reports: queue.SimpleQueue[SegmentReport]) -> None:
    """End what still runs, and wait for it: nobody may write beside those who come next."""
    for one in running.values():
        one.handle.cancel()
    while running:
        report = _next(reports, running)
        if report is not None and report.sample is None:
            del running[report.number]
