from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.base.errors import BusyError
from av1rules.execute.resources.run_lock import run_lock, watch_lock
from av1rules.execute.resources.watcher import (
    GONE_S,
    WATCHER_NAME,
    WatcherState,
    forget_watcher,
    is_silent,
    seen_watcher,
    this_host,
    write_watcher,
)

STATE = WatcherState(
    pid=os.getpid(),
    host=this_host(),
    since="2026-11-27T10:00:00+00:00",
    state="idle",
    beat_s=1000.0,
    rounds=3,
)


def test_what_it_says_is_seen_until_it_ends(tmp_path: Path) -> None:
    assert seen_watcher(tmp_path) is None
    write_watcher(tmp_path, STATE)
    assert seen_watcher(tmp_path) == STATE
    forget_watcher(tmp_path)
    forget_watcher(tmp_path)
    assert seen_watcher(tmp_path) is None


def test_a_killed_one_is_gone_and_one_of_another_machine_is_believed(tmp_path: Path) -> None:
    gone = replace(STATE, pid=2**22 + 1)  # above the highest id that Linux gives
    write_watcher(tmp_path, gone)
    assert seen_watcher(tmp_path) is None
    write_watcher(tmp_path, replace(gone, host="another"))
    assert seen_watcher(tmp_path) == replace(gone, host="another")


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"pid": "x"}'])
def test_a_torn_file_is_no_watcher(content: bytes, tmp_path: Path) -> None:
    (tmp_path / WATCHER_NAME).write_bytes(content)
    assert seen_watcher(tmp_path) is None


def test_a_folder_that_can_t_be_written_is_no_reason_to_end(tmp_path: Path) -> None:
    write_watcher(tmp_path / "missing", STATE)
    assert list(tmp_path.iterdir()) == []


def test_silence() -> None:
    assert not is_silent(STATE, 1000.0 + GONE_S)
    assert is_silent(STATE, 1001.0 + GONE_S)
    assert is_silent(STATE)


def test_one_watcher_a_ledger_and_runs_beside_it(tmp_path: Path) -> None:
    with watch_lock(tmp_path):
        with (
            pytest.raises(BusyError, match=f"another watcher .*process {os.getpid()} "),
            watch_lock(tmp_path),
        ):
            pass
        with run_lock(tmp_path):
            pass
    with watch_lock(tmp_path):
        pass
