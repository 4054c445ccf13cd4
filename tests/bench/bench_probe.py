"""How fast a first plan reads its files: our probe against a plain sequential ffprobe loop.

Runs both over the same files in turns and prints the median ratio; asserts nothing, since shared
machines are noisy. Usage: python tests/bench/bench_probe.py [FOLDER] [--files N] [--jobs N]
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
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


def loop_s(files: list[LibraryFile], tools: Tools) -> float:
    started = time.perf_counter()
    for file in files:
        subprocess.run(
            [
                tools.ffprobe,
                "-v",
                "quiet",
                "-show_format",
                "-show_streams",
                "-of",
                "json",
                file.path,
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    return time.perf_counter() - started


def ours_s(files: list[LibraryFile], tools: Tools, jobs: int) -> float:
    started = time.perf_counter()
    with LibraryCache(None) as cache:
        for _ in probe_many(files, tools, cache, jobs=jobs):
            pass
    return time.perf_counter() - started


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
        loop_s(files[:20], tools)  # warm the page cache
        pairs = [
            (loop_s(files, tools), ours_s(files, tools, wanted.jobs)) for _ in range(wanted.rounds)
        ]
    ratios = [loop / ours for loop, ours in pairs]
    loop, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    sys.stdout.write(
        f"{len(files)} files, {wanted.jobs} jobs, {wanted.rounds} rounds (medians)\n"
        f"sequential ffprobe loop {loop * 1000 / len(files):.1f} ms a file\n"
        f"av1rules                {ours * 1000 / len(files):.1f} ms a file\n"
        f"ratio                   {statistics.median(ratios):.2f} "
        f"({min(ratios):.2f} to {max(ratios):.2f})\n"
    )


if __name__ == "__main__":
    main()
