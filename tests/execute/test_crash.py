"""SIGKILL in mid-run: what was done stays done, nothing torn appears, the next run repairs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.base.hashing import content_key
from av1rules.execute.recover import recover
from av1rules.ledger.ledger import Ledger
from tests.conftest import MakeClip
from tests.sample_library import SampleLibrary

pytestmark = pytest.mark.real

TIMEOUT_S = 60.0


def start_run(library: SampleLibrary) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "av1rules", "run", "-f", str(library.rules_file)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for(what: str, is_there: object) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        if is_there():  # type: ignore[operator]
            return
        time.sleep(0.02)
    pytest.fail(f"{what} did not happen within {TIMEOUT_S} s")


def encoders_at_work(library: SampleLibrary) -> list[int]:
    """Processes whose command line names this library's temporary files."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                command = Path("/proc", entry, "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(library.folder / "out") in command and b"ffmpeg" in command:
                found.append(int(entry))
    return found


@pytest.fixture
def busy_library(library: SampleLibrary, make_clip: MakeClip) -> SampleLibrary:
    """One quick film, then one that takes long enough to be caught in the middle."""
    slow = make_clip("slow.mkv", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=24:d=20")
    library.rules(settings="crf: 50, preset: 3, max_size_ratio: 9")
    library.add("a.mkv")
    library.add("b.mkv", slow)
    return library


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds children in /proc")
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_ended_in_mid_run(busy_library: SampleLibrary, signum: signal.Signals) -> None:
    library = busy_library
    process = start_run(library)
    wait_for("the first target", lambda: library.target("a.mkv").exists())
    wait_for("the second encode", lambda: encoders_at_work(library))
    process.send_signal(signum)
    code = process.wait(timeout=TIMEOUT_S)
    wait_for("the end of all children", lambda: not encoders_at_work(library))
    assert [row.source for row in library.ledger_rows()] == ["films/a.mkv"]
    assert not library.target("b.mkv").exists()
    if signum is signal.SIGKILL:
        assert code == -signal.SIGKILL
        assert library.leftovers() != []
    else:
        assert code == 130
        assert library.leftovers() == []
    library.rules(settings="crf: 50, preset: 3, max_size_ratio: 9, keyint: 48")
    library.run(library.folder / "films" / "a.mkv")
    assert library.leftovers() == [], "the next run sweeps what the dead one left"


def test_published_just_before_the_crash_is_not_done_twice(library: SampleLibrary) -> None:
    """The crash between rename and ledger commit: the row was prepared, the file is in place."""
    library.add("film.mkv")
    library.run()
    (row,) = library.ledger_rows()
    for path in library.state_dir.glob("ledger*"):
        path.unlink()
    folder = str(library.target(".av1rules-0123456789abcdef"))
    os.mkdir(folder)
    ledger = Ledger.open(library.state_dir)
    ledger.begin(folder, row.source)
    ledger.prepare(folder, replace(row, target_mtime_ns=1), b"{}")
    ledger.close()
    assert library.run().done == 0
    assert library.ledger_rows() == (row,)
    assert not os.path.exists(folder)
    assert library.work() == []


def test_prepared_but_not_published_is_built_anew(library: SampleLibrary, other_clip: Path) -> None:
    library.add("film.mkv")
    library.run()
    (row,) = library.ledger_rows()
    ledger = Ledger.open(library.state_dir)
    ledger.begin("/nowhere/.av1rules-1", row.source)
    ledger.prepare("/nowhere/.av1rules-1", replace(row, target_key="1-no", fingerprint="x"), b"{}")
    assert content_key(row.target) == row.target_key
    (line,) = recover(ledger, library.ruleset())
    assert "waits for its disk" in line
    assert list(ledger.rows()) == [row]
    assert len(ledger.jobs_in_progress()) == 1, "the disk may come back with the published file"
    ledger.close()


def test_sweeps_only_folders_of_its_own_kind(library: SampleLibrary, tmp_path: Path) -> None:
    precious = tmp_path / "films"
    precious.mkdir()
    (precious / "film.mkv").touch()
    ledger = Ledger.open(tmp_path / "state")
    ledger.begin(str(precious), "films/film.mkv")
    assert list(recover(ledger, library.ruleset())) == []
    ledger.close()
    assert (precious / "film.mkv").exists()
