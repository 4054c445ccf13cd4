"""A ledger of an earlier version is brought along whole, or not at all. `ledger_v5.sql` is one."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.base.errors import LedgerError
from av1rules.ledger import database
from av1rules.ledger.database import LEDGER_NAME, SCHEMA_VERSION
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.mapping import canonical_json
from av1rules.ledger.packed_receipt import unpack_receipt
from tests.ledger import sample_records as sample

STORED = Path(__file__).with_name("ledger_v5.sql")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with contextlib.closing(sqlite3.connect(tmp_path / LEDGER_NAME)) as db:
        db.executescript(STORED.read_text())
    return tmp_path


def _version(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as db:
        version: int = db.execute("PRAGMA user_version").fetchone()[0]
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return version


def _assert_is_all_there(ledger: Ledger) -> None:
    assert set(ledger.rows()) == {sample.ROW, sample.BARE_ROW}
    assert ledger.of_content("9-key") == (sample.BARE_ROW, sample.ROW)
    receipt = b"the receipt of a target"
    assert ledger.receipt(sample.ODD) == receipt
    stored = [found for _, found in ledger.built_lately(9)]
    assert [unpack_receipt(one or b"") for one in stored] == [receipt] * 2
    assert ledger.kept.entries() == (sample.KEPT, sample.BARE_KEPT)
    known = ledger.known_targets()  # without the forgotten row
    tools = canonical_json(sample.BARE_ROW.tools)
    assert [(target, facts[3]) for target, facts in known.items()] == [("/out/b.mkv", tools)]


def test_an_older_ledger_is_read_as_it_is_and_brought_along_to_be_written(folder: Path) -> None:
    before = (folder / LEDGER_NAME).read_bytes()
    with contextlib.closing(Ledger.read(folder)) as ledger:
        _assert_is_all_there(ledger)
    assert (folder / LEDGER_NAME).read_bytes() == before
    for way in (Ledger.open, Ledger.read, Ledger.open):
        with contextlib.closing(way(folder)) as ledger:
            _assert_is_all_there(ledger)
    assert _version(folder / LEDGER_NAME) == SCHEMA_VERSION
    assert _version(folder / f"{LEDGER_NAME}.v5") == 5


def test_a_migration_that_is_killed_starts_again(folder: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from av1rules.ledger import database\n"
        "database.repack_receipt = lambda stored: os.kill(os.getpid(), signal.SIGKILL)\n"
        "database.LedgerDb.open(Path(sys.argv[1]))\n"
    )
    command = [sys.executable, "-c", script, str(folder)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == -9
    assert _version(folder / LEDGER_NAME) == 5
    with contextlib.closing(Ledger.open(folder)) as ledger:
        _assert_is_all_there(ledger)


def test_a_migration_that_fails_leaves_the_old_ledger(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(stored: bytes) -> bytes:
        raise ValueError("not enough")

    with monkeypatch.context() as patch:
        patch.setattr(database, "repack_receipt", fail)
        with pytest.raises(LedgerError, match="can't be opened"):
            Ledger.open(folder)
    assert _version(folder / LEDGER_NAME) == 5
    with contextlib.closing(Ledger.open(folder)) as ledger:
        _assert_is_all_there(ledger)


def test_rows_of_the_same_settings_share_their_text(tmp_path: Path) -> None:
    with contextlib.closing(Ledger.open(tmp_path)) as ledger:
        for number in range(200):
            row = replace(sample.ROW, target=f"/out/{number}.mkv")
            ledger.commit(row, b"{}")
            assert ledger.find(row.target) == row
        ledger.commit(sample.BARE_ROW, None)
    with contextlib.closing(sqlite3.connect(tmp_path / LEDGER_NAME)) as db:
        assert db.execute("SELECT count(*) FROM texts").fetchone() == (4,)
