"""Whatever users say in whatever order: once all is resumed, all is made, and nothing is left."""

from __future__ import annotations

import os
import random
import threading
import time
from pathlib import Path

import pytest

from av1rules.base.process import run
from av1rules.encode.job import EncodeJob
from av1rules.execute.startup import start_session
from av1rules.execute.worker import EncodeResult, WorkerContext
from av1rules.ffmpeg.tools import Tools
from av1rules.graph.runner import DoitBackend
from av1rules.operations import control
from av1rules.plan.items import PlanAction
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import open_workspace
from tests.base.test_children import PYTHON, state_of
from tests.fakes.worker import FakeClips, FakeWorker
from tests.runs import run_plan
from tests.sample_library import SampleLibrary

FILMS = tuple(f"films/{number:02}.mkv" for number in range(12))
LONGEST_S = 120
SEEDS = tuple(range(int(os.environ.get("AV1RULES_SEEDS", "1"))))


class BriefWorker(FakeWorker):
    """Each encode is a real process of a tenth of a second."""

    def __init__(self) -> None:
        super().__init__()
        self.pids: list[int] = []

    def encode_and_verify(
        self, job: EncodeJob, tools: Tools, context: WorkerContext
    ) -> EncodeResult:
        code = "import os, time; print(os.getpid(), flush=True); time.sleep(0.1)"
        run(
            [*PYTHON, code],
            children=context.children,
            on_line=lambda line: self.pids.append(int(line)),
        )
        context.children.check()
        return super().encode_and_verify(job, tools, context)


def say_something(state_dir: Path, chance: random.Random) -> None:
    films = chance.sample(FILMS, chance.randint(1, 3))
    whole = chance.choice([(), (), films])
    match chance.randrange(8):
        case 0:
            control.pause(state_dir, *([whole] if whole else []))
        case 1 | 2:
            control.resume(state_dir, *([whole] if whole else []))
        case 3:
            control.stop(state_dir, films)
        case 4:
            control.skip(state_dir, films)
        case 5:
            control.move_first(state_dir, films)
        case 6:
            control.move_last(state_dir, films)
        case _:
            control.resume(state_dir, FILMS)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost(
    seed: int, library: SampleLibrary, fake_worker: FakeWorker, fake_clips: FakeClips
) -> None:
    for film in FILMS:
        name = film.removeprefix("films/")
        library.add(name, fake_clips(name))
    worker, chance, is_over = BriefWorker(), random.Random(seed), threading.Event()

    def talk() -> None:
        while not is_over.wait(chance.random() * 0.3):
            say_something(library.state_dir, chance)

    def a_run() -> int:
        with (
            open_workspace(library.rules_file, write=False) as workspace,
            start_session(workspace, library.events.append) as session,
        ):
            plan = build_plan(session.workspace)
            return run_plan(plan, session, jobs=3, backend=DoitBackend(worker=worker)).done

    talking = threading.Thread(target=talk, daemon=True)
    talking.start()
    threading.Timer(4, is_over.set).start()
    done = 0
    while not is_over.is_set():
        end = threading.Timer(4.5, lambda: control.resume(library.state_dir))
        end.start()
        done += a_run()
        end.cancel()
    talking.join(60)
    control.resume(library.state_dir, ("", *FILMS))
    deadline = time.monotonic() + LONGEST_S
    while done < len(FILMS) and time.monotonic() < deadline:
        done += a_run()
    assert done == len(FILMS), "each film once"
    assert [row.action for row in library.plan().rows] == [PlanAction.FRESH] * len(FILMS)
    assert library.leftovers() == []
    assert [pid for pid in worker.pids if state_of(pid) == "T"] == []
    assert control.read_controls(library.state_dir).holding("", "9") is None
