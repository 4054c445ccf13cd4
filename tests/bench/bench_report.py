"""`av1rules report` of a ledger with 100,000 targets, in every form.

`python -m tests.bench.bench_report [TARGETS]` prints seconds, the highest memory and the size of
what comes out; nothing is asserted. The ledger is made up, with receipts as runs write them.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.report.sample_history import fill

RULES = """\
version: 1
library: {roots: [films]}
output: {mode: mirror, root: out}
rules:
  - {name: all, encode: {}}
"""


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "films").mkdir()
        (folder / "rules.yaml").write_text(RULES)
        _apart(lambda: fill(folder / ".av1rules", count=count, days=700))
        ledger = folder / ".av1rules" / "ledger.sqlite3"
        print(f"{count} targets, ledger {ledger.stat().st_size / 1e6:.0f} MB")
        for suffix in ("txt", "md", "csv", "json", "html"):
            goal = folder / f"report.{suffix}"
            seconds, peak_kb = _measure(folder, "-o", str(goal))
            size = goal.stat().st_size
            print(f"{suffix:5} {seconds:6.2f} s  {peak_kb / 1024:5.0f} MB  {size:>11,} bytes")
        seconds, peak_kb = _measure(folder, "--since", "1d")
        print(
            f"{'none':5} {seconds:6.2f} s  {peak_kb / 1024:5.0f} MB  (--since 1d: nothing so new)"
        )


def _apart(work: Callable[[], None]) -> None:
    """In another process: a child starts with the highest memory its parent ever had."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0


def _measure(folder: Path, *arguments: str) -> tuple[float, int]:
    """Seconds of a whole process, and its highest resident memory in KiB."""
    begin = time.perf_counter()
    child = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "av1rules", "report", "-f", str(folder / "rules.yaml"), *arguments],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, usage = os.wait4(child, 0)
    assert status == 0
    return time.perf_counter() - begin, usage.ru_maxrss


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
