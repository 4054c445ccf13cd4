"""A library after its first run and before its second, for whole screens: films of every fate."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.fakes.worker import FakeClips
from tests.ui.program import NEXT
from tests.ui.screen import ROOT, shown

PROGRAM = ("-m", "tests.ui.program")

RULES = """\
version: 1
library: {roots: [films], settle: 0, min_size: 0}
output: {mode: replace, originals: keep for 30d}
run: {reserve: 0, jobs: 1, cpus: "0", max_failures: 3}
rules:
  - name: modern files stay
    when: {path: "films/modern/**"}
    skip: already a modern codec
  - name: broadcasts
    when: {path: "films/tv/**"}
    hold: it is interlaced; decide on `deinterlace` first
  - name: discs that somebody looks at
    when: {path: "films/discs/**"}
    encode: {crf: 18, preset: 4}
    review: each
  - name: everything else
    encode: {crf: 30, preset: 6}
    review: never
"""

BROKEN_RULES = """\
version: 1
library: {roots: [films], settel: 0}
output: {mode: mirrored, root: out}
rules:
  - name: everything that has no better rule, by its source tier and nothing else at all
    when: {source_tier: remuxx}
    encode: {crf: 99, presett: 6}
"""

OLD = (
    "Harbour (2020) WEB-DL.mp4",
    "A Very Long Title of a Film That Fits No Column (1999) DVDRip.mkv",
    "series/The Long Show Name/Season 01/The Long Show Name - S01E01 - Pilot.mkv",
)

NEW = (
    *(f"series/The Long Show Name/Season 02/The Long Show Name - S02E{n:02} - Title.mkv"
      for n in range(1, 13)),
    "modern/Clean (2023) WEB-DL.mkv",
    "tv/Broadcast S01E01.ts",
    "tv/A Broadcast with a Name That Is Much Longer S01E02.ts",
    "discs/Grainy Night (1999) REMUX-1080p.mkv",
)  # fmt: skip

FAILING = "Torn (2001).mkv"


def make(folder: Path) -> None:
    """The library in `folder`: three films done, one failed; then the others came."""
    folder.joinpath("rules.yaml").write_text(RULES)
    clips = FakeClips(folder / ".made")
    for name in (*OLD, FAILING):
        _add(folder, name, clips)
    call("run", folder=folder, code=1)
    for name in NEW:
        _add(folder, name, clips)
    folder.joinpath("films", "bad.mkv").write_bytes(b"no film")


def _add(folder: Path, name: str, clips: FakeClips) -> None:
    path = folder / "films" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(clips(path.name, name).read_bytes())


def call(*arguments: str, folder: Path, code: int = 0) -> str:
    """What the program prints into a pipe."""
    done = subprocess.run(
        [sys.executable, *PROGRAM, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "AV1RULES_FAKE_FAILS": FAILING, "TZ": "UTC"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def screens_of(
    folder: Path, commands: Mapping[str, tuple[str, ...]], columns: int
) -> dict[str, str]:
    """What each command shows on a terminal, with what differs from run to run made alike."""
    words = [word for command in commands.values() for word in (*command, NEXT)]
    text = shown(
        *PROGRAM,
        *words[:-1],
        cwd=folder,
        columns=columns,
        lines=24,
        environ={"AV1RULES_FAKE_FAILS": FAILING},
    )
    parts = [part.strip("\n") for part in text.split(NEXT)]
    return dict(zip(commands, (_steady(part, folder) for part in parts), strict=True))


def _steady(text: str, folder: Path) -> str:
    text = text.replace(str(folder), "/tmp/av1rules-" + "x" * 8)
    text = re.sub(r"\d{4}-\d\d-\d\d", "2026-01-31", text)
    text = re.sub(r"(?<= )\d\d:\d\d\b(?!:)", "12:00", text)
    text = re.sub(r"\b\d\.\d\d s\b", "1.00 s", text)
    text = re.sub(r"\(version \d\)", "(version 7)", text)
    # The folder in the trash has a random part.
    text = re.sub(r"1-[0-9a-f]{4}/", "1-0000/", text)
    text = re.sub(r"(?m)^( {6}/tmp).*….*$", r"\1... (cut)", text)
    # The terminal breaks the command where it likes, in names that differ too.
    return text.partition("\nCommand\n")[0]
