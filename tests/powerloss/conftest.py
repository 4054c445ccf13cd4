"""Fixtures of the power loss tests: scenarios of the fault tests, recorded once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.register_assert_rewrite("tests.powerloss.harness")

from tests.faults.conftest import (  # noqa: E402
    GetHarness,
    get_harness,
    near_folder,
    tiny_clips,
)
from tests.powerloss.harness import FIGURES, PowerLossHarness  # noqa: E402
from tests.powerloss.lines import MISSED  # noqa: E402
from tests.powerloss.record import can_record  # noqa: E402

GetRecorded = Callable[..., PowerLossHarness]

__all__ = ["get_harness", "near_folder", "tiny_clips"]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist hands its figures on."""
    if hasattr(session.config, "workeroutput"):
        figures = [(*key, dict(counts)) for key, counts in FIGURES.items()]
        session.config.workeroutput["powerloss"] = (figures, dict(MISSED))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    figures, missed = getattr(node, "workeroutput", {}).get("powerloss", ((), {}))
    for scenario, model, counts in figures:
        FIGURES[scenario, model].update(counts)
    MISSED.update(missed)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for (scenario, model), counts in sorted(FIGURES.items()):
        outcomes = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
        terminalreporter.write_line(f"power loss: {scenario}, {model}: {outcomes}")
    for line in sorted(MISSED.values()):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def recorder() -> None:
    """Skips where nothing can be recorded."""
    problem = can_record()
    if problem is not None:
        pytest.skip(f"no power loss is tried: {problem}")


@pytest.fixture(scope="session")
def get_recorded(recorder: None, get_harness: GetHarness) -> GetRecorded:
    """The recording of a scenario, made once; with the points at which runs before it are
    killed."""
    made: dict[tuple[str, tuple[str, ...]], PowerLossHarness] = {}

    def get(name: str, *kills: str) -> PowerLossHarness:
        key = (name, kills)
        if key not in made:
            made[key] = PowerLossHarness(name, get_harness(name), kills)
        return made[key]

    return get
