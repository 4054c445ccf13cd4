"""There is a man page for each command, and it says what the command's help says."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import click
import pytest

from av1rules.cli.main import cli
from tests.man.pages import FOLDER, escaped, pages
from tests.output.schemas import ROOT, commands

PAGES = pages()
EVERY = {"av1rules": cli, **{f"av1rules {name}": one for name, one in commands().items()}}


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_page_is_the_one_of_the_command(name: str, request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-golden"):
        (FOLDER / name).write_text(PAGES[name], encoding="utf-8")
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name], "run `doit docs`"


def test_no_page_is_left_of_a_command_that_went() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES)


def test_wheel_installs_the_pages() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert '[tool.hatch.build.targets.wheel.shared-data]\n"docs/man" = "share/man/man1"\n' in text


@pytest.mark.parametrize("name", sorted(EVERY))
def test_every_option_and_example_is_in_the_page(name: str) -> None:
    page = PAGES[f"{name.replace(' ', '-')}.1"].replace("\\-", "-")
    options = [one for one in EVERY[name].params if isinstance(one, click.Option)]
    for option in options:
        assert all(word in page for word in (*option.opts, *option.secondary_opts))
        assert option.help is not None
        assert escaped(" ".join(option.help.split())) in page


def test_the_page_of_a_group_names_its_commands() -> None:
    for name in commands():
        group, _, last = f"av1rules {name}".rpartition(" ")
        assert f"\n\\fB{last}\\fP\n" in PAGES[f"{group.replace(' ', '-')}.1"]


def test_text_is_no_request() -> None:
    assert escaped(".av1skip and\n'quoted' \\n") == "\\&.av1skip and\n\\&'quoted' \\en"


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
def test_mandoc_finds_nothing_wrong() -> None:
    files = [str(path) for path in sorted(FOLDER.iterdir())]
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", *files],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.skipif(shutil.which("man") is None, reason="man is not installed")
@pytest.mark.parametrize("name", ["av1rules.1", "av1rules-plan.1", "av1rules-clips-adjust.1"])
def test_man_shows_the_page(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        ["man", "--warnings", "-P", "cat", "-l", str(FOLDER / name)],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "--help" in done.stdout
