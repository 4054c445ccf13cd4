"""Rows that are read together answer as single queries do."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.ledger.database import KEYS_PER_QUERY
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import put_row
from tests.ledger.test_ledger import attempt
from tests.plan.test_freshness import ROW

MANY = KEYS_PER_QUERY + 3


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Targets of many contents, two of which have two targets, and a few attempts."""
    ledger = Ledger.open(tmp_path)
    targets = [(f"/out/{number}.mkv", number) for number in range(MANY)]
    targets += [("/two/0", 0), (f"/two/{MANY - 1}", MANY - 1)]
    with ledger._db.transaction() as write:
        for target, number in targets:
            put_row(write, replace(ROW, target=target, content_key=f"key {number}"), None)
    for number in (1, MANY - 2):
        ledger.record_attempt(replace(attempt(), content_key=f"key {number}", fingerprint="other"))
    return ledger


def answers(ledger: Ledger) -> list[object]:
    numbers = (0, 1, 2, MANY - 2, MANY - 1, MANY)
    return [
        *(ledger.find(f"{folder}{number}{end}") for number in numbers
          for folder, end in (("/out/", ".mkv"), ("/two/", ""), ("/none/", ""))),
        *(ledger.of_content(f"key {number}") for number in numbers),
        *(ledger.attempt(f"key {number}", print_) for number in numbers
          for print_ in ("other", "print")),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param([], id="nothing"),
        pytest.param([f"key {number}" for number in range(MANY)], id="all"),
        pytest.param([f"key {number}" for number in (*range(3), 0, 1, 999)], id="some, twice"),
    ],
)
def test_the_answers_are_the_same(ledger: Ledger, keys: list[str]) -> None:
    before = answers(ledger)
    assert sum(one not in (None, ()) for one in before) == 5 + 2 + 5 + 2
    with ledger.reading_ahead(keys):
        assert answers(ledger) == before
    assert answers(ledger) == before


def test_what_was_read_ahead_is_not_asked_again(ledger: Ledger) -> None:
    with ledger.reading_ahead(["key 2", "key none"]):
        known = ledger.of_content("key 2")
        assert ledger.find("/out/2.mkv") is known[0]
        assert ledger.of_content("key none") == ()
        ledger.close()  # a query would raise
        assert ledger.of_content("key 2") is known
        assert ledger.attempt("key 2", "other") is None
