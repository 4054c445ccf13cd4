"""The live state of a library: events of another process, its death, controls, a broken ledger."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from av1rules.ledger.ledger import LEDGER_NAME
from av1rules.operations import control
from av1rules.report.live.model import RunPhase
from av1rules.ui.event_log import EventLog
from av1rules.ui.live_source import LiveSource
from tests.operations.monitor.test_figures import ruleset
from tests.report.live.test_fold import DONE, HALF, JOB, STARTED


def hold(state: Path, pid: int) -> None:
    state.mkdir(parents=True, exist_ok=True)
    (state / "run.holder").write_text(f"process {pid} on {socket.gethostname()}, since today")


def test_a_run_is_followed_and_a_killed_one_is_gone(tmp_path: Path) -> None:
    rules = ruleset(tmp_path)
    source = LiveSource(rules)
    assert source.refresh().run is None
    hold(rules.run.state_dir, os.getpid())
    with EventLog(rules.run.state_dir) as log:
        for event in (STARTED, JOB, HALF):
            log(event)
        state = source.refresh()
        assert state.holder is not None
        assert [one.share for one in state.jobs] == [0.5]
        log(DONE)
    assert source.refresh().jobs == ()
    (rules.run.state_dir / "run.holder").unlink()
    state = source.refresh()
    assert state.run is not None
    assert (state.run.phase, state.holder) == (RunPhase.GONE, None)
    source.close()


def test_an_old_log_under_a_new_run_shows_no_job(tmp_path: Path) -> None:
    rules = ruleset(tmp_path)
    hold(rules.run.state_dir, os.getppid())
    with EventLog(rules.run.state_dir) as log:
        log(STARTED)
        log(JOB)
    source = LiveSource(rules)
    state = source.refresh()
    assert state.jobs == ()
    assert state.holder is not None
    source.close()


def test_a_pause_is_seen_once_the_user_says_it(tmp_path: Path) -> None:
    rules = ruleset(tmp_path)
    source = LiveSource(rules)
    source.refresh()
    control.pause(rules.run.state_dir, reason="guests")
    source.forget_figures()
    assert "paused by a user" in (source.refresh().library.pause or "")
    control.stop(rules.run.state_dir)
    source.forget_figures()
    assert source.refresh().library.is_stopped
    source.close()


def test_a_broken_ledger_is_told(tmp_path: Path) -> None:
    rules = ruleset(tmp_path)
    rules.run.state_dir.mkdir()
    (rules.run.state_dir / LEDGER_NAME).write_text("no database at all, but long enough" * 9)
    source = LiveSource(rules)
    assert "ledger" in (source.refresh().library.problem or "")
    source.close()
