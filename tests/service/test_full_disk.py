"""A watcher on a full disk waits, says so once, and goes on when there is space."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.watched import WatchedLibrary


def test_films_that_fit_nowhere_are_told_once(tmp_path: Path) -> None:
    with WatchedLibrary(tmp_path / "library") as library:
        library.rules(interval=1)
        rules = library.folder / "rules.yaml"
        roomy = rules.read_text()
        rules.write_text(roomy.replace("reserve: 0", "reserve: 9000TiB"))
        library.add("a.mkv")
        library.start("--no-events")
        library.until_idle(rounds=3)
        assert library.log.count("not enough space") == 1, library.log
        assert library.log.count("1 left for the next run") == 1, library.log

        rules.write_text(roomy)
        library.until(lambda: library.targets() == {"a.mkv"}, "space")
        assert library.stop() == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of 4 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    argv = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)]
    if os.geteuid() or subprocess.run(argv, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_of_its_ledger_is_waited_for(small_disk: Path) -> None:
    with WatchedLibrary(small_disk / "library") as library:
        library.rules(interval=1)
        library.add("a.mkv")
        ballast = small_disk / "ballast"
        with ballast.open("wb", buffering=0) as full, contextlib.suppress(OSError):
            while True:
                full.write(bytes(4096))
        os.truncate(ballast, ballast.stat().st_size - (32 << 10))
        with (small_disk.parent / "log").open("wb") as log:
            library.process = subprocess.Popen(
                library._argv("watch", "--no-events"), cwd=library.folder,
                env=library._env({}), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

        def said() -> str:
            return (small_disk.parent / "log").read_text()

        library.until(lambda: "no round now" in said(), "that it can't")
        line = next(one for one in said().splitlines() if "no round now" in one)
        assert "full" in line
        assert "\\n" not in line
        ballast.unlink()
        library.until(lambda: library.targets() == {"a.mkv"}, "space")
        assert library.stop() == 0
        assert said().count("no round now") == 1, said()
