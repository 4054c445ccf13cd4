"""Runs that are killed in mid-film, again and again, end with the bytes of an undisturbed one."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from av1rules.base.hashing import file_digest
from av1rules.ledger.ledger import Ledger
from tests.conftest import MakeClip
from tests.sample_library import SampleLibrary

pytestmark = pytest.mark.real

CHECKOUT = Path(__file__).parents[3]
DEADLINE_S = 60.0
RULES = """\
version: 1
library: {roots: [films], settle: 0}
output: {mode: mirror, root: out, copies: encode}
run: {reserve: 0, segments: {from: 0, length: 1}}
rules:
  - name: all
    encode: {crf: 40, preset: 10, max_size_ratio: 9, keyint: "48", film_grain: 0}
    review: never
"""


@pytest.fixture(scope="session")
def film(make_clip: MakeClip) -> Path:
    """Eight segments that take a moment each."""
    return make_clip(
        "eight-segments.mkv",
        "-f", "lavfi", "-i", "testsrc2=s=160x96:r=24:d=16,noise=alls=20:allf=t",
        "-f", "lavfi", "-i", "sine=f=440:d=16", "-c:v", "libx264", "-preset", "ultrafast",
        "-pix_fmt", "yuv420p", "-x264-params", "open-gop=1:keyint=72:bframes=3", "-c:a", "flac",
    )  # fmt: skip


def start(library: SampleLibrary, jobs: int) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "av1rules", "-f", str(library.rules_file), "run", "-j", str(jobs)]
    return subprocess.Popen(
        argv, cwd=CHECKOUT, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip


def recorded(library: SampleLibrary) -> int:
    ledger = Ledger.read(library.state_dir)
    try:
        films = ledger.segmented.all()
        return sum(ledger.segments.totals(film.folder)[0] for film in films)
    finally:
        ledger.close()


def digests(library: SampleLibrary) -> dict[str, str]:
    targets = sorted((library.folder / "out").rglob("*.mkv"))
    return {target.name: file_digest(target) for target in targets if target.name[0] != "."}


@pytest.mark.parametrize("names", [("one.mkv", "two.mkv"), ("one.mkv",)], ids=["two", "one"])
@pytest.mark.parametrize(
    ("seed", "most_kills"),
    [(1, 2), *(pytest.param(seed, 9, marks=pytest.mark.faults) for seed in range(2, 22))],
)
def test_killed_runs_go_on_and_end_with_the_same_bytes(
    library: SampleLibrary, film: Path, seed: int, most_kills: int, names: tuple[str, ...]
) -> None:
    """Two films at a time, or two segments of one: each loses at most what was being made."""
    dice = random.Random(seed)
    library.rules(RULES)
    for name in names:
        library.add(name, film)
    assert start(library, 1).wait(DEADLINE_S) == 0
    undisturbed = digests(library)
    assert sorted(undisturbed) == list(names)
    for name in names:
        library.target(name).unlink()
    kills, known = 0, 0
    while kills < most_kills:
        process = start(library, 2)
        goal = known + dice.randint(1, 4)
        deadline = time.monotonic() + DEADLINE_S
        while process.poll() is None and recorded(library) < goal:
            assert time.monotonic() < deadline, "no segment was finished in time"
            time.sleep(0.05)
        time.sleep(dice.random() / 4)
        if process.poll() is not None:
            break
        os.kill(process.pid, signal.SIGKILL)
        process.wait(DEADLINE_S)
        kills += 1
        assert recorded(library) >= known or digests(library), "a finished segment was lost"
        known = recorded(library)
    else:
        assert start(library, 2).wait(DEADLINE_S) == 0
    assert kills > 0
    assert digests(library) == undisturbed
    assert recorded(library) == 0
    assert library.leftovers() == []
