"""A run of many encodes gives back what it takes: handles, threads and processes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.bench.bench_run import JOBS, run_films

FILMS = 60

OF_A_JOB = 8
"""More handles than one encode ever has open: the pipes of its process, its files, the ledger."""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="what is held is read from /proc")
def test_encodes_leave_no_handle_thread_or_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = run_films(tmp_path, FILMS, every=10, patch=monkeypatch)
    assert ran.done == len(ran.commits_s) == FILMS
    assert len(ran.during) == FILMS // 10
    for held in ran.during:
        assert held.handles <= ran.before.handles + JOBS * OF_A_JOB
        assert held.children <= ran.before.children + JOBS
    for kind in ("handles", "threads", "children"):
        assert getattr(ran.after, kind) <= getattr(ran.before, kind), kind
