"""What a large library costs, step by step, against a bare walk of its tree.

`python -m tests.bench.bench_scale [FILMS|FOLDER ...]` makes a library of so many films (20,000 if
none is named), as after a finished run, or takes one that `scale_library` made, and prints time,
CPU seconds, peak memory and bytes of state. Each step is a command in a process of its own, with
compiled modules cached as in an installation; nothing is asserted. Where other programs run too,
only CPU seconds and their ratio to those of the walk can be compared.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.bench.bench_scan import bare_walk
from tests.bench.scale_library import RULES, make_library

STATE = ".av1rules"
SMALL_EDIT = ("crf: 32", "crf: 33")  # of the rule anime, which few films match
WHOLE_EDIT = ("accept: [dolby-vision, captions]", "crf: 27")  # a default: every rule that encodes


COMPILED = Path(tempfile.gettempdir()) / "av1rules-scale-compiled"
"""Python's compiled modules, for all measurements."""

_NO_CACHE = "PYTHONDONTWRITEBYTECODE"


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """One command: seconds by the clock and of all CPUs, peak memory in bytes."""

    elapsed_s: float
    cpu_s: float
    peak_bytes: int


def cost_of(argv: list[str]) -> Cost:
    """Run a command by a small process: the system counts for a child also what its parent held
    when it forked."""
    measure = (
        "import resource, subprocess, sys, time; start = time.perf_counter();"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE);"
        "elapsed = time.perf_counter() - start;"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN);"
        "sys.exit(done.stderr.decode()) if done.returncode else None;"
        "print(elapsed, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)"
    )
    environment = {key: value for key, value in os.environ.items() if key != _NO_CACHE}
    environment.setdefault("PYTHONPYCACHEPREFIX", str(COMPILED))
    done = subprocess.run(
        [sys.executable, "-c", measure, *argv],
        capture_output=True,
        check=True,
        text=True,
        env=environment,
    )
    elapsed, cpu, peak = done.stdout.split()
    return Cost(elapsed_s=float(elapsed), cpu_s=float(cpu), peak_bytes=int(peak))


def steps(folder: Path) -> Iterator[tuple[str, Cost]]:
    """Each step with its cost; the library is as before after each."""
    rules, state = folder / "rules.yaml", folder / STATE
    command = [sys.executable, "-m", "av1rules"]
    cost_of([*command, "run", "-f", str(rules)])  # remembers what was decided
    yield "no-change run", cost_of([*command, "run", "-f", str(rules)])
    yield "no-change plan", cost_of([*command, "plan", "-f", str(rules)])
    kept = folder / "state before"
    shutil.copytree(state, kept)
    for name, (old, new) in (
        ("plan, a rule of few films edited", SMALL_EDIT),
        ("plan, the default of all films edited", WHOLE_EDIT),
    ):
        rules.write_text(RULES.replace(old, new))
        yield name, cost_of([*command, "plan", "-f", str(rules)])
        _restore(state, kept, rules)
    for file in state.iterdir():
        if not file.name.startswith("cache"):
            file.unlink()
    shutil.move(folder / "out", folder / "elsewhere")
    yield "first plan, probes known", cost_of([*command, "plan", "-f", str(rules)])
    shutil.move(folder / "elsewhere", folder / "out")
    _restore(state, kept, rules)


def _restore(state: Path, kept: Path, rules: Path) -> None:
    rules.write_text(RULES)
    shutil.rmtree(state)
    shutil.copytree(kept, state)


def state_bytes(folder: Path) -> dict[str, int]:
    """Bytes on disk by file of the state folder, its journals included."""
    found: dict[str, int] = {}
    for file in (folder / STATE).iterdir():
        name = re.sub(r"-(wal|shm)$", "", file.name)
        found[name] = found.get(name, 0) + file.stat().st_size
    return found


def measure_new(count: int) -> None:
    with tempfile.TemporaryDirectory(prefix="av1rules-scale-") as name:
        make_library(Path(name), count)
        measure(Path(name))


def measure(folder: Path) -> None:
    root = str(folder / "films")
    count = bare_walk(root)
    started, used = time.perf_counter(), time.process_time()
    bare_walk(root)
    walk_s, walk_cpu_s = time.perf_counter() - started, time.process_time() - used
    _say(f"{count} films; a bare walk {walk_s:.3f} s, {walk_cpu_s:.3f} s CPU")
    for step, cost in steps(folder):
        _say(
            f"  {step:40} {cost.elapsed_s:7.2f} s  {cost.cpu_s:7.2f} s CPU  "
            f"{cost.cpu_s / walk_cpu_s:6.1f} x walk  {cost.peak_bytes / 1e6:6.0f} MB"
        )
    sizes = state_bytes(folder)
    shown = ", ".join(
        f"{name} {size / count:.0f}" for name, size in sorted(sizes.items()) if size > count
    )
    _say(f"  state: {sum(sizes.values()) / count:.0f} bytes a film ({shown})")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    os.environ["PYTHONHASHSEED"] = "0"
    for wanted in sys.argv[1:] or ["20000"]:
        if wanted.isdecimal():
            measure_new(int(wanted))
        else:
            measure(Path(wanted))
