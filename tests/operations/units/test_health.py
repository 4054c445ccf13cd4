"""A watcher that says nothing, or is not there, is not well."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from av1rules.execute.resources.watcher import GONE_S, WatcherState, this_host, write_watcher
from av1rules.operations.units.health import WatcherHealth, check_watcher

NOW_S = 1e9


@pytest.mark.parametrize(
    ("pid", "age_s", "health"),
    [
        (os.getpid(), 0.0, WatcherHealth.ALIVE),
        (os.getpid(), GONE_S - 1, WatcherHealth.ALIVE),
        (os.getpid(), GONE_S + 1, WatcherHealth.SILENT),
        (2**22 + 1, 0.0, WatcherHealth.GONE),
    ],
    ids=["alive", "slow", "silent", "gone"],
)
def test_health(tmp_path: Path, pid: int, age_s: float, health: WatcherHealth) -> None:
    since = "2026-11-27T00:00:00+00:00"
    state = WatcherState(
        pid=pid, host=this_host(), since=since, state="idle", beat_s=NOW_S - age_s
    )  # fmt: skip
    write_watcher(tmp_path, state)
    checked = check_watcher(tmp_path, NOW_S)
    assert checked.health is health
    assert (checked.watcher == state) is (health is not WatcherHealth.GONE)


def test_without_a_watcher(tmp_path: Path) -> None:
    assert check_watcher(tmp_path).health is WatcherHealth.GONE
