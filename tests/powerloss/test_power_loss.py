"""Power goes at any moment of a run: no content is lost, no target is called fresh that is not
whole, and the next run repairs. By default a sample of moments; `doit powerloss` tries all."""

from __future__ import annotations

import random

import pytest

from tests.faults.scenarios import SCENARIOS
from tests.powerloss.conftest import GetRecorded
from tests.powerloss.harness import FIGURES, MODELS, PowerLossHarness
from tests.powerloss.lines import shown
from tests.powerloss.models import Crash, some_crashes, state_at

pytestmark = pytest.mark.real

SAMPLE = ("encode, temp_dir elsewhere", "replace, new extension", "undo", "move of a folder")
STATES = 6
"""States of each scenario of the sample."""


def require_clean(harness: PowerLossHarness, model: str, crashes: list[Crash]) -> None:
    """Try each state; count it, and name all that are not clean."""
    failed = []
    for crash in crashes:
        outcome = harness.outcome(crash)
        FIGURES[harness.name, model][outcome.partition(":")[0]] += 1
        if outcome != "clean":
            failed.append(f"{crash.name}: {outcome}")
    assert failed == []


@pytest.mark.parametrize("name", SAMPLE)
def test_sample(get_recorded: GetRecorded, name: str) -> None:
    harness = get_recorded(name)
    harness.require_same_end()
    losses = {name: loss for model in MODELS.values() for name, loss in model.items()}
    crashes = some_crashes(harness.recording, losses, STATES, name)
    require_clean(harness, "sample", list(crashes))


@pytest.mark.powerloss
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_state(get_recorded: GetRecorded, name: str) -> None:
    harness, seen = get_recorded(name), set[str]()
    harness.require_same_end()
    for model in MODELS:
        require_clean(harness, model, harness.crashes(model, seen))


KILLED = (
    "encode", "encode, temp_dir elsewhere", "replace", "replace, new extension", "undo",
    "undo, new extension", "delete after verify, new extension", "moves in a chain",
    "move of a folder", "moves to another file system",
)  # fmt: skip


@pytest.mark.powerloss
@pytest.mark.parametrize("name", KILLED)
def test_power_goes_after_a_kill(get_recorded: GetRecorded, name: str) -> None:
    """What a killed run had not synced is on no disk yet when the next run relies on it."""
    syncs = get_recorded(name).own_syncs()
    for at in range(1, syncs + 1):
        harness, seen = get_recorded(name, f"s{at}"), set[str]()
        crashes = harness.crashes("strict", seen)
        tried = random.Random(at).sample(crashes, min(len(crashes), 40))
        require_clean(harness, "strict, after a kill", tried)


def test_a_sync_that_is_missing_is_found(get_recorded: GetRecorded) -> None:
    """The means can say no: without the trash folder's sync an original is lost."""
    harness = get_recorded("replace, new extension")
    (line,) = (one for one in harness.lines() if "exchange.aside))" in shown(one))
    least = MODELS["strict"]["strict, nothing"]
    end = len(harness.recording.steps)
    state = state_at(harness.recording, end, least, without=frozenset({line}))
    assert harness.outcome(Crash(state, "the end", end)).startswith("lost")
