"""Matroska files made and read by MKVToolNix, which shares no code with av1rules."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

CHAPTER_LINES = """
<ChapterAtom><ChapterUID>{uid}</ChapterUID><ChapterTimeStart>00:00:0{at}.000</ChapterTimeStart>
{more}<ChapterDisplay><ChapterString>{title}</ChapterString><ChapterLanguage>eng</ChapterLanguage>
</ChapterDisplay></ChapterAtom>
"""


def require_mkvtoolnix() -> None:
    for program in ("mkvmerge", "mkvextract", "mkvinfo", "mkvpropedit"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} of MKVToolNix is not installed")


def run(*argv: str | Path) -> str:
    done = subprocess.run(
        [str(word) for word in argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
    )
    assert done.returncode in (0, 1), done.stdout
    return done.stdout


def identify(path: Path) -> Any:
    return json.loads(run("mkvmerge", "-J", path))


def track_properties(path: Path) -> list[dict[str, Any]]:
    return [track["properties"] for track in identify(path)["tracks"]]


def chapters(path: Path) -> str:
    """Without spaces between elements."""
    return "".join(line.strip() for line in run("mkvextract", path, "chapters").splitlines())


def tags(path: Path) -> str:
    return "".join(line.strip() for line in run("mkvextract", path, "tags").splitlines())


def xml(folder: Path, root: str, body: str) -> Path:
    path = folder / f"{root.lower()}.xml"
    path.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}>{body}</{root}>\n', "utf-8")
    return path


def atom(uid: int, at: int, title: str, more: str = "") -> str:
    return CHAPTER_LINES.format(uid=uid, at=at, title=title, more=more)
