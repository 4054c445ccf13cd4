"""A first plan over many new files: it tells how far it is, can be ended, and goes on."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from av1rules.media.cache import BATCH
from tests.cli.terminal import on_a_terminal
from tests.fakes.stub import Stub, ffmpeg_answers

FACTS = {
    "format": {"format_name": "matroska,webm", "duration": "2.0"},
    "streams": [
        {
            "index": 0, "codec_type": "video", "codec_name": "mpeg4", "pix_fmt": "yuv420p",
            "width": 64, "height": 64, "field_order": "progressive",
        }
    ],
    "frames": [{"stream_index": 0, "pix_fmt": "yuv420p"}],
}  # fmt: skip

FFPROBE = """#!/bin/sh
case "$*" in
    *-version*) echo "ffprobe version 8.0.1 Copyright (c)"; echo "libavcodec     62. 11.100";;
    *-decoders*) echo " V....D png                  x"; echo " V....D libdav1d             x";;
    *-show_format*) echo "$$" >> "{log}"; sleep {sleep_s}; cat "{answer}";;
    *) cat "{answer}";;
esac
"""

RULES = """\
version: 1
library: {{roots: [films], settle: 0, min_size: 0}}
output: {{mode: mirror, root: out}}
tools: {{ffmpeg: {ffmpeg}, ffprobe: {ffprobe}}}
rules:
  - {{name: all, skip: true}}
"""


@dataclass(frozen=True, slots=True)
class ColdLibrary:
    """Files that no plan has seen, and an ffprobe that keeps count."""

    folder: Path
    stub: Stub

    def make(self, files: int, *, sleep_s: float = 0.0) -> None:
        films = self.folder / "films"
        films.mkdir()
        for number in range(files):
            (films / f"{number:04}.avi").write_bytes(b"RIFF" + number.to_bytes(4))
        self.set_probe(sleep_s=sleep_s)

    def set_probe(self, *, sleep_s: float) -> None:
        answer, program = self.folder / "answer.json", self.folder / "ffprobe"
        answer.write_text(json.dumps(FACTS))
        program.write_text(FFPROBE.format(log=self.log, answer=answer, sleep_s=sleep_s))
        program.chmod(0o755)
        ffmpeg = self.stub.make("ffmpeg", *ffmpeg_answers())
        (self.folder / "rules.yaml").write_text(RULES.format(ffmpeg=ffmpeg, ffprobe=program))

    @property
    def log(self) -> Path:
        return self.folder / "asked"

    @property
    def probes(self) -> int:
        """Files that ffprobe was asked about so far: each has one first question."""
        return len(self.log.read_text().splitlines()) if self.log.exists() else 0

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "av1rules", "plan"],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )

    def wait_for(self, probes: int) -> None:
        deadline = time.monotonic() + 20
        while self.probes < probes:
            assert time.monotonic() < deadline, f"only {self.probes} probes"
            time.sleep(0.02)

    def plan(self) -> str:
        child = self.start()
        out, said = child.communicate(timeout=120)
        assert child.returncode == 0, said
        return out


@pytest.fixture
def library(tmp_path: Path, stub: Stub) -> ColdLibrary:
    return ColdLibrary(tmp_path, stub)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_plan_ends_soon_and_keeps_what_was_probed(
    library: ColdLibrary, signum: signal.Signals
) -> None:
    library.make(60, sleep_s=0.05)
    child = library.start()
    library.wait_for(20)
    started = time.monotonic()
    child.send_signal(signum)
    _, said = child.communicate(timeout=30)
    assert time.monotonic() - started < 15
    assert (child.returncode, said.splitlines()[-1:]) == (130, ["interrupted"])
    before = library.probes
    assert before < 60
    library.set_probe(sleep_s=0)
    library.plan()
    # Those at work when the signal came are asked once more.
    assert 60 <= library.probes <= 60 + (os.cpu_count() or 1)
    library.plan()
    assert library.probes <= 60 + (os.cpu_count() or 1)


def test_hung_probes_do_not_hold_an_interrupted_plan(library: ColdLibrary) -> None:
    library.make(8, sleep_s=25)
    child = library.start()
    library.wait_for(1)
    started = time.monotonic()
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=30)
    assert child.returncode == 130
    assert time.monotonic() - started < 15


def test_killed_plan_loses_at_most_one_batch(library: ColdLibrary) -> None:
    files = BATCH + 100
    library.make(files)
    child = library.start()
    library.wait_for(BATCH + 50)
    child.kill()
    child.communicate(timeout=30)
    library.plan()
    # More were asked before the kill than fit into a batch: one that kept nothing would fail here.
    assert library.probes - files <= BATCH


def test_terminal_shows_rate_and_time_left_until_all_is_known(library: ColdLibrary) -> None:
    library.make(60, sleep_s=0.1)
    code, seen = on_a_terminal(["plan"], cwd=library.folder)
    assert code == 0
    assert re.search(
        r"\rprobed \d+ of 60 new files, [\d.]+ a second, about \d+ s left\x1b\[K", seen
    )
    code, seen = on_a_terminal(["plan"], cwd=library.folder)
    assert code == 0
    assert "probed" not in seen
    (library.folder / "films" / "new.avi").write_bytes(b"RIFFnew")
    (library.folder / "rules.yaml").write_text(
        (library.folder / "rules.yaml").read_text().replace("name: all", "name: every")
    )
    code, seen = on_a_terminal(["plan"], cwd=library.folder)
    assert "probed 1 of 1 new file" in seen
