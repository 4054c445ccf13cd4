"""How fast a first plan reads its files: our probe against a plain sequential ffprobe loop.

Runs both over the same files in turns and prints the median ratio; asserts nothing, since shared
machines are noisy. Three sets: films of 1080p made here by FFmpeg, and of the real clips, if they
are there, the containers that libraries are made of, and all of them with what is broken or rare.
Usage: python -m tests.bench.bench_probe [FOLDER] [--files N] [--jobs N] [--rounds N]
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

from av1rules.encode.encoders.registry import SELF_TESTS
from av1rules.ffmpeg.locate import find_tools
from av1rules.ffmpeg.tools import Tools
from av1rules.media.cache import LibraryCache
from av1rules.media.discover import Candidate, walk
from av1rules.media.probe.many import probe_many
from av1rules.media.source import LibraryFile

MEDIA = Path(__file__).parents[3] / "shared" / "media"


FILM_CONTAINERS = (".mkv", ".mp4", ".m4v", ".mov", ".webm")

_PICTURE = ("-f", "lavfi", "-i", "mandelbrot=s=1920x1080:r=24:end_scale=0.05,noise=alls=12:allf=t")
FILMS = (
    ("web.mkv", "libx264", "-b:v", "5M"),
    ("disc.mkv", "libx264", "-b:v", "25M"),
    ("phone.mp4", "libx264", "-b:v", "15M"),
    ("modern.mkv", "libx265", "-b:v", "5M", "-x265-params", "log-level=none"),
)
"""One second each, as films begin: H.264 as it is most often met, and one that is HEVC already."""


def real_clips(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix not in (".tsv", ".md"))


def made_films(tools: Tools, folder: Path) -> list[Path]:
    films = []
    for name, codec, *options in FILMS:
        film = folder / name
        argv = [tools.ffmpeg, "-v", "error", *_PICTURE, "-t", "1", "-c:v", codec, "-preset", "fast"]
        subprocess.run([*argv, "-pix_fmt", "yuv420p", *options, str(film)], check=True)
        films.append(film)
    return films


def copies(clips: list[Path], count: int, goal: Path) -> None:
    """`count` files out of `clips`, under names of their own."""
    for number in range(count):
        clip = clips[number % len(clips)]
        shutil.copyfile(clip, goal / f"{number:04}-{clip.name}")


def library(folder: Path) -> list[LibraryFile]:
    found = walk(
        [("bench", str(folder))], include=(), exclude=(), min_size=0, settle_s=0, now_s=time.time()
    )
    return [item.file for item in found if isinstance(item, Candidate)]


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
    output = ["-v", "quiet", "-show_format", "-show_streams", "-of", "json"]
    for file in files:
        subprocess.run(
            [tools.ffprobe, *output, file.path],
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
    tools = find_tools(ffmpeg=None, ffprobe=None, min_version=(8, 0), self_tests=SELF_TESTS)
    clips = real_clips(wanted.folder)
    usual = [clip for clip in clips if clip.suffix in FILM_CONTAINERS and "broken" not in clip.name]
    with tempfile.TemporaryDirectory() as films:
        sets = {"films of 1080p": made_films(tools, Path(films)), "usual": usual, "all": clips}
        for name, chosen in sets.items():
            if chosen:
                bench(name, chosen, tools, wanted)


def bench(name: str, clips: list[Path], tools: Tools, wanted: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        copies(clips, wanted.files, Path(folder))
        files = library(Path(folder))
        plain_loop(files[:20], tools)  # warm the page cache
        pairs = [
            (
                measured(lambda: plain_loop(files, tools), len(files)),
                measured(lambda: ours(files, tools, wanted.jobs), len(files)),
            )
            for _ in range(wanted.rounds)
        ]
    report(name, pairs, len(files), wanted.jobs)


def report(name: str, pairs: list[tuple[Cost, Cost]], files: int, jobs: int) -> None:
    """Wall ratio as measured; CPU ratio times jobs is what an otherwise idle machine would give."""
    walls = [loop.wall_ms / own.wall_ms for loop, own in pairs]
    cpus = [loop.cpu_ms / own.cpu_ms for loop, own in pairs]
    middle = statistics.median
    loop_cost, own_cost = ([pair[side] for pair in pairs] for side in (0, 1))
    lines = [f"{name}: {files} files, {jobs} jobs, {len(pairs)} rounds, medians in ms a file"]
    for who, costs in (("ffprobe loop", loop_cost), ("av1rules", own_cost)):
        wall, cpu = middle(c.wall_ms for c in costs), middle(c.cpu_ms for c in costs)
        lines.append(f"{who:<14}wall {wall:6.1f}   CPU {cpu:6.1f}")
    lines.append(f"ratio of wall {middle(walls):.2f} ({min(walls):.2f} to {max(walls):.2f})")
    lines.append(f"ratio of CPU  {middle(cpus):.2f}, times {jobs} jobs {middle(cpus) * jobs:.2f}")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
