"""How long `av1rules --help` takes, as a ratio to Python's own start (`python -c pass`).

`python -m tests.bench.bench_start [TURNS]` runs both in turns and prints the ratios of wall and
processor time, each of the fastest of all turns: what else the machine does only ever adds.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time

import msgspec

TURNS = 40
PLAIN = (sys.executable, "-c", "pass")
ENVIRONMENT = {key: text for key, text in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
"""An installed program has its bytecode."""

HELP = (sys.executable, "-m", "av1rules", "--help")


class Taken(msgspec.Struct, frozen=True):
    """Seconds of one start: on the clock, and of the processor."""

    wall_s: float
    cpu_s: float


def start(argv: tuple[str, ...]) -> Taken:
    began, before_s = time.perf_counter(), _children_s()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, env=ENVIRONMENT)
    return Taken(time.perf_counter() - began, _children_s() - before_s)


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def fastest(turns: int) -> tuple[Taken, Taken]:
    """The fastest start of Python alone, and that of the help."""
    starts = [(start(PLAIN), start(HELP)) for _ in range(turns)]
    plain, shown = zip(*starts, strict=True)
    return _least(plain), _least(shown)


def _least(taken: tuple[Taken, ...]) -> Taken:
    return Taken(min(one.wall_s for one in taken), min(one.cpu_s for one in taken))


def main(turns: int) -> None:
    plain, shown = fastest(turns)
    sys.stdout.write(
        f"av1rules --help / python -c pass, fastest of {turns}: "
        f"ratio of wall {shown.wall_s / plain.wall_s:.1f} "
        f"({1000 * shown.wall_s:.0f} to {1000 * plain.wall_s:.0f} ms), "
        f"ratio of CPU {shown.cpu_s / plain.cpu_s:.1f}\n"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else TURNS)
