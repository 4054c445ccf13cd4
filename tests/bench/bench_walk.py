"""The walk of a wide, a deep, an ordinary and a slow tree against the bare walk of the same tree.

`python -m tests.bench.bench_walk [FILES]` prints ratios measured in one run; nothing is asserted.
The slow tree answers 5 ms late (`tests/bench/slow_disk.py`: Linux, root, `fusepy`, libfuse 2);
where it can't be mounted, that line says so.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from av1rules.media.discover import walk
from tests.bench.bench_scan import bare_walk, peak_memory_mb, timed

ROUNDS = 5
DEPTH = 60
DELAY_MS = 5
SLOW_FILES = 1000


def make_wide(root: Path, files: int) -> None:
    """All in one folder."""
    root.mkdir()
    for number in range(files):
        (root / f"Film {number:06}.mkv").touch()


def make_deep(root: Path, files: int) -> None:
    """Chains of sixty folders, a file in each."""
    for chain in range(files // DEPTH):
        folder = root / f"chain {chain:05}"
        for level in range(DEPTH):
            folder = folder / f"part {level:02}"
            folder.mkdir(parents=True)
            (folder / "Film.mkv").touch()


def make_shows(root: Path, files: int) -> None:
    """Seasons of twenty, each in a show of its own."""
    for number in range(files):
        folder = root / f"Show {number // 20:05}" / "Season 01"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"E{number % 20:02}.mkv").touch()


def our_walk(root: str) -> int:
    steps = walk(
        [("films", root)], include=(), exclude=(), min_size=0, settle_s=0, now_s=time.time()
    )
    return sum(1 for _ in steps)


def _compare(what: str, root: Path, rounds: int = ROUNDS) -> None:
    bare, ours = [], []
    for _ in range(rounds):
        bare.append(timed(lambda: bare_walk(str(root))))
        ours.append(timed(lambda: our_walk(str(root))))
    bare_s, ours_s = statistics.median(bare), statistics.median(ours)
    code = "import sys; from tests.bench.bench_walk import our_walk; our_walk(sys.argv[1])"
    peak_mb = peak_memory_mb([sys.executable, "-c", code, str(root)])
    peak_mb -= peak_memory_mb([sys.executable, "-c", code, "/nonexistent"])
    sys.stdout.write(
        f"{what}: {our_walk(str(root))} files, bare walk {bare_s:.3f} s, "
        f"walk {ours_s / bare_s:.2f} x that, {peak_mb:+.0f} MB\n"
    )


@contextmanager
def _slow(folder: Path, mount_point: Path) -> Iterator[bool]:
    """The folder on a slow disk; false where that can't be had."""
    mount_point.mkdir()
    command = [sys.executable, "-m", "tests.bench.slow_disk", str(folder), str(mount_point)]
    server = subprocess.Popen([*command, str(DELAY_MS)], stderr=subprocess.DEVNULL)
    try:
        while server.poll() is None and not os.path.ismount(mount_point):
            time.sleep(0.1)
        yield server.poll() is None
    finally:
        if os.path.ismount(mount_point):
            subprocess.run(["umount", str(mount_point)], check=True)
        server.wait()


def main() -> None:
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_wide(folder / "wide", files)
        _compare("wide", folder / "wide")
        make_deep(folder / "deep", files)
        _compare(f"deep ({DEPTH} levels)", folder / "deep")
        make_shows(folder / "shows", files)
        _compare("shows", folder / "shows")
        for make in (make_shows, make_wide):
            slow = folder / f"slow {make.__name__}"
            make(slow, SLOW_FILES)
            with _slow(slow, folder / f"{slow.name} mount") as is_there:
                if is_there:
                    what = f"{make.__name__.removeprefix('make_')}, {DELAY_MS} ms a call"
                    _compare(what, folder / f"{slow.name} mount", rounds=1)
                else:
                    sys.stdout.write("slow: no FUSE here (fusepy, libfuse 2, root)\n")


if __name__ == "__main__":
    main()
