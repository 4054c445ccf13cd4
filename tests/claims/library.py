"""The library in which the commands of the pages run, and how they run there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from av1rules.cli.init import DODO
from tests.claims.pages import ROOT, Block, Shown

RULES = """\
version: 1
library: {roots: [movies], settle: 0}
output: {mode: replace}
run: {reserve: 0}
defaults: {preset: 12, film_grain: 0, max_size_ratio: 9}
rules:
  - name: films that somebody looks at
    when: {path: "**/Film.mkv"}
    encode: {crf: 40}
    review: each
  - name: all others
    encode: {crf: 50}
    review: never
"""

FILM = (
    "-f", "lavfi", "-i", "testsrc2=s=192x108:r=24:d=3,noise=alls=10:allf=t", "-f", "lavfi", "-i",
    "sine=d=3", "-c:v", "mpeg2video", "-b:v", "3M", "-pix_fmt", "yuv420p", "-c:a", "flac",
)  # fmt: skip
OTHER = (
    "-f", "lavfi", "-i", "mandelbrot=s=192x108:r=24", "-t", "3", "-c:v", "mpeg2video", "-b:v",
    "900k", "-pix_fmt", "yuv420p",
)  # fmt: skip

MIN_SIZE = 101 * 2**20
"""Above the `min_size` that `init` writes."""

MINUTE_S = 60
HOURS_S = 4 * 3600

_VOID = b"\xec\x01"
"""Matroska's element for room that means nothing, with a size of eight bytes."""


class ClaimError(AssertionError):
    """A page shows something that is not so."""


class Library(msgspec.Struct, frozen=True):
    """`movies/Film.mkv` waits for its clip to be approved, `movies/Short.mkv` was replaced, and its
    original is in the trash. `saved` is a copy of this state."""

    folder: Path
    saved: Path

    def restore(self) -> None:
        shutil.rmtree(self.folder)
        shutil.copytree(self.saved, self.folder, symlinks=True)

    def start(self, block: Block) -> None:
        """The state that a block begins in: where it writes a first policy there is none yet, and
        the film is one that this policy takes."""
        self.restore()
        first = block.commands[0].argv
        if first[:2] == ("av1rules", "init"):
            for name in ("rules.yaml", "dodo.py", "approvals.yaml"):
                (self.folder / name).unlink(missing_ok=True)
            shutil.rmtree(self.folder / ".av1rules")
            pad(self.folder / "movies" / "Film.mkv", MIN_SIZE)
        elif first[:2] == ("av1rules", "demo"):
            shutil.rmtree(self.folder)
            self.folder.mkdir()


def pad(path: Path, size: int) -> None:
    """Makes a Matroska file that large, without using space for it."""
    rest = size - path.stat().st_size - len(_VOID) - 7
    with path.open("ab") as file:
        file.write(_VOID + rest.to_bytes(7, "big"))
    os.truncate(path, size)


def make_library(folder: Path, make_clip: Callable[..., Path]) -> Library:
    """As a first run leaves it."""
    work = folder / "work"
    (work / "movies").mkdir(parents=True)
    shutil.copy(make_clip("Film.mkv", *FILM), work / "movies" / "Film.mkv")
    shutil.copy(make_clip("Short.mkv", *OTHER), work / "movies" / "Short.mkv")
    (work / "rules.yaml").write_text(RULES, encoding="utf-8")
    (work / "dodo.py").write_text(DODO, encoding="utf-8")
    done = call(("av1rules", "run"), work)
    assert done.returncode == 0, done.stdout + done.stderr
    library = Library(work, folder / "saved")
    shutil.copytree(work, library.saved, symlinks=True)
    return library


def filled_in(argv: tuple[str, ...]) -> tuple[str, ...]:
    """With names of the prepared library for what a reader puts in."""
    values = {
        "FILE": "report.txt" if "-o" in argv else "movies/Short.mkv",
        "PATH": "movies",
        "RUN": "last",
        "N": "2",
        "ROOT": "movies",
        "TASK": "encode",
        "/media/movies": "movies",
        "MEDIA_FOLDER": os.environ.get("AV1RULES_MEDIA", ""),
    }
    return tuple(values.get(word, word) for word in argv)


def call(
    argv: tuple[str, ...], folder: Path, *, timeout_s: float = MINUTE_S
) -> subprocess.CompletedProcess[str]:
    """Runs one of our programs as this checkout has it."""
    program, *words = argv
    modules = {"python": (), "av1rules": ("-m", "av1rules"), "doit": ("-m", "doit")}
    modules["pytest"] = ("-m", "pytest", "-q", "-p", "no:cacheprovider")
    return subprocess.run(
        [sys.executable, *modules[program], *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def run_block(block: Block, library: Library, *, timeout_s: float = MINUTE_S) -> None:
    """Every command of a block, in order. Raises ClaimError."""
    library.start(block)
    for number, shown in enumerate(block.commands):
        if block.is_each_alone and number:
            library.start(block)
        check(shown, library.folder, timeout_s=timeout_s)


def check(shown: Shown, folder: Path, *, timeout_s: float = MINUTE_S) -> None:
    """Raises ClaimError if the command does not end, or print, as it says."""
    done = call(filled_in(shown.argv), folder, timeout_s=timeout_s)
    if done.returncode != shown.code:
        raise ClaimError(
            f"{shown.text}: exit code {done.returncode} instead of {shown.code}\n"
            f"{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    if shown.output is not None and not re.fullmatch(pattern(shown.output), tidy(done.stdout)):
        raise ClaimError(f"{shlex.join(shown.argv)} prints\n{done.stdout}\nnot\n{shown.output}")


def pattern(output: str) -> str:
    """`...` is any text; alone on a line, any lines. Width of columns does not matter."""
    lines = []
    for line in tidy(output).splitlines():
        text = re.escape(line).replace(r"\.\.\.", ".*")
        lines.append("(?:.*\n)*" if line == "..." else f"{text}\n")
    return "".join(lines)


def tidy(output: str) -> str:
    """Without what only fills columns, and without trailing space."""
    lines = (
        re.sub(r"-{3,}", "---", re.sub(" {2,}", "  ", line)).rstrip()
        for line in output.splitlines()
    )
    return "".join(f"{line}\n" for line in lines).strip("\n") + "\n"
