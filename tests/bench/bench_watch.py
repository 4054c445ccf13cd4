"""What a watcher costs that has nothing to do.

`python -m tests.bench.bench_watch [FILMS]` makes a library as `bench_scale` does, starts a watcher
and prints the CPU seconds and the memory of its first round, of a round without a change, and of a
minute of waiting, with and without file events.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from av1rules.execute.resources.watcher import WatcherState, seen_watcher
from tests.bench.scale_library import make_library

WAIT_S = 60.0
MOST_S = 900.0


def until_rounds(folder: Path, rounds: int) -> None:
    """Until the watcher waits after so many rounds."""

    def state() -> WatcherState | None:
        return seen_watcher(folder / ".av1rules")

    deadline = time.monotonic() + MOST_S
    while (now := state()) is None or now.state != "idle" or now.rounds < rounds:
        if time.monotonic() > deadline:
            raise SystemExit(f"no round ended: {now}")
        time.sleep(0.2)


def used_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system + times.children_user + times.children_system


def measure(folder: Path, *options: str) -> None:
    argv = [sys.executable, "-m", "av1rules", "watch", "-f", str(folder / "rules.yaml"), *options]
    with subprocess.Popen([*argv, "--interval", "12h"], stderr=subprocess.DEVNULL) as started:
        process = psutil.Process(started.pid)
        until_rounds(folder, 1)
        first_s = used_s(process)
        time.sleep(5)
        before_s = used_s(process)
        process.send_signal(signal.SIGHUP)
        until_rounds(folder, 2)
        round_s = used_s(process) - before_s
        time.sleep(5)
        before_s = used_s(process)
        time.sleep(WAIT_S)
        idle_s = used_s(process) - before_s
        memory = process.memory_info().rss
        process.send_signal(signal.SIGTERM)
    print(
        f"{' '.join(options) or 'with events':14} first round {first_s:6.2f} s, "
        f"next {round_s:6.2f} s, a minute of waiting {idle_s:5.2f} s "
        f"({idle_s / WAIT_S:.2%} of a core), {memory / 1e6:.0f} MB"
    )


def main() -> None:
    films = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    os.environ.pop("NOTIFY_SOCKET", None)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        make_library(folder, films)
        print(f"{films:,} films")
        measure(folder)
        measure(folder, "--no-events")


if __name__ == "__main__":
    main()
