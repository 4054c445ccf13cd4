"""`python -m tests.mutants.run [MODULE ...] [--sample N] [--seed N]`: mutants and who notices them.

Works in a copy of the tree. Each mutant meets only the fast tests of its module: those that mirror
it, that `tests/tested_elsewhere.txt` names, or that import it. They stop at the first failure.
"""

from __future__ import annotations

import argparse
import compileall
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import cache_from_source
from pathlib import Path

from tests.mutants.forked import import_before_forks, run_tests
from tests.mutants.mutations import Mutant, mutant_at, places

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 120
"""For the tests of a module without a mutant; with one they get three times what they took."""
MODULES = (
    "encode/verify", "encode/verify_timing", "encode/contract/expected",
    "encode/contract/compare", "encode/streams", "encode/losses", "policy/tracks/choice",
    "encode/decode_check", "encode/picture_count", "encode/picture_times", "storage/publish",
    "storage/replace", "execute/move", "execute/copy", "execute/trash", "operations/undo",
    "plan/assign_reuse", "plan/renames_and_copies", "plan/freshness", "policy/fingerprint",
    "plan/evaluate", "plan/safety_stop", "policy/match", "policy/resolve", "policy/source_tier",
    "ffmpeg/watchdog", "quality/crf_search", "approvals/model",
)  # fmt: skip
"""What guards content and what decides."""


def tests_of(module: str) -> Iterator[Path]:
    mirror = ROOT / "tests" / Path(module).parent / f"test_{Path(module).name}.py"
    if mirror.exists():
        yield mirror
    for line in (ROOT / "tests" / "tested_elsewhere.txt").read_text().splitlines():
        name, _, places = line.partition(": ")
        if name == module:
            yield from (ROOT / "tests" / one for one in places.split(", "))
    dotted = f"av1rules.{module.replace('/', '.')} import"
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if dotted in path.read_text(encoding="utf-8") and "faults" not in path.parts:
            yield path


def try_mutants(module: str, sample: int, seed: int) -> tuple[int, list[Mutant]]:
    """How many mutants were tried, and those that nobody noticed; changes the tree it runs in."""
    path = ROOT / "av1rules" / f"{module}.py"
    text = path.read_text(encoding="utf-8")
    tests = [str(one.relative_to(ROOT)) for one in dict.fromkeys(tests_of(module))]
    import_before_forks(ROOT, module)
    clean = run_tests(ROOT, tests, timeout_s=TIMEOUT_S)
    if clean.is_killed:
        raise SystemExit(f"{module}: its tests fail without any mutant")
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    Path(cache_from_source(str(path))).unlink(missing_ok=True)
    found = places(text)
    chosen = random.Random(f"{seed} {module}").sample(found, min(sample, len(found)))
    alive = []
    for place in chosen:
        mutant = mutant_at(text, place)
        path.write_text(mutant.text, encoding="utf-8")
        if not run_tests(ROOT, tests, timeout_s=10 + 3 * clean.seconds).is_killed:
            alive.append(mutant)
    path.write_text(text, encoding="utf-8")
    return len(chosen), alive


def report(module: str, tried: int, alive: list[Mutant], as_json: bool) -> None:
    survived = [{"line": one.line, "what": one.what} for one in sorted(alive, key=lambda m: m.line)]
    noticed = tried - len(alive)
    if as_json:
        print(json.dumps({"module": module, "noticed": noticed, "of": tried, "alive": survived}))
        return
    print(f"{module}: {noticed} of {tried}")
    for one in survived:
        print(f"  survived: line {one['line']}: {one['what']}")


IN_MEMORY = Path("/dev/shm")
NEEDS_BYTES = 1 << 30


def fastest_place() -> Path | None:
    """Memory, if there is plenty: most of what tests of a whole run take is the sync of disks
    (measured: 0.2 s instead of 1 s for each). None: the usual place."""
    with contextlib.suppress(OSError):
        if shutil.disk_usage(IN_MEMORY).free > NEEDS_BYTES and os.access(IN_MEMORY, os.W_OK):
            return IN_MEMORY
    return None


def in_a_copy(module: str, options: list[str]) -> int:
    """One module in a tree and a process of its own: nothing of it was imported before."""
    with tempfile.TemporaryDirectory(prefix="av1rules-mutants-", dir=fastest_place()) as folder:
        tree = Path(folder, "tree")
        ignored = shutil.ignore_patterns(".git", "__pycache__", ".venv", ".mypy_cache")
        shutil.copytree(ROOT, tree, ignore=ignored)
        compileall.compile_dir(tree / "av1rules", quiet=1)
        return subprocess.run(
            [sys.executable, "-m", "tests.mutants.run", "--in-this-tree", module, *options],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree)},
            check=False,
        ).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", default=MODULES)
    parser.add_argument("--sample", type=int, default=20, help="mutants of each module")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="a line of JSON for each module")
    parser.add_argument("--in-this-tree", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.in_this_tree:
        for module in options.modules:
            report(module, *try_mutants(module, options.sample, options.seed), options.json)
        return 0
    passed_on = ["--sample", str(options.sample), "--seed", str(options.seed)]
    passed_on += ["--json"] * options.json
    return max(in_a_copy(module, passed_on) for module in options.modules)


if __name__ == "__main__":
    sys.exit(main())
