"""The ledger of a made-up library, and the figures of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from av1rules.ledger.history import encodes_since, read_outcomes
from av1rules.ledger.ledger import Ledger
from av1rules.operations.clips.ledger_status import clip_statuses
from av1rules.report.aggregate import aggregate
from av1rules.report.model import Figures
from tests.report.sample_history import END, approvals_of, fill


@pytest.fixture(scope="session")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Never written to after it is filled."""
    folder = tmp_path_factory.mktemp("figures") / ".av1rules"
    fill(folder)
    return folder


@pytest.fixture
def figures(state_dir: Path) -> Figures:
    return figures_of(state_dir)


def figures_of(state_dir: Path, *, since: datetime | None = None) -> Figures:
    with closing(Ledger.read(state_dir)) as ledger:
        return aggregate(
            encodes_since(ledger, since),
            read_outcomes(ledger, since),
            at=END,
            since=since,
            ledger="/shelf/.av1rules/ledger.sqlite3",
            max_failures=3,
            clips=clip_statuses(ledger, approvals_of(state_dir)),
            past=ledger.forecasts.all(),
            zone=UTC,
        )


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Texts show local times: here those of UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()
