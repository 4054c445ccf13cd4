"""docs/from-av1d.md answers each section of the guide that av1d had."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "from-av1d.md"
GUIDE = ROOT.parent / "shared" / "predecessor" / "migration-guide.md"

_ROW = re.compile(r"^\| (.+?) \| (.+) \|$", re.MULTILINE)


def sections() -> str:
    return PAGE.read_text(encoding="utf-8").partition("## The old guide, section by section")[2]


def plain(heading: str) -> str:
    """Without marks, types and defaults of keys, and the word that begins a question."""
    text = re.sub(r" \((?:string|boolean|integer),.*\)$", "", heading.replace("`", ""))
    return text.removeprefix("Q: ").lower()


def test_each_section_has_an_answer() -> None:
    rows = [(name, answer) for name, answer in _ROW.findall(sections()) if name != "section"]
    assert len(rows) > 90
    assert [name for name, answer in rows if len(answer) < 2] == []


def test_no_section_of_the_guide_is_missing() -> None:
    if not GUIDE.is_file():
        pytest.skip(f"no guide at {GUIDE}")
    text = re.sub(r"^ *```.*?^ *```", "", GUIDE.read_text(encoding="utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#{2,4} (.+)$", text, flags=re.MULTILINE)
    assert len(headings) > 100
    page = plain(sections())
    missing = [one for one in headings if plain(one) not in page]
    assert missing == ["Table of Contents"]
