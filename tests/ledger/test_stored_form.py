"""What stands on disk: `ledger_v5.sql` was written by an earlier av1rules, and stays as it is.

A field may get another name, a record another type: the columns, and the JSON inside them, may not.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from av1rules.ledger.database import LEDGER_NAME
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import TargetTable
from tests.ledger import sample_records as sample

STORED = Path(__file__).with_name("ledger_v5.sql")


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Ledger]:
    folder = tmp_path / "stored"
    folder.mkdir()
    with contextlib.closing(sqlite3.connect(folder / LEDGER_NAME)) as db:
        db.executescript(STORED.read_text())
    with contextlib.closing(Ledger.open(folder)) as ledger:
        yield ledger


def test_what_is_written_is_what_an_earlier_version_wrote(tmp_path: Path, stored: Ledger) -> None:
    with contextlib.closing(Ledger.open(tmp_path)) as ledger:
        sample.fill(ledger)
    stored.close()
    assert _contents(tmp_path) == _contents(tmp_path / "stored")


def _contents(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table but the receipts, which each zlib packs in its own way. Shared texts
    are numbered by who came first: in a row the text counts."""
    with contextlib.closing(sqlite3.connect(folder / LEDGER_NAME)) as db:
        tables = [
            name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        texts = dict(db.execute("SELECT id, text FROM texts"))
        db.row_factory = sqlite3.Row
        found = {
            name: [dict(row) for row in db.execute(f"SELECT * FROM {name}")]
            for name in tables
            if name not in ("receipts", "texts")
        }
    for row in found["targets"]:
        row |= {name: texts[row[name]] for name in TargetTable.shared}
    return found | {"texts": [{"text": text} for text in sorted(texts.values())]}


def test_targets_and_work_in_hand_are_read(stored: Ledger) -> None:
    assert set(stored.rows()) == {sample.ROW, sample.BARE_ROW}
    assert stored.receipt(sample.ODD) == b"the receipt of a target"
    prepared, begun = stored.jobs_in_progress()
    assert prepared == sample.IN_HAND
    assert (begun.row, begun.receipt) == (None, None)
    assert stored.attempt("9-key", "other") == sample.VERDICT
    assert stored.attempt("9-key", "third") == sample.BARE_VERDICT


def test_what_lies_aside_is_read(stored: Ledger) -> None:
    assert stored.kept.entries() == (sample.KEPT, sample.BARE_KEPT)
    (entry, intent), (purged, removal) = stored.kept.in_flight()
    assert (entry, intent) == (sample.IN_FLIGHT, sample.INTENT)
    assert (purged, removal) == (replace(sample.KEPT, id=4), sample.REMOVAL)


def test_runs_moves_and_census_are_read(stored: Ledger) -> None:
    at_work, ended = stored.runs.latest(2)
    assert ended == sample.RUN
    assert (at_work.ended, at_work.summary) == (None, None)
    assert stored.moves.in_flight() == (sample.MOVE,)
    assert stored.inventories.of_root("/films") == b"packed"


def test_checks_are_read(stored: Ledger) -> None:
    assert stored.checks.all() == {sample.ODD: sample.CHECKED}
    assert stored.health.of_contents(["9-key"]) == {"9-key": sample.HEALTH}


def test_clips_forecasts_and_samples_are_read(stored: Ledger) -> None:
    assert stored.clips.all() == (sample.CLIP,)
    assert stored.forecasts.all() == (sample.PAST,)
    found = stored.samples.find("9-key", sample.SAMPLE.settings, sample.TOOLS)
    assert found == sample.SAMPLE
    assert stored.searches.find("print", sample.TOOLS) == sample.SEARCH
