"""Reservations on real, small file systems."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from av1rules.base.errors import NoSpaceError, RunInterruptedError
from av1rules.execute.resources.disk_space import DiskSpace

MIB = 1024 * 1024
MakeDisk = Callable[[str], Path]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[MakeDisk]:
    """Makes file systems of 8 MiB."""
    made: list[Path] = []

    def make(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)],
            capture_output=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"no file system may be mounted here: {done.stderr.decode().strip()}")
        made.append(folder)
        return folder

    yield make
    for folder in made:
        subprocess.run(["umount", str(folder)], check=True)


class RunReport:
    """Hears what a job waits for."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.event = threading.Event()

    def __call__(self, line: str) -> None:
        self.lines.append(line)
        self.event.set()


def test_what_fits_is_promised_at_once(disk: MakeDisk) -> None:
    space, place, heard = DiskSpace(), str(disk("a") / "films" / "film.mkv"), RunReport()
    with (
        space.reserve([place], 4 * MIB, MIB, report=heard) as one,
        space.reserve([place], 3 * MIB, MIB, report=heard) as other,
    ):
        assert (sum(one.left.values()), sum(other.left.values())) == (4 * MIB, 3 * MIB)
    with space.reserve([place], 7 * MIB, MIB, report=heard) as again:
        assert sum(again.left.values()) == 7 * MIB
    assert heard.lines == []


def test_what_does_not_fit_is_refused_with_the_figures(disk: MakeDisk) -> None:
    folder = disk("a")
    with (
        pytest.raises(NoSpaceError) as caught,
        DiskSpace().reserve([str(folder / "film.mkv")], 8 * MIB, MIB),
    ):
        pass
    assert caught.value.message == (
        "not enough space: 8 MiB free, needed are up to 8 MiB and a reserve of 1 MiB"
    )
    assert caught.value.where == str(folder)


def test_bytes_on_disk_are_not_counted_twice(disk: MakeDisk) -> None:
    folder, space = disk("a"), DiskSpace()
    with space.reserve([str(folder)], 4 * MIB, 0) as reservation:
        (folder / "part").write_bytes(b"x" * 4 * MIB)
        reservation.wrote(4 * MIB)
        heard = RunReport()
        with space.reserve([str(folder)], 4 * MIB, 0, report=heard) as other:
            assert sum(other.left.values()) == 4 * MIB
        assert heard.lines == []


def test_a_file_that_shrinks_or_outgrows_its_promise(disk: MakeDisk) -> None:
    folder, space = disk("a"), DiskSpace()
    with space.reserve([str(folder)], 4 * MIB, 0) as reservation:
        reservation.wrote(None)
        reservation.wrote(3 * MIB)
        reservation.wrote(MIB)
        reservation.wrote(9 * MIB)
        with space.reserve([str(folder)], 8 * MIB, 0):  # nothing is really there
            pass
    assert reservation.left == {reservation.first: 0}


def test_only_the_temporary_file_grows(disk: MakeDisk) -> None:
    """The target's file system keeps its whole reservation until the copy is made."""
    temp, target, space = disk("temp"), disk("target"), DiskSpace()
    with space.reserve([str(temp), str(target)], 6 * MIB, 0) as reservation:
        reservation.wrote(6 * MIB)
        with space.reserve([str(temp)], 6 * MIB, 0):
            pass
        reasons = RunReport()
        with (
            pytest.raises(RunInterruptedError),
            space.reserve(
                [str(target)], 6 * MIB, 0, check=_stop_when(reasons.event), report=reasons
            ),
        ):
            pass


def _stop_when(event: threading.Event) -> Callable[[], None]:
    def check() -> None:
        if event.is_set():
            raise RunInterruptedError("stop")

    return check


def test_a_job_waits_for_room_that_another_will_give_back(disk: MakeDisk) -> None:
    folder, space, reasons, got = disk("a"), DiskSpace(), RunReport(), threading.Event()

    def second() -> None:
        with space.reserve([str(folder)], 6 * MIB, MIB, report=reasons):
            got.set()

    with ThreadPoolExecutor(1) as pool:
        with space.reserve([str(folder)], 5 * MIB, MIB):
            waiting = pool.submit(second)
            assert reasons.event.wait(10)
            assert not got.is_set()
        waiting.result(10)
    (line,) = reasons.lines
    assert line == (
        f"waits for another job in {folder}: not enough space: "
        f"3 MiB free, needed are up to 6 MiB and a reserve of 1 MiB"
    )


def test_one_that_waits_gives_up_when_the_others_leave_too_little(disk: MakeDisk) -> None:
    folder, space, reasons = disk("a"), DiskSpace(), RunReport()

    def second() -> None:
        with space.reserve([str(folder)], 6 * MIB, 0, report=reasons):
            pytest.fail("there was no room")

    with ThreadPoolExecutor(1) as pool:
        with space.reserve([str(folder)], 5 * MIB, 0):
            waiting = pool.submit(second)
            assert reasons.event.wait(10)
            (folder / "result").write_bytes(b"x" * 5 * MIB)
        with pytest.raises(NoSpaceError, match="3 MiB free"):
            waiting.result(10)


def test_waiting_ends_with_the_run(disk: MakeDisk) -> None:
    folder, space, reasons = disk("a"), DiskSpace(), RunReport()
    started = time.monotonic()
    with (
        space.reserve([str(folder)], 5 * MIB, 0),
        pytest.raises(RunInterruptedError),
        space.reserve([str(folder)], 5 * MIB, 0, check=_stop_when(reasons.event), report=reasons),
    ):
        pass
    assert time.monotonic() - started < 20
    with space.reserve([str(folder)], 8 * MIB, 0):  # nothing stays behind
        pass


def test_who_came_first_is_served_first(disk: MakeDisk) -> None:
    """Small jobs don't overtake a large one for ever, and other disks are not concerned."""
    folder, elsewhere, space, large, small = (
        disk("a"),
        disk("b"),
        DiskSpace(),
        RunReport(),
        RunReport(),
    )
    order: list[str] = []

    def job(name: str, need: int, reasons: RunReport) -> None:
        with space.reserve([str(folder)], need, 0, report=reasons):
            order.append(name)

    with ThreadPoolExecutor(2) as pool:
        with space.reserve([str(folder)], 4 * MIB, 0):
            first = pool.submit(job, "large", 8 * MIB, large)
            assert large.event.wait(10)
            second = pool.submit(job, "small", MIB, small)
            assert small.event.wait(10)
            with space.reserve([str(elsewhere)], 8 * MIB, 0):
                assert order == []
        first.result(10)
        second.result(10)
    assert order == ["large", "small"]
    assert small.lines == ["waits behind other jobs that wait for the same"]


def test_a_file_system_that_ran_full_takes_no_more_work(disk: MakeDisk) -> None:
    folder, elsewhere, space, reasons = disk("a"), disk("b"), DiskSpace(), RunReport()

    def second() -> None:
        with space.reserve([str(folder)], 7 * MIB, 0, report=reasons):
            pytest.fail("no work may start there")

    with ThreadPoolExecutor(1) as pool, space.reserve([str(folder)], 4 * MIB, 0):
        waiting = pool.submit(second)
        assert reasons.event.wait(10)
        space.mark_full(str(folder / "gone" / "part.mkv"))
        with pytest.raises(NoSpaceError, match="ran full in this run"):
            waiting.result(10)
    with pytest.raises(NoSpaceError, match="ran full"), space.reserve([str(folder)], 1, 0):
        pass
    with space.reserve([str(elsewhere)], 8 * MIB, 0):
        pass


def test_many_jobs_that_keep_their_promise_never_fill_the_disk(disk: MakeDisk) -> None:
    folder, space = disk("a"), DiskSpace()

    def job(number: int) -> int:
        need = (number % 4 + 1) * MIB
        with space.reserve([str(folder)], need, 0) as reservation:
            part = folder / f"part{number}"
            for done in range(16):
                with part.open("ab") as file:
                    file.write(b"x" * (need // 16))  # raises where the disk is full
                reservation.wrote(need * (done + 1) // 16)
            part.unlink()
        return need

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(job, range(80))) == 200 * MIB
