"""Takes the screens of the documentation: real runs of the program, on a library made for it.

python -m tests.screens.take
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
from pyte.screens import Char

from av1rules.encode.encoders.registry import SELF_TESTS
from av1rules.ffmpeg.locate import find_tools
from tests.screens.svg import Line, svg_of
from tests.ui.monitor.recorded import EVENTS
from tests.ui.screen import ROOT, Screen

GOAL = ROOT / "docs" / "screens"
COLUMNS, LINES = 100, 40

RULES = """\
version: 1
library: {roots: [movies, series], settle: 0}
output: {mode: mirror, root: av1}
run: {reserve: 0, jobs: 1}
rules:
  - name: clean streaming files stay
    when: {source_tier: web-dl, video_codec: [hevc, av1, vp9]}
    skip: already a modern codec
  - name: broadcasts
    when: {interlaced: true}
    hold: fields or film? look with explain
  - name: series
    when: {path: "series/**"}
    encode: {crf: 28}
    review: never
  - name: everything else by its source tier
    encode: {}
"""

TESTS = """\
version: 1
cases:
  - name: a streaming file in HEVC stays
    given: {path: movies/Film.WEB-DL.mkv, video_codec: hevc}
    expect: {rule: clean streaming files stay, action: skip}
  - name: a disc is seen first
    given: {path: movies/Film.1080p.REMUX.mkv, video_codec: h264, interlaced: false}
    expect: {action: encode, settings: {crf: 18, film_grain: 8}, review: each}
  - name: an episode
    given: {path: series/Show/S01E01.1080p.WEB-DL.mkv, video_codec: h264, interlaced: false}
    expect: {rule: series, settings: {crf: 26}, review: never}
"""

_H264 = ("-c:v", "libx264", "-threads", "1", "-pix_fmt", "yuv420p")
FILMS = {
    "movies/Harbour (1999)/Harbour.1999.1080p.REMUX.mkv": (
        "testsrc2=s=320x180:r=24:d=8,noise=alls=8:allf=t", *_H264, "-b:v", "3M"),
    "movies/Night Train (2012)/Night.Train.2012.1080p.WEB-DL.mkv": (
        "smptebars=s=320x180:r=24:d=8,noise=alls=5:allf=t", *_H264, "-b:v", "350k"),
    "movies/The Long Way Home (2021)/The.Long.Way.Home.2021.WEB-DL.mkv": (
        "testsrc2=s=320x180:r=24:d=6", "-c:v", "libvpx-vp9", "-b:v", "300k", "-deadline",
        "realtime", "-threads", "1"),
    "series/Lighthouse/Season 01/Lighthouse.S01E01.WEB-DL.mkv": (
        "pal75bars=s=320x180:r=25:d=6,noise=alls=5:allf=t", *_H264, "-b:v", "300k"),
    "series/Lighthouse/Season 01/Lighthouse.S01E02.WEB-DL.mkv": (
        "smptehdbars=s=320x180:r=25:d=6,noise=alls=4:allf=t", *_H264, "-b:v", "300k"),
    "series/Match/Match.2009.ts": (
        "testsrc2=s=320x180:r=50:d=4,interlace", "-c:v", "mpeg2video", "-flags", "+ilme+ildct",
        "-b:v", "2M", "-pix_fmt", "yuv420p"),
}  # fmt: skip

SCREENS = {
    "plan": ("plan",),
    "test": ("test", "--coverage"),
    "run": ("run",),
    "status": ("status",),
    "explain": ("explain", "lighthouse s01e01"),
    "top": ("top", "--replay", "run.ndjson", "--speed", "100000"),
}
"""In their order: `status` is that after the run."""

MOST_LINES = 40

_LIBRARY = "/home/anna/av1-library"
"""What stands for the folder of the library; its path has as many characters."""


class Taken(msgspec.Struct, frozen=True):
    name: str
    svg: str


def take() -> Iterator[Taken]:
    """Each screen. The library is made for them, and goes with them."""
    folder = Path(tempfile.mkdtemp(prefix="av1rules-", dir="/tmp"))
    assert len(str(folder)) == len(_LIBRARY)
    try:
        _make(folder)
        for name, words in SCREENS.items():
            lines = [_prompt(words), *_on_screen(words, folder)]
            if len(lines) > MOST_LINES:
                lines = [*lines[: MOST_LINES - 1], _plain("...")]
            steady = [_steady(line, folder) for line in lines]
            yield Taken(name, svg_of(name, steady, columns=COLUMNS))
    finally:
        shutil.rmtree(folder)


def _make(folder: Path) -> None:
    tools = find_tools(ffmpeg=None, ffprobe=None, min_version=(8, 0), self_tests=SELF_TESTS)
    for name, (source, *codec) in FILMS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        sound = ("-f", "lavfi", "-i", "sine=d=4", "-c:a", "ac3", "-shortest")
        subprocess.run(
            [tools.ffmpeg, "-v", "error", "-f", "lavfi", "-i", source, *sound, *codec, path],
            stdin=subprocess.DEVNULL,
            check=True,
        )
    (folder / "rules.yaml").write_text(RULES, encoding="utf-8")
    (folder / "rules.tests.yaml").write_text(TESTS, encoding="utf-8")
    shutil.copy(EVENTS, folder / "run.ndjson")


def _on_screen(words: tuple[str, ...], folder: Path) -> list[Line]:
    """What stands there in the end, with what has left the screen at its top."""
    environ = {"AV1RULES_PAGER": "cat"}
    with Screen(
        "-m", "av1rules", *words, cwd=folder, columns=COLUMNS, lines=LINES, environ=environ
    ) as screen:
        if words[0] == "top":
            return _monitor(screen)
        screen.end(timeout_s=120)
        return screen.cells()


_MONITOR_LINES = 26


def _monitor(screen: Screen) -> list[Line]:
    """Its last frame, on the reader's own background."""
    screen.resize(COLUMNS, _MONITOR_LINES)
    screen.wait_for("4 of 6 done")
    for _ in range(30):
        screen.read()
    lines = screen.cells()
    screen.type("q")
    screen.end(timeout_s=120)
    grounds = Counter(cell.bg for line in lines for cell in line)
    ((ground, _),) = grounds.most_common(1)
    return [
        tuple(
            cell._replace(bg="default") if cell.bg == ground else cell
            for cell in line
            if cell.data  # the second half of a wide character has none
        )
        for line in lines
    ]


def _prompt(words: tuple[str, ...]) -> Line:
    shown = " ".join(f'"{word}"' if " " in word else word for word in words)
    return tuple(cell._replace(bold=True) for cell in _plain(f"$ av1rules {shown}"))


def _plain(text: str) -> Line:
    return tuple(Char(letter) for letter in text)


_CHANGING = {
    r"\d\d:\d\d:\d\d": "12:00:00",
    r"\d{4}-\d\d-\d\d": "2026-01-31",
    r"(?<= )\d\d:\d\d(?= |$)": "12:00",
    r"(?:(?<=\bin )|(?<=^  ))\d\.\d\d s": "1.00 s",
    r"(?<=\bin )\d\d s\b": "10 s",
}


def _steady(line: Line, folder: Path) -> Line:
    """With times and places that are the same everywhere, each as long as it was."""
    text = "".join(cell.data for cell in line)
    text = text.replace(str(folder), _LIBRARY)
    for pattern, instead in _CHANGING.items():
        text = re.sub(pattern, instead, text)
    assert len(text) == len(line)
    return tuple(cell._replace(data=letter) for cell, letter in zip(line, text, strict=True))


def main() -> None:
    GOAL.mkdir(exist_ok=True)
    for taken in take():
        (GOAL / f"{taken.name}.svg").write_text(taken.svg, encoding="utf-8")


if __name__ == "__main__":
    main()
