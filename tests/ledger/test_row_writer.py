"""Rows that come from elsewhere."""

from __future__ import annotations

import pytest

from av1rules.ledger.database import LedgerDb
from av1rules.ledger.mapping import SqlValue
from av1rules.ledger.row_writer import RowWriter

TOUCH: dict[str, SqlValue] = {"inode": 1, "before_ns": 2, "after_ns": 3, "at": "now"}


@pytest.mark.parametrize(
    ("change", "error"),
    [({"inode": "one"}, TypeError), ({"at": None}, ValueError), ({"at": b"now"}, TypeError)],
)
def test_a_row_of_wrong_types_is_refused(
    change: dict[str, SqlValue], error: type[Exception]
) -> None:
    db = LedgerDb.in_memory()
    with RowWriter.opened(db) as rows:
        rows.add("own_touches", TOUCH)
        with pytest.raises(error):
            rows.add("own_touches", {**TOUCH, **change, "after_ns": 4})
    assert db.query("SELECT inode, before_ns, after_ns, at FROM own_touches") == [(1, 2, 3, "now")]


def test_texts_that_rows_share_are_written_once() -> None:
    db = LedgerDb.in_memory()
    with RowWriter.opened(db) as rows:
        for number in range(2):
            values: dict[str, SqlValue] = {
                "fingerprint": str(number), "tools": "{}", "source": b"a", "facts": "{}"
            }  # fmt: skip
            rows.add("searches", values)
    assert db.query("SELECT count(*) FROM searches") == [(2,)]
    assert db.query("SELECT count(*) FROM texts") == [(0,)]
