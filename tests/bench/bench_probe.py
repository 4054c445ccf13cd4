"""How fast a first plan reads its files: our probe against a plain sequential ffprobe loop.

Runs both over the same files in turns and prints the median ratio; asserts nothing, since shared
machines are noisy. Usage: python tests/bench/bench_probe.py [FOLDER] [--files N] [--jobs N]
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from av1rules.library.cache import LibraryCache
from av1rules.library.discover import Found, walk
from av1rules.library.probe import probe_many
from av1rules.library.source import LibraryFile
from av1rules.library.tools import find_tools
from av1rules.library.toolset import Tools

MEDIA = Path(__file__).parents[3] / "shared" / "media"


def copies(folder: Path, count: int, goal: Path) -> None:
    """`count` files out of those in `folder`, under names of their own."""
    clips = sorted(path for path in folder.iterdir() if path.suffix not in (".tsv", ".md"))
    for number in range(count):
        clip = clips[number % len(clips)]
        shutil.copyfile(clip, goal / f"{number:04}-{clip.name}")


def library(folder: Path) -> list[LibraryFile]:
    found = walk(
        [("bench", str(folder))], include=(), exclude=(), min_size=0, settle_s=0, now_s=time.time()
    )
    return [item.file for item in found if isinstance(item, Found)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Wall and CPU time (our own and that of all children) in milliseconds a file."""

    wall_ms: float
    cpu_ms: float


def measured(work: Callable[[], None], files: int) -> Cost:
    started, before = time.perf_counter(), _cpu_s()
    work()
    wall_s, cpu_s = time.perf_counter() - started, _cpu_s() - before
    return Cost(wall_ms=wall_s * 1000 / files, cpu_ms=cpu_s * 1000 / files)


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def plain_loop(files: list[LibraryFile], tools: Tools) -> None:
    told = ["-v", "quiet", "-show_format", "-show_streams", "-of", "json"]
    for file in files:
        subprocess.run(
            [tools.ffprobe, *told, file.path],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )


def ours(files: list[LibraryFile], tools: Tools, jobs: int) -> None:
    with LibraryCache(None) as cache:
        for _ in probe_many(files, tools, cache, jobs=jobs):
            pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=MEDIA)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=5)
    wanted = parser.parse_args()
    tools = find_tools(ffmpeg=None, ffprobe=None, min_version=(8, 0))
    with tempfile.TemporaryDirectory() as name:
        copies(wanted.folder, wanted.files, Path(name))
        files = library(Path(name))
        plain_loop(files[:20], tools)  # warm the page cache
        pairs = [
            (
                measured(lambda: plain_loop(files, tools), len(files)),
                measured(lambda: ours(files, tools, wanted.jobs), len(files)),
            )
            for _ in range(wanted.rounds)
        ]
    report(pairs, len(files), wanted.jobs)


def report(pairs: list[tuple[Cost, Cost]], files: int, jobs: int) -> None:
    """Wall ratio as measured; CPU ratio times jobs is what an otherwise idle machine would give."""
    walls = [loop.wall_ms / own.wall_ms for loop, own in pairs]
    cpus = [loop.cpu_ms / own.cpu_ms for loop, own in pairs]
    middle = statistics.median
    loop_cost, own_cost = ([pair[side] for pair in pairs] for side in (0, 1))
    lines = [f"{files} files, {jobs} jobs, {len(pairs)} rounds, medians in ms a file"]
    for name, costs in (("ffprobe loop", loop_cost), ("av1rules", own_cost)):
        wall, cpu = middle(c.wall_ms for c in costs), middle(c.cpu_ms for c in costs)
        lines.append(f"{name:<14}wall {wall:6.1f}   CPU {cpu:6.1f}")
    lines.append(f"ratio of wall {middle(walls):.2f} ({min(walls):.2f} to {max(walls):.2f})")
    lines.append(f"ratio of CPU  {middle(cpus):.2f}, times {jobs} jobs {middle(cpus) * jobs:.2f}")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
