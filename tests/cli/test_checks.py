"""`adopt`, `verify` and `health` as typed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from av1rules.execute.resources.run_lock import run_lock
from tests.cli.test_commands import av1rules
from tests.conftest import MakeClip
from tests.sample_library import SampleLibrary

pytestmark = pytest.mark.real


def test_verify_says_what_to_do_and_ends_with_1(library: SampleLibrary) -> None:
    library.add("a.mkv")
    library.add("b.mkv")
    library.run()
    assert av1rules("verify", cwd=library.folder).stdout == "2 targets checked: 2 well\n"
    library.target("a.mkv").unlink()
    text = av1rules("verify", cwd=library.folder, code=1).stdout
    assert text == (
        f"{library.target('a.mkv')}\n"
        "  missing: no such file\n"
        "  hint: `av1rules run` redoes it from its source\n\n"
        "2 targets checked: 1 well, 1 missing\n"
    )
    gone = str(library.target("a.mkv"))
    done = av1rules("verify", "--json", gone, cwd=library.folder, code=1)
    document = json.loads(done.stdout)
    assert [item["health"] for item in document["targets"]] == ["missing"]
    assert av1rules("verify", "films/b.mkv", cwd=library.folder).stdout.startswith("1 target ")
    assert "no target of this name" in av1rules("verify", "x", cwd=library.folder, code=2).stderr


def test_verify_leaves_out_what_was_checked_lately(library: SampleLibrary) -> None:
    library.add("a.mkv")
    library.run()
    deep = ("verify", "--digest", "--decode", "--older-than", "30d")
    assert "1 well" in av1rules(*deep, cwd=library.folder).stdout
    assert av1rules(*deep, cwd=library.folder).stdout == (
        "0 targets checked: 1 not checked again\n"
    )
    refused = av1rules("verify", "--older-than", "soon", cwd=library.folder, code=2).stderr
    assert "expected a duration" in refused


def test_adopt_after_the_state_folder_was_lost(library: SampleLibrary) -> None:
    library.add("a.mkv")
    library.run()
    shutil.rmtree(library.state_dir)
    dry = av1rules("adopt", "--dry-run", cwd=library.folder).stdout
    assert dry.endswith("1 adopted; nothing was written\n")
    document = json.loads(av1rules("adopt", "--json", cwd=library.folder).stdout)
    assert [item["result"] for item in document["targets"]] == ["adopted"]
    assert library.work() == []
    assert av1rules("adopt", cwd=library.folder).stdout == (
        "nothing to adopt, 1 unchanged in the ledger\n"
    )
    with run_lock(library.state_dir):
        refused = av1rules("adopt", cwd=library.folder, code=5).stderr
    assert "another run uses this ledger" in refused


def test_adopt_refuses_a_target_without_source(library: SampleLibrary) -> None:
    source = library.add("a.mkv")
    library.run()
    shutil.rmtree(library.state_dir)
    source.unlink()
    assert (
        "its source is not in the library" in av1rules("adopt", cwd=library.folder, code=1).stdout
    )


def test_health_lists_what_is_damaged(library: SampleLibrary) -> None:
    library.add("a.mkv")
    cut = library.add("cut.mkv")
    os.truncate(cut, cut.stat().st_size // 2)
    done = av1rules("health", "-j", "2", cwd=library.folder, code=1)
    assert "films/cut.mkv  File ended prematurely" in done.stdout
    assert "films/cut.mkv: problem: File ended prematurely" in done.stderr
    again = av1rules("health", "--json", cwd=library.folder, code=1)
    assert [item["health"] for item in json.loads(again.stdout)["sources"]] == ["well", "damaged"]
    assert "0 files to check (0 B), 2 checked before" in again.stderr
    assert (
        "no film has this name" in av1rules("health", "nowhere", cwd=library.folder, code=2).stderr
    )


def test_interrupted_health_ends_at_once_and_goes_on_later(
    library: SampleLibrary, make_clip: MakeClip
) -> None:
    long = make_clip(
        "long.mkv", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=24", "-t", "1600", "-c:v",
        "mpeg2video", "-q:v", "20",
    )  # fmt: skip
    library.add("a.mkv")
    library.add("b.mkv", long)
    with subprocess.Popen(
        [sys.executable, "-m", "av1rules", "health", "-j", "1"],
        cwd=library.folder,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stderr is not None
        for line in child.stderr:
            if "films/a.mkv: ok" in line:
                break
        time.sleep(0.5)  # b is being decoded: FFmpeg misses a SIGTERM in the moment of its start
        child.send_signal(signal.SIGINT)
        rest = child.stderr.read()
        assert child.wait(timeout=20) == 130, rest
    done = av1rules("health", "films/a.mkv", cwd=library.folder)
    assert "0 files to check (0 B), 1 checked before" in done.stderr
