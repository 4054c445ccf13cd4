"""Memory is shared by estimate, and nobody starves."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from av1rules.base.errors import RunInterruptedError
from av1rules.execute.resources.memory import MemoryBudget, available_bytes, estimate_bytes

MIB = 1024 * 1024
GIB = 1024**3


@pytest.mark.parametrize(
    ("size", "preset", "threads", "measured_mib"),
    [
        ((640, 360), 10, 2, 147),
        ((640, 360), 8, 2, 203),
        ((640, 360), 5, 2, 255),
        ((640, 360), 3, 2, 253),
        ((1920, 1080), 10, 1, 559),
        ((1920, 1080), 10, 2, 711),
        ((1920, 1080), 10, 4, 1089),
        ((1920, 1080), 10, 6, 1312),
        ((1920, 1080), 8, 2, 737),
        ((1920, 1080), 7, 2, 1143),
        ((1920, 1080), 5, 1, 862),
        ((1920, 1080), 5, 2, 1332),  # with film grain
        ((1920, 1080), 5, 6, 2009),
        ((1920, 1080), 3, 2, 1347),
        ((1920, 1080), 1, 2, 1379),
        ((3840, 2160), 10, 2, 2312),
        ((3840, 2160), 10, 3, 2799),
        ((3840, 2160), 10, 4, 3325),
        ((3840, 2160), 10, 6, 4006),
        ((3840, 2160), 8, 2, 2503),
        ((3840, 2160), 5, 2, 3855),
        ((3840, 2160), 3, 2, 3946),
    ],
)
def test_estimates_lie_above_what_was_measured_and_not_far(
    size: tuple[int, int], preset: int, threads: int, measured_mib: int
) -> None:
    found = estimate_bytes(*size, codec="libsvtav1", preset=preset, threads=threads) / MIB
    assert measured_mib * 1.05 < found < measured_mib * 2 + 100


@pytest.mark.parametrize(("codec", "measured_mib"), [("libaom-av1", 877), ("librav1e", 900)])
def test_other_encoders(codec: str, measured_mib: int) -> None:
    found = estimate_bytes(1920, 1080, codec=codec, preset=5) / MIB
    assert measured_mib * 1.1 < found < measured_mib * 2


def test_an_unbounded_encoder_takes_what_its_cores_allow() -> None:
    by_cores = [
        estimate_bytes(1920, 1080, codec="libsvtav1", preset=5, cores=cores)
        for cores in (1, 2, 4, 8, 16, 64)
    ]
    by_level = [
        estimate_bytes(1920, 1080, codec="libsvtav1", preset=5, threads=level)
        for level in (1, 2, 3, 4, 5, 6)
    ]
    assert by_cores == by_level
    assert estimate_bytes(1920, 1080, codec="libsvtav1", preset=5, threads=32) == by_level[-1]


class RunReport:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.event = threading.Event()

    def __call__(self, line: str) -> None:
        self.lines.append(line)
        self.event.set()


def test_jobs_that_fit_together_run_together() -> None:
    memory, heard = MemoryBudget(4 * GIB), RunReport()
    with memory.reserve(2 * GIB, report=heard), memory.reserve(2 * GIB, report=heard):
        assert heard.lines == []


def test_one_too_many_waits_and_says_for_what() -> None:
    memory, reasons, got = MemoryBudget(4 * GIB), RunReport(), threading.Event()

    def second() -> None:
        with memory.reserve(2 * GIB, report=reasons):
            got.set()

    with ThreadPoolExecutor(1) as pool:
        with memory.reserve(3 * GIB):
            waiting = pool.submit(second)
            assert reasons.event.wait(10)
            assert not got.is_set()
        waiting.result(10)
    (line,) = reasons.lines
    assert line == (
        "waits for memory: it needs about 2 GiB, another job takes about 3 GiB of 4 GiB "
        "(run.memory)"
    )


def test_what_fits_now_is_taken_and_given_back() -> None:
    memory = MemoryBudget(4 * GIB)
    with memory.reserve(2 * GIB):
        assert memory.try_take(2 * GIB)
        assert not memory.try_take(1)
        memory.give_back(2 * GIB)
        assert memory.try_take(GIB)
        memory.give_back(GIB)


def test_who_waits_for_memory_comes_before_who_does_not() -> None:
    memory, reasons = MemoryBudget(4 * GIB), RunReport()

    def waiting() -> None:
        with memory.reserve(3 * GIB, report=reasons):
            pass

    with ThreadPoolExecutor(1) as pool:
        with memory.reserve(2 * GIB):
            other = pool.submit(waiting)
            assert reasons.event.wait(60)
            assert not memory.try_take(GIB)
        other.result(60)
    assert memory.try_take(GIB)


def test_a_job_larger_than_all_runs_alone_and_is_noted() -> None:
    memory, reasons = MemoryBudget(GIB), RunReport()
    with memory.reserve(5 * GIB, report=reasons):
        second = RunReport()
        with pytest.raises(RunInterruptedError), memory.reserve(1, check=_stop, report=second):
            pass
    assert reasons.lines == [
        "it needs about 5 GiB of memory, more than 1 GiB (run.memory): it runs alone"
    ]


def _stop() -> None:
    raise RunInterruptedError("stop")


def test_a_large_job_does_not_starve_behind_small_ones() -> None:
    """Small ones that come later wait for it, though they would fit beside those that run."""
    memory, large, order = MemoryBudget(4 * GIB), RunReport(), list[str]()

    def job(name: str, need: int, reasons: RunReport) -> None:
        with memory.reserve(need, report=reasons):
            order.append(name)
            time.sleep(0.01)

    with ThreadPoolExecutor(8) as pool:
        with memory.reserve(GIB):
            jobs = [pool.submit(job, "large", 4 * GIB, large)]
            assert large.event.wait(10)
            small = RunReport()
            jobs += [pool.submit(job, "small", GIB, small) for _ in range(6)]
            assert small.event.wait(10)
            assert order == []
        for running in jobs:
            running.result(10)
    assert order == ["large"] + ["small"] * 6


def test_the_sum_never_exceeds_the_budget() -> None:
    memory, lock = MemoryBudget(10), threading.Lock()
    inside: list[int] = []
    most = [0]

    def job(number: int) -> None:
        need = number % 7 + 1
        with memory.reserve(need):
            with lock:
                inside.append(need)
                most[0] = max(most[0], sum(inside))
            time.sleep(0.002)
            with lock:
                inside.remove(need)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(job, range(80)))
    assert 7 < most[0] <= 10


def test_without_a_budget_most_of_what_is_available_is_it() -> None:
    memory = MemoryBudget()
    with memory.reserve(1):
        pass
    assert memory.budget_bytes is not None
    assert 0 < memory.budget_bytes < psutil.virtual_memory().total


def test_control_groups_bound_what_is_available(tmp_path: Path) -> None:
    """Version 2: the narrowest of the group and all above; page cache can be had back."""
    groups = tmp_path / "cgroup"
    groups.write_text("0::/user.slice/av1.scope\n")
    outer = tmp_path / "fs" / "user.slice"
    inner = outer / "av1.scope"
    inner.mkdir(parents=True)
    (inner / "memory.max").write_text("max\n")
    (outer / "memory.max").write_text(f"{300 * MIB}\n")
    (outer / "memory.current").write_text(f"{150 * MIB}\n")
    (outer / "memory.stat").write_text(f"anon 5\ninactive_file {50 * MIB}\n")
    found = available_bytes(groups_file=str(groups), mount=str(tmp_path / "fs"))
    assert found == 200 * MIB
    (inner / "memory.max").write_text(f"{80 * MIB}\n")
    (inner / "memory.current").write_text(f"{90 * MIB}\n")
    assert available_bytes(groups_file=str(groups), mount=str(tmp_path / "fs")) == 0


def test_control_groups_of_version_1(tmp_path: Path) -> None:
    """In a container the path is the host's: the root of what is mounted counts."""
    groups = tmp_path / "cgroup"
    groups.write_text("5:cpu,cpuacct:/docker/1\n4:memory:/docker/1\n0::/\n")
    folder = tmp_path / "fs" / "memory"
    folder.mkdir(parents=True)
    (folder / "memory.limit_in_bytes").write_text(f"{100 * MIB}\n")
    (folder / "memory.usage_in_bytes").write_text(f"{30 * MIB}\n")
    found = available_bytes(groups_file=str(groups), mount=str(tmp_path / "fs"))
    assert found == 70 * MIB
    (folder / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    free = available_bytes(groups_file=str(groups), mount=str(tmp_path / "fs"))
    assert free > 100 * MIB


def test_without_control_groups_the_system_is_asked(tmp_path: Path) -> None:
    assert available_bytes(groups_file=str(tmp_path / "none"), mount=str(tmp_path)) > 0
