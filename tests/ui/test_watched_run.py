"""A whole run, watched from another process: its events, its queue, its end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from av1rules.base.events import JobDone, RunFinished, RunStarted
from av1rules.ledger.films.film_list import FilmQuery, FilmState
from av1rules.ledger.ledger import Ledger
from av1rules.policy.load import load_rules
from av1rules.report.live.model import RunPhase
from av1rules.ui.event_tail import EventTail
from av1rules.ui.live_source import LiveSource
from tests.ui.conftest import NAMES
from tests.ui.screen import ROOT

WAITING = FilmQuery(states=frozenset({FilmState.WAITING}))


def test_what_another_process_sees_of_a_run(shelf: Path) -> None:
    rules = load_rules(shelf / "rules.yaml")
    source = LiveSource(rules)
    command = [sys.executable, "-m", "tests.ui.program", "-f", str(rules.file), "run"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "AV1RULES_FAKE_S": "0.4"}
    with subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL) as run:
        most, queued, deadline = 0, 0, time.monotonic() + 60
        while run.poll() is None and time.monotonic() < deadline:
            state = source.refresh()
            most = max(most, len(state.jobs))
            queued = max(queued, state.library.waiting)
            time.sleep(0.1)
        run.wait(timeout=60)
    state = source.refresh()
    assert most == 2
    assert queued > 2
    assert state.run is not None
    assert (state.run.phase, state.run.ended, state.run.number) == (RunPhase.FINISHED, 12, 1)
    source.close()
    with closing(Ledger.read(rules.run.state_dir)) as ledger:
        assert ledger.films.count(WAITING) == 0
        assert ledger.films.count(FilmQuery()) == len(NAMES)
    tail = EventTail(rules.run.state_dir)
    kinds = [type(one.event) for one in tail.read()]
    tail.close()
    assert (kinds.count(RunStarted), kinds.count(JobDone)) == (1, 12)
    assert kinds[-1] is RunFinished
