"""Fixtures for hostile files: a library, a trap, and the program as a user calls it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from av1rules.ffmpeg.tools import Tools
from tests.conftest import MakeClip
from tests.hostile.traps import Trap, set_trap

RULES = """\
version: 1
library: {roots: [films], settle: 0, min_size: 0, exclude: ["**/bait.*"]}
output: {mode: mirror, root: out}
run: {reserve: 0, probe_timeout: 20s}
rules:
  - name: all
    encode: {crf: 60, preset: 13, film_grain: 0, max_size_ratio: 99, accept: [damage]}
    review: never
"""


def av1rules(
    *arguments: str | bytes, cwd: Path, before: Sequence[str] = ()
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*before, sys.executable, "-m", "av1rules", *arguments],
        cwd=cwd,
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=120,
        env={**os.environ, "COLUMNS": "200"},
    )


@dataclass(frozen=True)
class MeasuredRun:
    """The result of a command, and the memory of its largest process in bytes."""

    returncode: int
    stdout: bytes
    stderr: bytes
    elapsed_s: float
    memory_bytes: int


def run_measured(*arguments: str, cwd: Path) -> MeasuredRun:
    """Run the program as a user does, and take its memory from the system's accounting."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        argv = [sys.executable, "-m", "av1rules", *arguments]
        child = subprocess.Popen(argv, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        for stream in (out, err):
            stream.seek(0)
        return MeasuredRun(
            returncode=child.returncode,
            stdout=out.read(),
            stderr=err.read(),
            elapsed_s=time.monotonic() - started,
            memory_bytes=usage.ru_maxrss * 1024,
        )


@pytest.fixture(scope="session")
def small_clip(make_clip: MakeClip) -> Path:
    """A clip of 0.2 s that any playlist demuxer could play."""
    return make_clip(
        "small_clip.ts", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=0.2", "-c:v", "mpeg2video"
    )


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    """A folder with rules and an empty library."""
    (tmp_path / "films").mkdir()
    (tmp_path / "rules.yaml").write_text(RULES)
    return tmp_path


@pytest.fixture
def trap(workdir: Path, small_clip: Path, tools: Tools) -> Iterator[Trap]:
    """A secret beside the library and a bait inside it."""
    secret, bait = workdir / "secret" / "secret.ts", workdir / "films" / "bait.ts"
    secret.parent.mkdir()
    for path in (secret, bait):
        path.write_bytes(small_clip.read_bytes())
    with set_trap(secret, bait) as ready:
        yield ready
