"""A library whose encodes are real processes that end when the test lets them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from av1rules.base.events import Event, JobDropped, JobStarted, Paused, Resumed
from av1rules.base.process import run
from av1rules.encode.job import EncodeJob
from av1rules.execute.session import Session
from av1rules.execute.startup import start_session
from av1rules.execute.worker import EncodeResult, WorkerContext
from av1rules.ffmpeg.tools import Tools
from av1rules.graph.runner import DoitBackend
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import open_workspace
from tests.base.test_children import PYTHON, state_of, until
from tests.fakes.worker import FakeWorker
from tests.runs import RunCounts, run_plan
from tests.sample_library import SampleLibrary

WAITS = """
import os, sys, time
print(os.getpid(), flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
"""


class PacedWorker(FakeWorker):
    """Encodes while a program runs that ends once `let` names its film. `begun` are the films in
    the order in which they began, `pids` those of their programs."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self.begun: list[str] = []
        self.pids: dict[str, int] = {}

    def let(self, *films: str) -> None:
        for film in films:
            self._sign(film).touch()

    def _sign(self, film: str) -> Path:
        return self._folder / film.replace("/", "-")

    def encode_and_verify(
        self, job: EncodeJob, tools: Tools, context: WorkerContext
    ) -> EncodeResult:
        film = job.event_name
        self.begun.append(film)

        def seen(line: str) -> None:
            self.pids[film] = int(line)

        argv = [*PYTHON, WAITS, str(self._sign(film))]
        run(argv, children=context.children, on_line=seen)
        context.children.check()
        return super().encode_and_verify(job, tools, context)


class RunAtWork:
    """A run of the whole library in a thread. `finished` is set at its end."""

    def __init__(self, library: SampleLibrary, worker: PacedWorker, *, jobs: int) -> None:
        self.library = library
        self.worker = worker
        self.session: Session | None = None
        self.finished: RunCounts | None = None
        self.failure: BaseException | None = None
        self._jobs = jobs
        library.events.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        library = self.library
        try:
            with (
                open_workspace(library.rules_file, write=False) as workspace,
                start_session(workspace, library.events.append) as session,
            ):
                self.session = session
                plan = build_plan(session.workspace)
                backend = DoitBackend(worker=self.worker)
                self.finished = run_plan(plan, session, jobs=self._jobs, backend=backend)
        except BaseException as problem:  # noqa: BLE001 - told by the test
            self.failure = problem

    def wait_begun(self, *films: str) -> None:
        until(lambda: all(film in self.worker.pids for film in films), f"{films} began")

    def wait_state(self, film: str, *states: str) -> None:
        until(lambda: state_of(self.worker.pids[film]) in states, f"{film} is {states}")

    def wait_event(self, kind: type[Event], *, source: str | None = None) -> Event:
        until(lambda: bool(self._found(kind, source)), f"{kind.__name__} of {source}")
        return self._found(kind, source)[-1]

    def _found(self, kind: type[Event], source: str | None) -> list[Event]:
        events = tuple(self.library.events)
        return [one for one in events if isinstance(one, kind) and one.source == source]

    def dropped(self) -> dict[str | None, str]:
        events = tuple(self.library.events)
        return {one.source: one.reason for one in events if isinstance(one, JobDropped)}

    def pauses(self) -> list[str]:
        events = tuple(self.library.events)
        return [type(one).__name__ for one in events if isinstance(one, Paused | Resumed)]

    def started(self) -> list[str | None]:
        return [one.source for one in tuple(self.library.events) if isinstance(one, JobStarted)]

    def end(self) -> RunCounts:
        self._thread.join(60)
        assert self.failure is None, self.failure
        assert self.finished is not None, "the run came to no end"
        return self.finished


@contextmanager
def at_work(library: SampleLibrary, worker: PacedWorker, *, jobs: int = 1) -> Iterator[RunAtWork]:
    """A run at work; whatever the test does, it ends."""
    run_at_work = RunAtWork(library, worker, jobs=jobs)
    try:
        yield run_at_work
    finally:
        if run_at_work.session is not None:
            run_at_work.session.workspace.children.stop(kill=True)
        run_at_work._thread.join(60)
