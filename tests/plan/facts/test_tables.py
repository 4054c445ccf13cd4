"""The tables of the ledger in a file of facts."""

from __future__ import annotations

import sqlite3

from av1rules.ledger.migrations.steps import STEPS
from av1rules.plan.facts.tables import TABLES

NOT_READ_BY_A_PLAN = {
    "runs", "moves", "health", "forecasts", "findings", "texts", "outbox", "queue",
    "segments", "segmented_films",
}  # fmt: skip


def tables() -> dict[str, set[str]]:
    connection = sqlite3.connect(":memory:")
    connection.executescript(" ".join(STEPS))
    names = [
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
        if not name.startswith("sqlite_")
    ]
    return {
        name: {row[1] for row in connection.execute(f"PRAGMA table_info({name})")} for name in names
    }


def test_every_table_is_written_or_left_out_on_purpose() -> None:
    assert set(tables()) == {*TABLES, *NOT_READ_BY_A_PLAN}


def test_every_column_has_its_kind() -> None:
    """So that a new one is written, and no name of a film slips through a private file."""
    found = tables()
    for name, form in TABLES.items():
        assert set(form.columns) == found[name], name
