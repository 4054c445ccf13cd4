"""A no-change `av1rules run` over 20,000 files against a bare walk of the same tree.

`python -m tests.bench.bench_scan [FILES]` prints ratios measured in one run; nothing is asserted.
The library is synthetic: empty-looking sources whose probes, ledger rows and targets are written
as a run would have written them, so that the no-change run is the real one in every step.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from av1rules.base.hashing import content_key, head_key
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import TargetRow, tools_used
from av1rules.media.discover import Candidate, walk
from av1rules.media.source import AudioStream, LibraryFile, Source, VideoStream
from av1rules.plan.items import PlanAction
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import open_workspace

FILES_PER_FOLDER = 20
ROUNDS = 5

RULES = """\
version: 1
library: {roots: [films], settle: 0}
output: {mode: mirror, root: out}
rules:
  - {name: uhd, when: {height: {min: 1440}}, encode: {crf: 28}, review: never}
  - {name: extras, when: {path: "**/extras/**"}, skip: true}
  - {name: shows, when: {path: "**/*S[0-9][0-9]E*"}, encode: {crf: 30}, review: never}
  - {name: films, encode: {}, review: never}
"""


def make_library(folder: Path, count: int) -> None:
    """Sources, targets, probes and ledger rows of `count` films, as after a finished run."""
    (folder / "rules.yaml").write_text(RULES)
    for number in range(count):
        path = folder / "films" / f"Show {number // FILES_PER_FOLDER:04}" / f"Film {number:05}.mkv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"film %d" % number)
    with open_workspace(folder / "rules.yaml", write=True) as workspace:
        for step in walk([("films", str(folder / "films"))], include=(), exclude=(), min_size=0,
                         settle_s=0, now_s=time.time()):  # fmt: skip
            assert isinstance(step, Candidate)
            source = _source(step.file)
            workspace.cache.put_probe(
                step.file.stat, source, ffprobe_version=workspace.tools.ffprobe_version
            )
        workspace.cache.flush()
        plan = build_plan(workspace)
        _write_targets(plan.of(PlanAction.ENCODE), workspace.ledger, workspace)


def _source(file: LibraryFile) -> Source:
    video = VideoStream(
        index=0, codec="h264", width=1920, height=1080, pix_fmt="yuv420p", bit_depth=8,
        chroma="420", frame_rate=Fraction(24000, 1001), bitrate_bps=9_000_000, is_interlaced=False,
    )  # fmt: skip
    return Source(
        container="matroska,webm", size_bytes=file.stat.size_bytes, duration_s=5400.0,
        video=(video,), audio=(AudioStream(index=1, codec="ac3", channels=6),), main_index=0,
    )  # fmt: skip


def _write_targets(rows: object, ledger: Ledger, workspace: object) -> None:
    for row in rows:  # type: ignore[attr-defined]
        os.makedirs(os.path.dirname(row.target), exist_ok=True)
        with open(row.target, "wb") as file:
            file.write(b"target of " + os.fsencode(row.file.library_path))
        stat = os.stat(row.target)
        ledger.commit(
            TargetRow(
                target=row.target,
                source=row.file.library_path,
                source_path=row.file.path,
                content_key=row.work.content_key,
                source_digest="xxh3-128:0",
                source_bytes=row.size_bytes,
                settings=row.work.recipe.settings,
                fingerprint=row.work.fingerprint,
                tools=tools_used(row.work.encoder, workspace.tools),  # type: ignore[attr-defined]
                target_bytes=stat.st_size,
                target_mtime_ns=stat.st_mtime_ns,
                target_key=content_key(row.target),
                target_head=head_key(row.target),
                target_digest="xxh3-128:0",
                rule=row.rule,
                built_at="2026-01-01T00:00:00+00:00",
                encode_s=1.0,
                verify_s=1.0,
            ),
            b"{}",
        )


def bare_walk(root: str) -> int:
    """What any tool must pay: `os.scandir` and `stat` of every entry."""
    count, folders = 0, [root]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    entry.stat(follow_symlinks=False)
                    count += 1
    return count


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def peak_memory_mb(command: list[str]) -> float:
    """Peak memory of a command, started by a small process: the system counts for a child also
    what its parent held when it forked."""
    measure = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], capture_output=True); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", measure, *command], capture_output=True, check=True, text=True
    )
    return int(done.stdout) / 1024


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_library(folder, count)
        command = [sys.executable, "-m", "av1rules", "run", "-f", str(folder / "rules.yaml")]
        empty = folder / "empty"
        (empty / "films").mkdir(parents=True)
        (empty / "rules.yaml").write_text(RULES)
        startup = [*command[:-1], str(empty / "rules.yaml")]
        _say(count, str(folder / "films"), command, startup)


def _say(count: int, root: str, command: list[str], startup: list[str]) -> None:
    def run(argv: list[str]) -> None:
        done = subprocess.run(argv, capture_output=True, check=True)
        assert b"0 done" in done.stderr, done.stderr

    first = timed(lambda: run(command))
    walks, runs, starts = [], [], []
    for _ in range(ROUNDS):
        starts.append(timed(lambda: run(startup)))
        walks.append(timed(lambda: bare_walk(root)))
        runs.append(timed(lambda: run(command)))
    walk_s, run_s, start_s = (statistics.median(times) for times in (walks, runs, starts))
    peak_mb = peak_memory_mb(command)
    sys.stdout.write(
        f"no-change run over {count} files, medians of {ROUNDS} rounds\n"
        f"  bare walk {walk_s:.3f} s; start-up (empty library) {start_s:.3f} s; "
        f"run {run_s:.3f} s (first, nothing remembered: {first:.3f} s)\n"
        f"  run without start-up: {(run_s - start_s) / walk_s:.1f} x the walk (goal: 15)\n"
        f"  peak memory {peak_mb:.0f} MB (goal: 200)\n"
    )


if __name__ == "__main__":
    main()
