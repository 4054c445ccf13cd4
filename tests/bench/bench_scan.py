"""A no-change `av1rules run` over 20,000 files against a bare walk of the same tree.

`python -m tests.bench.bench_scan [FILES]` prints ratios measured in one run; nothing is asserted.
The library is that of `tests/bench/scale_library.py`, so that the no-change run is the real one in
every step.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.scale_library import RULES, make_library

ROUNDS = 5


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
