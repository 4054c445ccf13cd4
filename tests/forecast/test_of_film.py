"""Forecasts of single films learn from the ledger once a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.forecast import of_film
from av1rules.forecast.of_film import FilmForecasts
from av1rules.ledger.history import recent_encodes
from av1rules.ledger.ledger import Ledger
from av1rules.policy.model import RunSpec
from tests.encode.make import source, video
from tests.plan_items import library_file, planned_encode


def test_the_past_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def counted(ledger: Ledger, count: int) -> object:
        asked.append(count)
        return recent_encodes(ledger, count)

    monkeypatch.setattr(of_film, "recent_encodes", counted)
    forecasts, work = FilmForecasts(), planned_encode(library_file("a"), source(main=video()))
    ledger = Ledger.open(tmp_path)
    try:
        found = [forecasts.of(work, ledger, RunSpec(state_dir=tmp_path)) for _ in range(3)]
    finally:
        ledger.close()
    assert found[0] is not None
    assert found[0].seconds.mid > 0
    assert found == [found[0]] * 3
    assert len(asked) == 1
