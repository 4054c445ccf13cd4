"""The ledger of a made-up library, and the figures of it."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from av1rules.graph.clip_standings import clip_standings
from av1rules.graph.forecast_table import ForecastTable
from av1rules.graph.history import made_since, read_outcomes
from av1rules.graph.ledger import Ledger
from av1rules.report.figures import Figures
from av1rules.report.tally import count_up
from tests.report.shelf_of_figures import END, approvals_of, fill


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
        return count_up(
            made_since(ledger, since),
            read_outcomes(ledger, since),
            at=END,
            since=since,
            ledger="/shelf/.av1rules/ledger.sqlite3",
            max_failures=3,
            clips=clip_standings(ledger, approvals_of(state_dir)),
            past=ForecastTable(ledger.db).all(),
            zone=UTC,
        )


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts show local times: here those of UTC."""
    for module in ("report_sections", "report_outcomes", "report_words"):
        monkeypatch.setattr(
            f"av1rules.report.{module}.shown_time", lambda at: at[:16].replace("T", " ")
        )
