"""Whether the watcher of a policy is alive, for health checks of containers and monitors."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import msgspec

from av1rules.execute.resources.watcher import WatcherState, is_silent, seen_watcher


class WatcherHealth(StrEnum):
    ALIVE = "alive"
    SILENT = "silent"  # it hangs, or its machine was asleep
    GONE = "gone"  # none was started, it has ended, or it was killed


class CheckedWatcher(msgspec.Struct, frozen=True, kw_only=True):
    """`watcher` is what it said last; None: gone."""

    health: WatcherHealth
    watcher: WatcherState | None


def check_watcher(state_dir: Path, now_s: float | None = None) -> CheckedWatcher:
    """What the watcher of a state folder says of itself."""
    state = seen_watcher(state_dir)
    if state is None:
        return CheckedWatcher(health=WatcherHealth.GONE, watcher=None)
    health = WatcherHealth.SILENT if is_silent(state, now_s) else WatcherHealth.ALIVE
    return CheckedWatcher(health=health, watcher=state)
