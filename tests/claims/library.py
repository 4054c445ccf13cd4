"""The library in which the commands of the pages run, and how they run there."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from av1rules.cli.clips import PLAYER_VARIABLE
from av1rules.cli.policy.init import DODO
from tests.claims.pages import ROOT, Block, Shown, Written

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

TESTS = """\
version: 1
cases:
  - name: a REMUX is encoded
    given: {path: movies/Film.mkv, source_tier: remux}
    expect: {rule: films that somebody looks at, settings: {crf: 40}}
"""

AV1D = {
    "config.json": {
        "library_roots": ["movies"],
        "min_bytes": 1000,
        "job_state_dir": "jobs",
        "ffmpeg_bin": "ffmpeg",
        "test_clip_duration": 60,
    },
    "jobs/1.json": {
        "id": "1",
        "source_path": "movies/Film.mkv",
        "status": "failed",
        "reason": "ffmpeg exit code 1",
        "created_at": "2026-01-01T10:00:00Z",
    },
    "presets.json": {
        "PresetList": [
            {
                "PresetName": "Films",
                "Default": True,
                "FileFormat": "av_mkv",
                "VideoEncoder": "svt_av1",
                "VideoPreset": "5",
                "VideoQualityType": 2,
                "VideoQualitySlider": 26,
            }
        ]
    },
    "libraries.json": [{"name": "movies", "folder": "movies", "foldersToIgnore": "Extras"}],
    "library.json": {"library_config": {"name": "movies", "path": "movies"}},
}
"""What others leave behind, by file."""

AV1D_UNIT = """\
[Service]
ExecStart=/usr/local/bin/av1d --config /etc/av1d/config.json
Nice=10
MemoryMax=16G
CPUQuota=400%
User=av1d
"""

FILM = (
    "-f", "lavfi", "-i", "testsrc2=s=192x108:r=24:d=3,noise=alls=10:allf=t", "-f", "lavfi", "-i",
    "sine=d=3", "-c:v", "mpeg2video", "-b:v", "3M", "-pix_fmt", "yuv420p", "-c:a", "flac",
)  # fmt: skip
OTHER = (
    "-f", "lavfi", "-i", "mandelbrot=s=192x108:r=24", "-t", "3", "-c:v", "mpeg2video", "-b:v",
    "900k", "-pix_fmt", "yuv420p",
)  # fmt: skip

RULES_OF_MAIN = RULES.replace("crf: 40", "crf: 44")
"""What the branch `main` has."""

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
    original is in the trash. The policy is in git, and edited since; `plan.json` is a plan of now.
    `saved` is a copy of this state."""

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
            for name in ("rules.yaml", "rules.tests.yaml", "dodo.py", "approvals.yaml"):
                (self.folder / name).unlink(missing_ok=True)
            shutil.rmtree(self.folder / ".av1rules")
            pad(self.folder / "movies" / "Film.mkv", MIN_SIZE)
        elif first[:2] == ("av1rules", "migrate") and first[2] != "av1d":
            (self.folder / "rules.yaml").unlink()
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
    commit_policy(work, RULES_OF_MAIN)
    (work / "rules.yaml").write_text(RULES, encoding="utf-8")
    (work / "rules.tests.yaml").write_text(TESTS, encoding="utf-8")
    (work / "dodo.py").write_text(DODO, encoding="utf-8")
    write_av1d(work)
    done = call(("av1rules", "run"), work)
    assert done.returncode == 0, done.stdout + done.stderr
    done = call(("av1rules", "plan", "-o", "plan.json"), work)
    assert done.returncode == 0, done.stdout + done.stderr
    done = call(("av1rules", "facts", "export"), work)
    assert done.returncode == 0, done.stdout + done.stderr
    library = Library(work, folder / "saved")
    shutil.copytree(work, library.saved, symlinks=True)
    return library


def commit_policy(folder: Path, rules: str) -> None:
    """Makes the folder a repository, whose branch `main` has these rules."""
    (folder / "rules.yaml").write_text(rules, encoding="utf-8")
    author = ("-c", "user.name=A User", "-c", "user.email=user@example.org")
    for arguments in (
        ("init", "-q", "-b", "main"),
        ("add", "rules.yaml"),
        (*author, "commit", "-q", "-m", "The first policy"),
    ):
        subprocess.run(["git", *arguments], cwd=folder, check=True)


def write_av1d(folder: Path) -> None:
    """Files of other programs, for `migrate`."""
    (folder / "jobs").mkdir()
    for name, value in AV1D.items():
        text = json.dumps(value).replace('"movies/', f'"{folder}/movies/')
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "av1d.service").write_text(AV1D_UNIT, encoding="utf-8")


def make_new_library(folder: Path, make_clip: Callable[..., Path]) -> Path:
    """The folder of somebody who starts: two films that a first policy takes, no rules yet."""
    (folder / "movies").mkdir()
    for name, kind in (("Film.mkv", FILM), ("Short.mkv", OTHER)):
        path = folder / "movies" / name
        shutil.copy(make_clip(name, *kind), path)
        pad(path, MIN_SIZE)
        an_hour_ago = time.time() - 3600  # else it is still being written, to `settle`
        os.utime(path, (an_hour_ago, an_hour_ago))
    return folder


def follow(steps: Sequence[Block | Written], folder: Path) -> None:
    """Does what a reader of a story does. Raises ClaimError."""
    for step in steps:
        if isinstance(step, Written):
            (folder / step.name).write_text(step.text, encoding="utf-8")
            continue
        for shown in step.commands if step.not_run is None else ():
            if shown.argv[0] in ("mv", "mkdir"):
                subprocess.run(shown.argv, cwd=folder, check=True)
            else:
                check(shown, folder, timeout_s=2 * MINUTE_S)


def filled_in(argv: tuple[str, ...]) -> tuple[str, ...]:
    """With names of the prepared library for what a reader puts in."""
    files = {"test": "rules.tests.yaml", "fmt": "rules.yaml", "encode": "movies/Film.mkv"}
    exports = {"handbrake": "presets.json", "tdarr": "libraries.json", "unmanic": "library.json"}
    film = "movies/Short.mkv"
    file = "report.txt" if "-o" in argv and "encode" not in argv else film
    file = "rules.yaml" if "--against" in argv else file
    values = {
        "FILE": files.get(argv[1] if len(argv) > 1 else "", file),
        "PLAN": "plan.json",
        "NAME": f"encode:{film}" if argv[0] == "doit" else film,
        "OUT": "one.mkv",
        "PATH": "movies",
        "FILM": "movies/Film.mkv" if "clips" in argv else film,
        "CONFIG": "config.json",
        "DIR": "av1",
        "EXPORT": exports.get(argv[2] if len(argv) > 2 else "", ""),
        "REV": "main",
        "FOLDER": ".",
        "RUN": "last",
        "N": "2",
        "ROOT": "movies",
        "TASK": "encode",
        "/media/movies": "movies",
        "/etc/av1d/config.json": "config.json",
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
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", PLAYER_VARIABLE: "true"},
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
