"""A ledger, approvals, a receipt and a tag that commit f626ab6 wrote say today what they said."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from av1rules.ledger.ledger import Ledger
from tests.compat.reading import FILES, fingerprints, leaves, make_ledger, read_all

EXPECTED: dict[str, dict[str, int]] = json.loads((FILES / "expected.json").read_text())


@pytest.fixture(params=["open", "read"])
def old_ledger(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Ledger, Path]]:
    folder = make_ledger(tmp_path)
    ledger = Ledger.open(folder) if request.param == "open" else Ledger.read(folder)
    yield ledger, folder
    ledger.close()


GONE = {"receipt.json": Counter({"'encode'": 8}), "receipts": Counter({"'encode'": 16})}
"""Who is to blame for a failed check: checks in receipts have passed, and no longer say it."""


def test_every_record_of_the_old_ledger_reads_as_it_was_written(
    old_ledger: tuple[Ledger, Path],
) -> None:
    ledger, folder = old_ledger
    with closing(sqlite3.connect(folder / "ledger.sqlite3")) as connection:
        found = read_all(ledger, connection)
    assert set(found) == set(EXPECTED)
    for name, expected in EXPECTED.items():
        assert expected, f"nothing is expected of {name}"
        missing = Counter(expected) - leaves(found[name])
        assert missing == GONE.get(name, Counter()), name


def test_the_old_ledger_holds_a_row_in_every_table(tmp_path: Path) -> None:
    folder = make_ledger(tmp_path)
    with closing(sqlite3.connect(folder / "ledger.sqlite3")) as connection:
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite%'"
        ).fetchall()
        empty = [t for (t,) in tables if not connection.execute(f"SELECT 1 FROM {t}").fetchone()]
    assert tables
    assert empty == []


def test_fingerprints_of_stored_settings_are_those_that_are_stored(
    old_ledger: tuple[Ledger, Path],
) -> None:
    pairs = list(fingerprints(old_ledger[0]))
    assert pairs
    assert all(stored == today for stored, today in pairs)
