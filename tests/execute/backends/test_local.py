"""Segments on this machine: real FFmpeg in several slots, with the bytes of one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from msgspec.structs import replace

from av1rules.base.errors import EncodeError, RunInterruptedError
from av1rules.base.hashing import file_digest
from av1rules.base.process import Children
from av1rules.encode.encoders.registry import choose_encoder
from av1rules.encode.job import EncodeJob
from av1rules.encode.segments.index import index_pictures
from av1rules.encode.segments.orders import SegmentOrder, SegmentReport
from av1rules.encode.segments.plan import plan_segments
from av1rules.execute.backends.local import LocalSegments
from av1rules.ffmpeg.tools import Tools
from av1rules.media.probe.ffprobe import probe_file
from tests.conftest import MakeClip, library_file
from tests.encode.real import FAST

pytestmark = pytest.mark.real

WAIT_S = 60.0


class Reports:
    """What a backend reports."""

    def __init__(self) -> None:
        self.ends: list[SegmentReport] = []
        self._told = threading.Condition()

    def put(self, report: SegmentReport) -> None:
        if report.sample is None:
            with self._told:
                self.ends.append(report)
                self._told.notify_all()

    def until(self, count: int) -> None:
        with self._told:
            assert self._told.wait_for(lambda: len(self.ends) >= count, WAIT_S)


class Spare:
    """Slots beside the film's own."""

    def __init__(self, count: int) -> None:
        self.free = count
        self._lock = threading.Lock()

    def take(self) -> Callable[[], None] | None:
        with self._lock:
            if not self.free:
                return None
            self.free -= 1
        return self._give_back

    def _give_back(self) -> None:
        with self._lock:
            self.free += 1


@pytest.fixture
def orders(make_clip: MakeClip, tools: Tools, tmp_path: Path) -> tuple[SegmentOrder, ...]:
    path = make_clip(
        "four-segments.mkv", "-f", "lavfi", "-i", "testsrc2=s=128x96:r=24:d=8,noise=alls=12",
        "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p",
    )  # fmt: skip
    settings = replace(FAST, keyint="48")
    job = EncodeJob(
        source_path=str(path),
        source=probe_file(library_file(path), tools),
        settings=settings,
        encoder=choose_encoder(settings, tools, None),
        target=str(tmp_path / "target.mkv"),
        provenance="{}",
    )
    times = index_pictures(job, tools=tools, children=Children())
    return tuple(
        SegmentOrder(
            job=job,
            segment=segment,
            times=replace(times, ticks=times.ticks[8 * segment.first : 8 * segment.end]),
            folder=str(tmp_path),
        )
        for segment in plan_segments(times, 48)
    )


def test_slots_change_no_byte(
    orders: tuple[SegmentOrder, ...], tools: Tools, tmp_path: Path
) -> None:
    digests = []
    for spare, threads in ((0, 1), (1, 2), (3, None)):
        folder = tmp_path / f"slots-{spare}"
        folder.mkdir()
        slots, reports = Spare(spare), Reports()
        backend = LocalSegments(tools=tools, children=Children(), take_spare=slots.take)
        for begun, order in enumerate(reversed(orders) if spare else orders):
            job = replace(order.job, threads=threads)
            mine = replace(order, job=job, folder=str(folder))
            while backend.submit(mine, reports.put) is None:
                assert begun - len(reports.ends) <= spare + 1
                reports.until(len(reports.ends) + 1)
        reports.until(len(orders))
        assert [one.problem for one in reports.ends] == [None] * len(orders)
        assert slots.free == spare
        assert sorted(path.name for path in folder.iterdir()) == [one.name for one in orders]
        digests.append([file_digest(str(folder / one.name)) for one in orders])
    assert digests[0] == digests[1] == digests[2]


def test_a_cancelled_order_ends_and_leaves_nothing(
    orders: tuple[SegmentOrder, ...], tools: Tools, tmp_path: Path
) -> None:
    slow = replace(orders[0].job, settings=replace(orders[0].job.settings, preset=0))
    children, reports, slots = Children(), Reports(), Spare(1)
    backend = LocalSegments(tools=tools, children=children, take_spare=slots.take)
    one = backend.submit(replace(orders[0], job=slow), reports.put)
    other = backend.submit(orders[1], reports.put)
    assert one is not None
    assert other is not None
    assert backend.submit(orders[2], reports.put) is None
    one.cancel()
    reports.until(2)
    ends = {report.number: report for report in reports.ends}
    assert isinstance(ends[0].problem, RunInterruptedError | EncodeError)
    assert ends[1].made is not None
    assert slots.free == 1
    assert [path.name for path in tmp_path.iterdir()] == ["00001.mkv"]
    assert not children.is_stopping


def test_a_film_that_is_paused_pauses_all_its_segments(
    orders: tuple[SegmentOrder, ...], tools: Tools
) -> None:
    slow = replace(orders[0].job, settings=replace(orders[0].job.settings, preset=0))
    film, reports = Children(parent=Children()), Reports()
    backend = LocalSegments(tools=tools, children=film, take_spare=Spare(1).take)
    film.pause()
    for order in orders[:2]:
        assert backend.submit(replace(order, job=slow), reports.put) is not None
    assert reports.ends == []
    film.resume()
    film.stop()
    reports.until(2)
    assert [type(report.problem) for report in reports.ends] == [RunInterruptedError] * 2
    deadline = time.monotonic() + WAIT_S
    while any("ffmpeg" in one.name() for one in psutil.Process().children()):
        assert time.monotonic() < deadline, "an encode runs on"
        time.sleep(0.05)
