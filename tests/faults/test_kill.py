"""Kills a run at every point, during repair, and at random times: nothing is lost, and the next
start repairs everything. By default a sample of points; `doit faults` runs all."""

from __future__ import annotations

import random

import pytest

from tests.faults.conftest import GetHarness
from tests.faults.harness import CrashHarness
from tests.faults.scenarios import SCENARIOS

pytestmark = pytest.mark.real

SAMPLE = (
    "encode", "encode, temp_dir elsewhere", "replace, new extension",
    "rebuild from the original", "undo, new extension", "delete after verify", "copies linked",
    "moves in a chain", "moves to another file system", "orphan to the trash", "purge",
    "rest gives way to targets",
)  # fmt: skip

CHAINS = 10
"""Killed runs of each scenario whose repair is killed too."""

ANY_TIMES = 6
"""Runs of each scenario that are killed from outside."""

RESTART_POINTS = 40
"""A repair and the run after it reach about this many points."""


def kill_at(harness: CrashHarness, *points: int) -> None:
    """Kill the command at the first point, each restart at the next one; then check."""
    harness.reset()
    for number, at in enumerate(points):
        harness.run(at, command=("run",) if number else None)
        harness.require_nothing_lost()
    harness.check()


@pytest.mark.parametrize("name", SAMPLE)
def test_sample(get_harness: GetHarness, name: str) -> None:
    harness = get_harness(name)
    steps = [at for at, point in enumerate(harness.points, 1) if point.startswith("step: ")]
    turn = random.Random(name)
    kill_at(harness, turn.choice(steps or range(1, len(harness.points) + 1)))
    kill_at(harness, turn.randint(1, len(harness.points)), turn.randint(6, 20))


@pytest.mark.faults
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_point(get_harness: GetHarness, name: str) -> None:
    harness = get_harness(name)
    for at in range(1, len(harness.points) + 1):
        with failure_note(f"killed at {at}, {harness.points[at - 1]}"):
            kill_at(harness, at)


@pytest.mark.faults
@pytest.mark.parametrize("name", SCENARIOS)
def test_kills_while_repairing(get_harness: GetHarness, name: str) -> None:
    harness = get_harness(name)
    for turn in map(random.Random, range(CHAINS)):
        first = turn.randint(1, len(harness.points))
        more = [turn.randint(1, RESTART_POINTS) for _ in range(turn.randint(1, 3))]
        with failure_note(f"killed at {first}, restarts killed at {more}"):
            kill_at(harness, first, *more)


@pytest.mark.faults
@pytest.mark.parametrize("name", SCENARIOS)
def test_any_time(get_harness: GetHarness, name: str) -> None:
    harness = get_harness(name)
    for turn in map(random.Random, range(ANY_TIMES)):
        harness.reset()
        seconds = turn.uniform(0.5, 1.0) * harness.seconds
        harness.run_for(seconds)
        with failure_note(f"killed after {seconds:.3f} s"):
            harness.check()


class failure_note:  # noqa: N801 - reads as a statement
    """Adds a note to a failure."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, problem: BaseException | None, trace: object) -> None:
        if problem is not None:
            problem.add_note(self._what)
