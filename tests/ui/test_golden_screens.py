"""Whole screens on terminals of four widths, as the program draws them for one library."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from av1rules.operations.doctor import Finding, Grade
from av1rules.report.checks import doctor_text
from av1rules.report.view import View, display_width
from tests.conftest import Golden
from tests.ui import library

WIDTHS = (60, 80, 120, 200)

SCREENS = {
    "plan": ("plan",),
    "status": ("status",),
    "explain": ("explain", f"films/{library.NEW[0]}"),
    "originals": ("originals", "list"),
    "clips": ("clips", "list"),
    "validate": ("validate", "-f", "broken.yaml"),
}  # fmt: skip


@pytest.fixture(scope="module")
def prepared() -> Iterator[Path]:
    """A folder whose path is as long everywhere, since names are cut by their length."""
    folder = Path(tempfile.mkdtemp(prefix="av1rules-", dir="/tmp"))
    try:
        library.make(folder)
        folder.joinpath("broken.yaml").write_text(library.BROKEN_RULES)
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("columns", WIDTHS)
def test_screens(prepared: Path, golden: Golden, columns: int) -> None:
    for name, text in library.screens_of(prepared, SCREENS, columns).items():
        assert max(map(display_width, text.splitlines())) <= columns, name
        golden(f"{name}-{columns}.txt", text + "\n")


FINDINGS = (
    Finding(section="Python", grade=Grade.OK, subject="Python", detail="3.13.1"),
    Finding(
        section="programs",
        grade=Grade.WARNING,
        subject="mkvpropedit",
        detail="not found: what Matroska holds beyond FFmpeg's view is lost, or holds the film",
        hint="install MKVToolNix 69 or later",
    ),
    Finding(
        section="library",
        grade=Grade.WRONG,
        subject="/media/movies",
        detail="there is no such folder; the disk may not be mounted, or the name is another one",
        hint="mount it, or change `library.roots` in rules.yaml",
    ),
)


@pytest.mark.parametrize("columns", WIDTHS)
def test_doctor(golden: Golden, columns: int) -> None:
    text = doctor_text(FINDINGS, View(width=columns))
    assert max(map(display_width, text.splitlines())) <= columns
    golden(f"doctor-{columns}.txt", text + "\n")
