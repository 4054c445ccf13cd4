"""What a user sees: on terminals of every width, with and without colours, in a pager."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ui.conftest import NAMES
from tests.ui.screen import ROOT, Screen, shown

PROGRAM = ("-m", "tests.ui.program")


@pytest.mark.parametrize("columns", [40, 60, 80, 120, 200])
def test_a_plan_fits_and_breaks_no_word(shelf: Path, columns: int) -> None:
    text = shown(*PROGRAM, "plan", cwd=shelf, columns=columns, lines=100)
    assert "bad.mkv" in text
    assert "... and 2 more: --all" in text
    # A line that the terminal itself broke is full to its last column.
    assert max(map(len, text.splitlines())) <= columns
    assert "can't be read as video: no video" in " ".join(text.split())


def test_names_are_cut_in_the_middle_and_whole_in_a_pipe(shelf: Path) -> None:
    text = shown(*PROGRAM, "plan", cwd=shelf, lines=100)
    assert re.search(r"films/A .*….*60\) REMUX-1080p\.mkv", text)
    assert NAMES[0] not in text
    piped = subprocess.run(
        [sys.executable, *PROGRAM, "plan"],
        cwd=shelf,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert all(name in piped for name in NAMES)
    assert "\x1b" not in piped


def test_wide_shows_whole_names_and_all_columns(shelf: Path) -> None:
    text = shown(*PROGRAM, "plan", "--wide", cwd=shelf, columns=400, lines=100)
    assert NAMES[0] in text
    assert "settings" in text


def test_a_long_plan_opens_a_pager_at_its_summary(shelf: Path) -> None:
    with Screen(*PROGRAM, "plan", cwd=shelf) as screen:
        screen.wait_for("To encode (12 files)")
        screen.wait_for(":")
        assert screen.child.poll() is None
        assert screen.text.startswith("Plan: 13 files")
        screen.type("q")
        assert screen.end() == 0
        assert "Plan: 13 files" in screen.whole, "it stays on the screen"


def test_what_fits_on_the_screen_opens_no_pager(shelf: Path) -> None:
    with Screen(*PROGRAM, "plan", cwd=shelf, lines=60) as screen:
        assert screen.end() == 0
        assert "next: av1rules run" in screen.text


@pytest.mark.parametrize(
    ("arguments", "environ"),
    [
        (("--no-pager",), {}),
        ((), {"AV1RULES_PAGER": "cat"}),
        ((), {"AV1RULES_PAGER": "", "PAGER": "less"}),
        ((), {"PAGER": "cat"}),
        ((), {"PAGER": "no-such-pager"}),
        ((), {"TERM": "dumb"}),
    ],
)
def test_no_pager_where_none_is_wanted(
    shelf: Path, arguments: tuple[str, ...], environ: dict[str, str]
) -> None:
    with Screen(*PROGRAM, "plan", *arguments, cwd=shelf, environ=environ) as screen:
        assert screen.end() == 0
        assert "next: av1rules run" in screen.whole


def test_own_pager_goes_before_the_usual_one(shelf: Path) -> None:
    pager = f"{sys.executable} -c 'import sys; print(len(sys.stdin.readlines()))'"
    environ = {"AV1RULES_PAGER": pager, "PAGER": "less"}
    with Screen(*PROGRAM, "plan", cwd=shelf, environ=environ) as screen:
        assert screen.end() == 0
        assert int(screen.text) > 24


def test_colours_say_what_words_say_too(shelf: Path) -> None:
    with Screen(*PROGRAM, "plan", cwd=shelf, lines=60) as screen:
        assert screen.end() == 0
        assert screen.style_of("blocked ") == ("red", False)
        assert screen.style_of("Blocked (1 file)") == ("red", True)
    for environ in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        with Screen(*PROGRAM, "plan", cwd=shelf, lines=60, environ=environ) as screen:
            assert screen.end() == 0
            assert b"\x1b[3" not in screen.raw
            assert "Blocked (1 file)" in screen.text


def test_a_dumb_terminal_gets_no_control_codes(shelf: Path) -> None:
    with Screen(*PROGRAM, "run", cwd=shelf, environ={"TERM": "dumb"}) as screen:
        assert screen.end() == 1
        assert b"\x1b" not in screen.raw
        assert "12 done" in screen.whole


def test_a_locale_without_utf_8_gets_dots(shelf: Path) -> None:
    environ = {"PYTHONIOENCODING": "latin-1", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    with Screen(*PROGRAM, "plan", cwd=shelf, lines=60, environ=environ) as screen:
        assert screen.end() == 0
        assert re.search(r"films/A .*\.\.\..*REMUX-1080p\.mkv", screen.text)
        assert "\\u" not in screen.text
