"""The commands that show, check and list, over a large library, against a bare walk of its films.

`python -m tests.bench.bench_commands [FILMS]` prints a table; nothing is asserted. The library is
that of `scale_library`, its ledger has the past of `ledger_past`: an original in the trash and a
forecast for each target, a clip for every tenth, an attempt without a target for every twentieth.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from tests.bench.bench_scale import WHOLE_EDIT
from tests.bench.bench_scan import bare_walk

COMMANDS = (
    "--version",  # the start-up
    "report",
    "report --format json",
    "report --format csv",
    "report --format html",
    "status",
    "status --json",
    "clips list",
    "clips list --json",
    "originals list",
    "originals list --json",
    "forecast --check",
    "adopt --dry-run",
    "adopt",
    "verify",
    "verify --json",
    "plan",
    "plan --against {before}",
    "plan --against {before} --json",
)
"""`{before}` is the rules file as it was before a default was edited, which all encodes have."""


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """The cost of one process. Times in seconds, sizes in bytes."""

    cpu_s: float
    wall_s: float
    peak_bytes: int
    output_bytes: int


def measured(argv: list[str], output: Path) -> Cost:
    """Run a command with its output in a file. It is started by a process that holds little: the
    system counts for a child also what its parent held."""
    begin = time.perf_counter()
    actions = [
        (os.POSIX_SPAWN_OPEN, 1, str(output), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    child = os.posix_spawn(sys.executable, argv, os.environ, file_actions=actions)
    _, status, usage = os.wait4(child, 0)
    assert status == 0, argv
    return Cost(
        cpu_s=usage.ru_utime + usage.ru_stime,
        wall_s=time.perf_counter() - begin,
        peak_bytes=usage.ru_maxrss * 1024,
        output_bytes=output.stat().st_size,
    )


def make_library(folder: Path, count: int) -> None:
    """In processes of their own, which hold a whole plan."""
    module = [sys.executable, "-m"]
    subprocess.run([*module, "tests.bench.scale_library", str(folder), str(count)], check=True)
    subprocess.run([*module, "tests.bench.ledger_past", str(folder / ".av1rules")], check=True)
    plan = [*module, "av1rules", "plan", "-f", str(folder / "rules.yaml")]
    subprocess.run(plan, check=True, capture_output=True)  # from here on its decisions are known
    rules = (folder / "rules.yaml").read_text()
    assert WHOLE_EDIT[0] in rules
    (folder / "before.yaml").write_text(rules.replace(*WHOLE_EDIT))


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "library"
        make_library(folder, count)
        begin = time.process_time()
        files = bare_walk(str(folder / "films"))
        walk_s = time.process_time() - begin
        print(f"{files} films; a bare walk of them takes {walk_s:.2f} s of CPU")
        print(
            f"{'command':30} {'CPU s':>7} {'walks':>6} {'wall s':>7} {'peak MB':>8} {'bytes':>12}"
        )
        for command in COMMANDS:
            words = command.format(before=folder / "before.yaml").split()
            rules = [] if command == "--version" else ["-f", str(folder / "rules.yaml")]
            argv = [sys.executable, "-m", "av1rules", *words, *rules]
            cost = measured(argv, Path(name) / "output")
            print(
                f"{command:30} {cost.cpu_s:7.2f} {cost.cpu_s / walk_s:6.1f} {cost.wall_s:7.2f}"
                f" {cost.peak_bytes / 1e6:8.0f} {cost.output_bytes:12,}",
                flush=True,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
