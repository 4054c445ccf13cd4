"""What a watcher says of itself in the state folder, for `status`, services and containers: that it
is alive, and what it does."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from pathlib import Path

import msgspec

from av1rules.base.own_files import read_own, write_own

WATCHER_NAME = "watch.json"

BEAT_S = 60.0
"""The watcher writes at least this often: rarely enough for a disk that sleeps."""

GONE_S = 3 * BEAT_S
"""Without a word for so long a watcher hangs, or its machine is asleep."""


class WatcherState(msgspec.Struct, frozen=True, kw_only=True):
    """`state` and `reason` as of the event `watching`; `since` is when the watcher was started,
    `until` when it looks again by itself (ISO 8601, UTC), `beat_s` when it wrote this, in seconds
    since 1970."""

    pid: int
    host: str
    since: str
    state: str
    beat_s: float
    reason: str | None = None
    until: str | None = None
    rounds: int = 0


def this_host() -> str:
    return socket.gethostname()


def write_watcher(state_dir: Path, state: WatcherState) -> None:
    """A full disk is no reason to stop watching."""
    with contextlib.suppress(OSError):
        write_own(state_dir / WATCHER_NAME, msgspec.json.encode(state))


def forget_watcher(state_dir: Path) -> None:
    with contextlib.suppress(OSError):
        (state_dir / WATCHER_NAME).unlink(missing_ok=True)


def seen_watcher(state_dir: Path) -> WatcherState | None:
    """The watcher that said last that it is alive; None if there is none: it ended, or was
    killed."""
    try:
        raw = read_own(state_dir / WATCHER_NAME, limit=10_000)
        state = msgspec.json.decode(raw, type=WatcherState)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    if state.host == this_host() and not _is_there(state.pid):
        return None
    return state


def is_silent(state: WatcherState, now_s: float | None = None) -> bool:
    """Whether it has said nothing for too long."""
    return (time.time() if now_s is None else now_s) - state.beat_s > GONE_S


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):  # another user's, or no id at all
        return True
    return True
