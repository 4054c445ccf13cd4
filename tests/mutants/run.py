"""`python -m tests.mutants.run [MODULE ...] [--sample N] [--seed N]`: mutants and who notices them.

Works in a copy of the tree. Each mutant meets only the fast tests of its module: those that mirror
it, that `tests/tested_elsewhere.txt` names, or that import it. They stop at the first failure.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.mutants.mutations import Mutant, mutant_at, places

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 120
MODULES = (
    "encode/verify", "encode/verify_timing", "encode/contract", "encode/streams", "encode/losses",
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


def is_killed(tree: Path, tests: list[str]) -> bool:
    fast = ("-q", "-x", "-p", "no:cacheprovider", "-m", "not real and not faults")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *fast, *tests],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def try_module(tree: Path, module: str, sample: int, seed: int) -> tuple[int, list[Mutant]]:
    """How many mutants were tried, and those that nobody noticed."""
    path = tree / "av1rules" / f"{module}.py"
    text = path.read_text(encoding="utf-8")
    tests = [str(one.relative_to(ROOT)) for one in dict.fromkeys(tests_of(module))]
    if is_killed(tree, tests):
        raise SystemExit(f"{module}: its tests fail without any mutant")
    found = places(text)
    chosen = random.Random(f"{seed} {module}").sample(found, min(sample, len(found)))
    alive = []
    for place in chosen:
        mutant = mutant_at(text, place)
        path.write_text(mutant.text, encoding="utf-8")
        if not is_killed(tree, tests):
            alive.append(mutant)
    path.write_text(text, encoding="utf-8")
    return len(chosen), alive


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", default=MODULES)
    parser.add_argument("--sample", type=int, default=20, help="mutants of each module")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="av1rules-mutants-") as folder:
        tree = Path(folder, "tree")
        ignored = shutil.ignore_patterns(".git", "__pycache__", ".venv", ".mypy_cache")
        shutil.copytree(ROOT, tree, ignore=ignored)
        for module in options.modules:
            tried, alive = try_module(tree, module, options.sample, options.seed)
            print(f"{module}: {tried - len(alive)} of {tried}", flush=True)
            for one in alive:
                print(f"  survived: line {one.line}: {one.what}", flush=True)


if __name__ == "__main__":
    main()
