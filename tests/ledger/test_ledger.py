"""The ledger keeps what it was told, through crashes of its owner, and never guesses."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec import structs
from msgspec.structs import replace

from av1rules.base.errors import LedgerError
from av1rules.ledger.database import LEDGER_NAME, SCHEMA_VERSION
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.migrations.steps import STEPS
from av1rules.ledger.records import Attempt, AttemptResult
from av1rules.ledger.samples import SampleEncode, SearchResult, Tried
from av1rules.policy.settings import EncodeSettings
from tests.plan.test_freshness import ROW

ODD = os.fsdecode(b"/out/\xff\n\xe2\x80\xae.mkv")


def attempt(kind: AttemptResult = AttemptResult.FAILED) -> Attempt:
    return Attempt(
        kind=kind, content_key="key", fingerprint="print", source="films/a.mkv", detail="broke",
        source_bytes=100, target_bytes=None, count=1, at="2026-01-01T00:00:00+00:00",
    )  # fmt: skip


def test_row_survives_with_odd_names(tmp_path: Path) -> None:
    row = replace(ROW, target=ODD, source="films/\udcff.mkv")
    ledger = Ledger.open(tmp_path)
    ledger.begin("/out/.av1rules-1", row.source)
    ledger.prepare("/out/.av1rules-1", row, b"{}")
    (work,) = ledger.jobs_in_progress()
    assert work.row == row
    ledger.commit(row, b'{"a": 1}')
    ledger.close()
    ledger = Ledger.read(tmp_path)
    assert ledger.find(ODD) == row
    assert ledger.receipt(ODD) == b'{"a": 1}'
    assert len(ledger.jobs_in_progress()) == 1, "in hand until it is released"
    ledger.close()


def test_reading_leaves_no_file_behind(tmp_path: Path) -> None:
    ledger = Ledger.read(tmp_path / "absent")
    assert tuple(ledger.rows()) == ()
    ledger.close()
    assert not (tmp_path / "absent").exists()
    Ledger.open(tmp_path).close()
    before = sorted(os.listdir(tmp_path))
    reader = Ledger.read(tmp_path)
    assert reader.find("x") is None
    reader.close()
    assert sorted(os.listdir(tmp_path)) == before == [".gitignore", LEDGER_NAME]


def test_reader_sees_what_a_writer_committed_meanwhile(tmp_path: Path) -> None:
    writer = Ledger.open(tmp_path)
    writer.commit(ROW, b"{}")
    reader = Ledger.read(tmp_path)
    assert reader.find(ROW.target) == ROW
    writer.commit(replace(ROW, target="/out/b.mkv"), b"{}")
    assert reader.find("/out/b.mkv") is not None
    reader.close()
    writer.close()


def test_reader_can_not_write(tmp_path: Path) -> None:
    Ledger.open(tmp_path).close()
    reader = Ledger.read(tmp_path)
    with pytest.raises(LedgerError, match="could not be written"):
        reader.forget(None)
    reader.close()


def test_failures_are_counted_and_success_clears_them(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    ledger.record_attempt(attempt())
    ledger.record_attempt(replace(attempt(), detail="broke again"))
    seen = ledger.attempt("key", "print")
    assert seen is not None
    assert (seen.count, seen.detail) == (2, "broke again")
    ledger.commit(replace(ROW, content_key="key", fingerprint="print"), b"{}")
    assert ledger.attempt("key", "print") is None
    ledger.close()


def test_forget_makes_stale_and_drops_verdicts_of_that_source_only(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    ledger.commit(ROW, b"{}")
    ledger.commit(replace(ROW, target="/out/b.mkv", source="films/b.mkv"), b"{}")
    ledger.record_attempt(attempt())
    ledger.forget("films/a.mkv")
    flags = {row.source: row.forgotten for row in ledger.rows()}
    assert flags == {"films/a.mkv": True, "films/b.mkv": False}
    assert ledger.attempt("key", "print") is None
    assert set(ledger.known_targets()) == {"/out/b.mkv"}
    ledger.close()


def test_newer_ledger_is_refused_with_its_version(tmp_path: Path) -> None:
    Ledger.open(tmp_path).close()
    with sqlite3.connect(tmp_path / LEDGER_NAME) as db:
        db.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    db.close()
    for way in (Ledger.open, Ledger.read):
        with pytest.raises(LedgerError, match=f"version {SCHEMA_VERSION + 1}"):
            way(tmp_path)


def test_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    (tmp_path / LEDGER_NAME).write_bytes(b"not a database, but long enough to be looked at" * 99)
    for way in (Ledger.open, Ledger.read):
        with pytest.raises(LedgerError, match="can't be opened"):
            way(tmp_path)


def test_commits_survive_sigkill_of_the_writer(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from msgspec.structs import replace\n"
        "from av1rules.ledger.ledger import Ledger\n"
        "from tests.plan.test_freshness import ROW\n"
        "ledger = Ledger.open(Path(sys.argv[1]))\n"
        "for n in range(20):\n"
        "    ledger.commit(replace(ROW, target=f'/out/{n}.mkv'), b'{}')\n"
        "ledger.begin('/out/.av1rules-x', 'films/x.mkv')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=Path(__file__).parents[2], check=False
    )
    assert done.returncode == -9
    ledger = Ledger.open(tmp_path)
    assert len(tuple(ledger.rows())) == 20
    assert [work.folder for work in ledger.jobs_in_progress()] == ["/out/.av1rules-x"]
    ledger.close()


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_an_older_ledger_is_brought_along(tmp_path: Path, version: int) -> None:
    path = tmp_path / LEDGER_NAME
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript(f"{' '.join(STEPS[:version])} PRAGMA user_version={version};")
        db.execute(
            "INSERT INTO verdicts (content_key, fingerprint, kind, source, detail, source_bytes,"
            " target_bytes, count, at) VALUES ('key', 'print', 'failed', x'61', 'why', 10, NULL,"
            " 2, '2026-11-22T20:00:00+00:00')"
        )
        db.commit()
    for open_ledger in (Ledger.read, Ledger.open):  # reading changes nothing
        with contextlib.closing(open_ledger(tmp_path)) as ledger:
            found = ledger.attempt("key", "print")
            assert found is not None
            assert (found.kind, found.count, found.measured) == (AttemptResult.FAILED, 2, ())
            assert ledger.clips.all() == ()
            assert ledger.forecasts.all() == ()
            assert ledger.searches.find("print", ROW.tools) is None
    assert path.with_name(f"{LEDGER_NAME}.v{version}").exists()


def test_verdicts_hold_what_was_measured(tmp_path: Path) -> None:
    with contextlib.closing(Ledger.open(tmp_path)) as ledger:
        poor = replace(attempt(AttemptResult.TOO_POOR), measured=(("vmaf_p5", 87.25),))
        for output in (poor, attempt()):
            ledger.record_attempt(output)
            assert ledger.attempt("key", "print") == output


SAMPLE = SampleEncode(
    content_key="key",
    settings=EncodeSettings(crf=26, preset=5),
    tools=ROW.tools,
    passages=((1.5, 3.0), (9.0, 3.0)),
    frames=144,
    duration_s=6.0,
    size_bytes=123_456,
    encode_s=2.5,
    made_at="2026-11-22T20:00:00+00:00",
)
RESULT = SearchResult(
    fingerprint="print",
    tools=ROW.tools,
    crf=27.25,
    text="CRF 27.25",
    tried=(Tried(crf=27.25, value=93.1),),
    elapsed_s=12.0,
    made_at="2026-11-22T20:00:00+00:00",
)


def test_samples_and_searches_are_of_one_content_settings_and_tools(tmp_path: Path) -> None:
    odd = os.fsdecode(b"films/\xff.mkv")
    other_tools = replace(ROW.tools, encoder_version="v5")
    with contextlib.closing(Ledger.open(tmp_path)) as ledger:
        ledger.samples.put(SAMPLE, source=odd)
        ledger.searches.put(RESULT, source=odd)
        assert ledger.samples.find("key", SAMPLE.settings, ROW.tools) == SAMPLE
        assert (
            ledger.samples.find("key", structs.replace(SAMPLE.settings, crf=27), ROW.tools) is None
        )
        assert ledger.samples.find("key", SAMPLE.settings, other_tools) is None
        assert ledger.searches.find("print", ROW.tools) == RESULT
        assert ledger.searches.find("print", other_tools) is None
        ledger.forget("films/another.mkv")
        assert ledger.searches.find("print", ROW.tools) == RESULT
        ledger.forget(odd)
        assert ledger.samples.find("key", SAMPLE.settings, ROW.tools) is None
        assert ledger.searches.find("print", ROW.tools) is None


def test_a_row_costs_at_most_two_kilobytes(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    receipt = ("".join(f'"setting {n}": "value {n * 7919}", ' for n in range(120))).encode()
    count = 500
    for number in range(count):
        name = f"/media/films/A Film of Ordinary Length ({number})/A Film - 1080p.mkv"
        ledger.commit(replace(ROW, target=name, source=name), receipt)
    ledger.close()
    size = (tmp_path / LEDGER_NAME).stat().st_size
    assert size / count < 2 * 1024
