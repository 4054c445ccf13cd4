"""SIGKILL in mid-run: what was done stays done, nothing torn appears, the next run repairs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from av1rules.base.digest import content_key
from av1rules.graph.ledger import Ledger
from av1rules.graph.recover import recover
from tests.conftest import MakeClip
from tests.shelf import Shelf

pytestmark = pytest.mark.real

PATIENCE_S = 60.0


def start_run(shelf: Shelf) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "av1rules", "run", "-f", str(shelf.rules_file)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for(what: str, is_there: object) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if is_there():  # type: ignore[operator]
            return
        time.sleep(0.02)
    pytest.fail(f"{what} did not come within {PATIENCE_S} s")


def encoders_at_work(shelf: Shelf) -> list[int]:
    """Processes whose command line names this shelf's temporary files."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                command = Path("/proc", entry, "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(shelf.folder / "out") in command and b"ffmpeg" in command:
                found.append(int(entry))
    return found


@pytest.fixture
def busy_shelf(shelf: Shelf, make_clip: MakeClip) -> Shelf:
    """One quick film, then one that takes long enough to be caught in the middle."""
    slow = make_clip("slow.mkv", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=24:d=20")
    shelf.rules(settings="crf: 50, preset: 3, max_size_ratio: 9")
    shelf.add("a.mkv")
    shelf.add("b.mkv", slow)
    return shelf


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for children in /proc")
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_ended_in_mid_run(busy_shelf: Shelf, signum: signal.Signals) -> None:
    shelf = busy_shelf
    process = start_run(shelf)
    wait_for("the first target", lambda: shelf.target("a.mkv").exists())
    wait_for("the second encode", lambda: encoders_at_work(shelf))
    process.send_signal(signum)
    code = process.wait(timeout=PATIENCE_S)
    wait_for("the end of all children", lambda: not encoders_at_work(shelf))
    assert [row.source for row in shelf.ledger_rows()] == ["films/a.mkv"]
    assert not shelf.target("b.mkv").exists()
    if signum is signal.SIGKILL:
        assert code == -signal.SIGKILL
        assert shelf.leftovers() != []
    else:
        assert code == 130
        assert shelf.leftovers() == []
    shelf.rules(settings="crf: 50, preset: 3, max_size_ratio: 9, keyint: 48")
    shelf.run(shelf.folder / "films" / "a.mkv")
    assert shelf.leftovers() == [], "the next run sweeps what the dead one left"


def test_published_just_before_the_crash_is_not_done_twice(shelf: Shelf) -> None:
    """The crash between rename and ledger commit: the row was prepared, the file is in place."""
    shelf.add("film.mkv")
    shelf.run()
    (row,) = shelf.ledger_rows()
    for path in shelf.state_dir.glob("ledger*"):
        path.unlink()
    folder = str(shelf.target(".av1rules-0123456789abcdef"))
    os.mkdir(folder)
    ledger = Ledger.open(shelf.state_dir)
    ledger.begin(folder, row.source)
    ledger.prepare(folder, replace(row, target_mtime_ns=1), b"{}")
    ledger.close()
    assert shelf.run().done == 0
    assert shelf.ledger_rows() == (row,)
    assert not os.path.exists(folder)
    assert shelf.work() == []


def test_prepared_but_not_published_is_built_anew(shelf: Shelf, other_clip: Path) -> None:
    shelf.add("film.mkv")
    shelf.run()
    (row,) = shelf.ledger_rows()
    ledger = Ledger.open(shelf.state_dir)
    ledger.begin("/nowhere/.av1rules-1", row.source)
    ledger.prepare("/nowhere/.av1rules-1", replace(row, target_key="1-no", fingerprint="x"), b"{}")
    assert content_key(row.target) == row.target_key
    (line,) = recover(ledger, shelf.ruleset())
    assert "waits for its disk" in line
    assert list(ledger.rows()) == [row]
    assert len(ledger.in_hand()) == 1, "the disk may come back with the published file"
    ledger.close()


def test_sweeps_only_folders_of_its_own_kind(shelf: Shelf, tmp_path: Path) -> None:
    precious = tmp_path / "films"
    precious.mkdir()
    (precious / "film.mkv").touch()
    ledger = Ledger.open(tmp_path / "state")
    ledger.begin(str(precious), "films/film.mkv")
    assert list(recover(ledger, shelf.ruleset())) == []
    ledger.close()
    assert (precious / "film.mkv").exists()
