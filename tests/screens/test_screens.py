"""The screens of the documentation are what the program shows today."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from pyte.screens import Char

from av1rules.ffmpeg.tools import Tools
from tests.screens.svg import svg_of, text_of, words_of
from tests.screens.take import COLUMNS, GOAL, SCREENS, take

ROOT = Path(__file__).parents[2]


def test_screens_are_up_to_date(tools: Tools) -> None:
    """Their words and layout: figures differ from one FFmpeg and one machine to the next."""
    taken = {one.name: words_of(one.svg) for one in take()}
    shown = {name: words_of((GOAL / f"{name}.svg").read_text("utf-8")) for name in SCREENS}
    assert taken == shown, "`doit screens` takes them anew"


def test_each_is_shown_somewhere_and_none_else_is_there() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    shown = set(re.findall(r"!\[[^\]]+\]\((?:docs/)?screens/([\w-]+)\.svg\)", text))
    assert {path.stem for path in GOAL.iterdir()} == set(SCREENS) == shown


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_is_small_and_asks_nobody(name: str) -> None:
    svg = (GOAL / f"{name}.svg").read_text(encoding="utf-8")
    assert len(svg) < 64_000
    assert set(re.findall(r"https?://[\w./-]+", svg)) == {"http://www.w3.org/2000/svg"}
    assert "/tmp/" not in svg
    width = float((ET.fromstring(svg).get("viewBox") or "").split()[2])
    assert width < 14 * COLUMNS


def test_a_picture_says_what_its_lines_say() -> None:
    lines = [
        tuple(Char(letter, fg="red", bold=True) for letter in "done <&> 3"),
        tuple(Char(letter) for letter in "  12.5 MiB  -----  film…mkv"),
    ]
    svg = svg_of("one", lines, columns=40)
    assert svg == svg_of("one", lines, columns=40)
    assert text_of(svg).replace("\xa0", " ").split() == [
        "done", "<&>", "3", "12.5", "MiB", "-----", "film…mkv",
    ]  # fmt: skip
    assert words_of(svg) == "done <&> 0 0 MiB --- …"
