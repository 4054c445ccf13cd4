"""A job is paused as a whole: real processes stand still, and so do its threads and its clock."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from av1rules.base.children import Children
from av1rules.base.errors import Av1rulesError, RunInterruptedError
from av1rules.base.process import Completed, Limits, run
from av1rules.base.stall import with_stall_timeout

PYTHON = [sys.executable, "-ISsc"]

COUNTS = """
import os, sys, time
print(os.getpid(), flush=True)
while True:
    time.sleep(0.02)
    print(".", flush=True)
"""


def state_of(pid: int) -> str:
    """One letter, as ps shows it; empty for a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""


def until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.02)


class Running:
    """A program that is run in a thread, as a job does it."""

    def __init__(self, children: Children, code: str = COUNTS, **limits: float) -> None:
        self.lines: list[str] = []
        self.ended: Completed | None = None
        self._children = children
        self._code = code
        self._limits = Limits(**limits)  # type: ignore[arg-type]
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        until(lambda: len(self.lines) > 1, "it started")
        self.pid = int(self.lines[0])

    def _run(self) -> None:
        argv = [*PYTHON, self._code]
        self.ended = run(
            argv, children=self._children, limits=self._limits, on_line=self.lines.append
        )


@pytest.fixture
def whole() -> Children:
    return Children()


@pytest.fixture
def job(whole: Children) -> Children:
    return Children(parent=whole)


def test_a_paused_child_is_stopped_and_goes_on(whole: Children, job: Children) -> None:
    child = Running(job)
    job.pause()
    until(lambda: state_of(child.pid) == "T", "it stands still")
    time.sleep(0.7)  # what it wrote before is read
    seen = len(child.lines)
    time.sleep(0.5)
    assert len(child.lines) == seen
    job.resume()
    until(lambda: len(child.lines) > seen, "it goes on")
    whole.stop()
    child.thread.join(60)
    assert child.ended is not None
    assert child.ended.describe_exit() == "killed by SIGTERM"


def test_only_the_job_is_paused(whole: Children, job: Children) -> None:
    other = Running(Children(parent=whole))
    mine = Running(job)
    job.pause()
    until(lambda: state_of(mine.pid) == "T", "it stands still")
    seen = len(other.lines)
    until(lambda: len(other.lines) > seen + 5, "the other goes on")
    whole.stop()
    for one in (mine, other):
        one.thread.join(60)
        assert one.ended is not None


@pytest.mark.parametrize("limit", ["timeout_s", "stall_s"])
def test_a_pause_does_not_count(whole: Children, job: Children, limit: str) -> None:
    quiet = COUNTS.replace('print(".", flush=True)', "pass").replace(
        "while", 'print("", flush=True)\nwhile'
    )
    child = Running(job, quiet, **{limit: 1.5})
    job.pause()
    time.sleep(2.0)
    assert child.thread.is_alive()
    assert state_of(child.pid) == "T"
    job.resume()
    child.thread.join(60)
    assert child.ended is not None
    assert child.ended.stopped == limit.removesuffix("_s")


def test_the_clock_stands_still(job: Children) -> None:
    started = job.clock()
    job.pause()
    at_pause = job.clock()
    time.sleep(0.3)
    assert job.clock() == pytest.approx(at_pause, abs=0.01)
    job.resume()
    again = job.clock()
    time.sleep(0.1)
    assert job.clock() >= again + 0.09
    assert again - started < 30


def test_a_segment_stands_still_with_its_job(whole: Children, job: Children) -> None:
    segment = Children(parent=job)
    job.pause()
    assert segment.is_paused
    at_pause = segment.clock()
    child = threading.Thread(target=segment.check, daemon=True)
    child.start()
    time.sleep(0.3)
    assert child.is_alive()
    assert segment.clock() == pytest.approx(at_pause, abs=0.01)
    job.resume()
    child.join(60)
    assert not child.is_alive()
    segment.stop()
    assert not job.is_stopping
    assert not whole.is_stopping


@pytest.mark.parametrize("whose", ["job", "run"])
def test_a_paused_child_can_be_stopped(whole: Children, job: Children, whose: str) -> None:
    child = Running(job)
    job.pause()
    until(lambda: state_of(child.pid) == "T", "it stands still")
    (job if whose == "job" else whole).stop()
    child.thread.join(60)
    assert child.ended is not None
    assert child.ended.describe_exit() == "killed by SIGTERM"
    assert whole.is_stopping is (whose == "run")
    with pytest.raises(RunInterruptedError):
        job.check()


def test_a_paused_child_that_ignores_the_request_is_killed(
    whole: Children, job: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("av1rules.base.process.GENTLE_STOP_S", 0.3)
    deaf = COUNTS.replace("while", "import signal\nsignal.signal(15, signal.SIG_IGN)\nwhile")
    child = Running(job, deaf)
    job.pause()
    whole.stop()
    child.thread.join(60)
    assert child.ended is not None
    assert child.ended.describe_exit() == "killed by SIGKILL"


def test_no_child_starts_in_a_pause(whole: Children, job: Children) -> None:
    job.pause()
    started = threading.Event()

    def start() -> None:
        run([*PYTHON, "pass"], children=job)
        started.set()

    threading.Thread(target=start, daemon=True).start()
    assert not started.wait(0.7)
    job.resume()
    assert started.wait(60)


def test_a_child_that_starts_as_the_pause_begins_is_stopped(
    job: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = job.check

    def pause_after() -> None:
        check()
        job.pause()

    monkeypatch.setattr(Children, "check", lambda self: pause_after())
    argv, ended = [*PYTHON, "import time; time.sleep(0.5)"], threading.Event()

    def start() -> None:
        run(argv, children=job)
        ended.set()

    threading.Thread(target=start, daemon=True).start()
    until(lambda: bool(job._running), "it started")
    (child,) = job._running
    until(lambda: state_of(child.pid) == "T", "it stands still")
    assert not ended.wait(0.7)
    job.resume()
    assert ended.wait(60)


def test_pauses_and_resumes_at_any_moment_lose_no_child(whole: Children, job: Children) -> None:
    stop = threading.Event()

    def flip() -> None:
        while not stop.is_set():
            job.pause()
            job.resume()

    flipping = threading.Thread(target=flip, daemon=True)
    flipping.start()
    for _ in range(12):
        assert run([*PYTHON, "pass"], children=job).ok
    stop.set()
    flipping.join(60)
    job.pause()
    whole.stop()
    job.pause()  # too late: nothing may be stopped again
    assert not job.is_paused


def test_reading_a_file_stands_still_too(job: Children) -> None:
    signs = 0

    def work(sign: Callable[[], None]) -> int:
        nonlocal signs
        while signs < 300:
            sign()
            signs += 1
            time.sleep(0.002)
        return signs

    results: list[int] = []
    thread = threading.Thread(
        target=lambda: results.append(
            with_stall_timeout(work, stall_s=1.0, check=job.check, doing="reading")
        ),
        daemon=True,
    )
    thread.start()
    until(lambda: signs > 3, "it reads")
    job.pause()
    time.sleep(0.2)
    seen = signs
    time.sleep(1.5)  # longer than the bound
    assert signs == seen
    job.resume()
    thread.join(60)
    assert results == [300]


def test_a_stall_without_a_pause_is_one(job: Children) -> None:
    with pytest.raises(Av1rulesError, match="made no progress"):
        with_stall_timeout(lambda _: time.sleep(5), stall_s=0.3, check=job.check, doing="reading")


KILLED = """
import os, sys, threading, time
sys.path.insert(0, {root!r})
from av1rules.base.children import Children
from av1rules.base.process import run
job = Children(parent=Children())
def say(line):
    if line.isdigit():
        job.pause()
        print(line, flush=True)
run([sys.executable, "-ISsc", {code!r}], children=job, on_line=say)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="setpriv is Linux's")
def test_a_paused_child_does_not_outlive_a_killed_run() -> None:
    root = str(Path(__file__).parents[2])
    child: list[int] = []
    parent = Children()

    def kill_parent(line: str) -> None:
        child.append(int(line))
        until(lambda: state_of(child[0]) == "T", "it stands still")
        (running,) = parent._running
        os.kill(running.pid, signal.SIGKILL)

    ended = run(
        [sys.executable, "-c", KILLED.format(root=root, code=COUNTS)],
        children=parent,
        on_line=kill_parent,
    )
    assert ended.returncode == -signal.SIGKILL
    until(lambda: state_of(child[0]) in ("", "Z"), "it went with the run")
