"""What one run of many small encodes holds while it goes on, and what a commit of its ledger costs.

`python -m tests.bench.bench_run [FILMS]` runs 3,000 films if no number is named and prints memory,
file handles, threads and child processes at the start and after each quarter, then the times of
the ledger's commits, each beside a bare write and sync of as many bytes that follows it at once:
the disk's share changes with all that the run writes. Nothing is asserted.

Plan, graph, delivery, receipts and ledger are the real ones. An encode is a process that reports as
FFmpeg does and writes nothing; the worker writes the few bytes of the target.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import msgspec
import pytest

from av1rules.base.events import ignore
from av1rules.encode.job import EncodeJob
from av1rules.execute.startup import start_session
from av1rules.execute.worker import EncodeResult, WorkerContext
from av1rules.ffmpeg.run import run_ffmpeg
from av1rules.ffmpeg.tools import Tools
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import TargetRow
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import open_workspace
from tests import runs
from tests.fakes.worker import FakeClips, FakeWorker, without_ffmpeg
from tests.sample_library import FAST, RULES

FILMS, JOBS = 3000, 2

_REPORT = "echo frame=24; echo out_time_us=1000000; echo progress=end; echo '[info] done' >&2"

COMMIT_BYTES = 20_600
"""What a commit appends to the ledger's log: five pages of 4 KB with their headers."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What this process holds at one moment; memory in bytes."""

    encodes: int
    memory_bytes: int
    handles: int
    threads: int
    children: int

    @property
    def text(self) -> str:
        return (
            f"{self.encodes:6} encodes  {self.memory_bytes / 1e6:6.1f} MB  {self.handles:3} handles"
            f"  {self.threads:3} threads  {self.children:3} children"
        )


def held_now(encodes: int) -> Held:
    """Read from /proc, so only on Linux. Children that ended but were not waited for count."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    children = sum(
        len(path.read_text().split()) for path in Path("/proc/self/task").glob("*/children")
    )
    return Held(
        encodes=encodes,
        memory_bytes=pages * os.sysconf("SC_PAGE_SIZE"),
        handles=len(os.listdir("/proc/self/fd")),
        threads=threading.active_count(),
        children=children,
    )


class ProcessWorker(FakeWorker):
    """Starts a process for each encode, and takes note of what is held after each `every`."""

    def __init__(self, every: int) -> None:
        super().__init__()
        self.held: list[Held] = []
        self._every = every
        self._encodes = 0
        self._lock = threading.Lock()

    def encode_and_verify(
        self, job: EncodeJob, tools: Tools, context: WorkerContext
    ) -> EncodeResult:
        run_ffmpeg(["sh", "-c", _REPORT], children=context.children)
        result = super().encode_and_verify(job, tools, context)
        with self._lock:
            self.jobs.clear()  # the list of a fake is no growth of the run
            self._encodes += 1
            if self._encodes % self._every == 0:
                self.held.append(held_now(self._encodes))
        return result


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """One run: what was held before it, in it and after it; seconds of each commit, and of
    a bare write and sync after it."""

    before: Held
    during: tuple[Held, ...]
    after: Held
    commits_s: tuple[float, ...]
    bare_s: tuple[float, ...]
    done: int


def run_films(folder: Path, count: int, *, every: int, patch: pytest.MonkeyPatch) -> Ran:
    """Encode `count` films of a new library below `folder` in one run."""
    without_ffmpeg(patch)
    worker = ProcessWorker(every)
    patch.setattr(runs, "worker", worker)
    commits: list[float] = []
    bare: list[float] = []
    _time_commits(patch, commits, bare, folder / "bare")
    (folder / "rules.yaml").write_text(RULES.format(settings=FAST))
    make = FakeClips(folder / "made")
    (folder / "films").mkdir()
    for number in range(count):
        make(f"film {number:06}.mkv").rename(folder / "films" / f"film {number:06}.mkv")
    with (
        open_workspace(folder / "rules.yaml", write=False) as workspace,
        start_session(workspace, ignore) as session,
    ):
        plan = build_plan(session.workspace)
        before = held_now(0)
        counts = runs.run_plan(plan, session, jobs=JOBS)
        after = held_now(count)
    return Ran(before=before, during=tuple(worker.held), after=after,
               commits_s=tuple(commits), bare_s=tuple(bare), done=counts.done)  # fmt: skip


def _time_commits(
    patch: pytest.MonkeyPatch, took_s: list[float], bare_s: list[float], beside: Path
) -> None:
    commit = Ledger.commit

    def timed(self: Ledger, row: TargetRow, receipt: bytes | None) -> None:
        start = time.perf_counter()
        commit(self, row, receipt)
        took_s.append(time.perf_counter() - start)
        bare_s.append(_bare_sync_s(beside))

    patch.setattr(Ledger, "commit", timed)


def _bare_sync_s(path: Path) -> float:
    """Seconds of a write as large as a commit, with its sync."""
    with path.open("ab", buffering=0) as file:
        start = time.perf_counter()
        file.write(b"x" * COMMIT_BYTES)
        os.fdatasync(file.fileno())
        return time.perf_counter() - start


def _times(took_s: tuple[float, ...]) -> str:
    ordered = sorted(took_s)
    late = ordered[int(len(ordered) * 0.95)]
    return f"median {statistics.median(ordered) * 1e3:.2f} ms, 95 % below {late * 1e3:.2f} ms"


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else FILMS
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        start = time.perf_counter()
        ran = run_films(Path(folder), count, every=max(count // 4, 1), patch=patch)
        took_s = time.perf_counter() - start
        for held in (ran.before, *ran.during, ran.after):
            print(held.text)
        print(f"{ran.done} of {count} done in {took_s:.0f} s, {JOBS} at a time")
        print(f"commit of the ledger:     {_times(ran.commits_s)}")
        print(f"bare write and sync:      {_times(ran.bare_s)}")


if __name__ == "__main__":
    main()
