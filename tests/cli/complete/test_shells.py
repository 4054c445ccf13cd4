"""Completion in real shells on a pseudo-terminal: what Tab and Return make of a film's name."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from av1rules.cli.complete.shells import SHELLS
from tests.ui.screen import Screen

pytestmark = pytest.mark.real

START = {
    "bash": ("bash", "--norc", "--noprofile", "-i"),
    "zsh": ("zsh", "-f", "-i"),
    "fish": ("fish", "--no-config", "-i"),
}

SET_UP = {
    "bash": "PS1='ready> '; source <(av1rules completion bash)",
    "zsh": "PS1='ready> '; autoload -Uz compinit && compinit -u -D; "
    "source <(av1rules completion zsh)",
    "fish": "function fish_prompt; echo 'ready> '; end; av1rules completion fish | source",
}

NAMES = (
    "plain", "two  words", "it's", 'say "hi"', "$(touch pwned)", "`touch pwned`", "; touch pwned",
    "& touch pwned", "a: b", "star *", "back\\slash", "{a,b}", "#1", "$HOME", "!! !$", "[x] (y)",
    "ünïcode — 映画", "~root", "=ls", "%s %n", "> pwned", "| touch pwned", "\\$(touch pwned)",
)  # fmt: skip
"""Each stands after a number, by which it is typed."""

EXEC = "import os, sys; os.execvp(sys.argv[1], sys.argv[1:])"


class Shell:
    """An interactive shell in a folder with a library. `av1rules` there completes as it does, and
    only notes what it was called with."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.record = folder / "called"
        program = folder / "bin" / "av1rules"
        program.parent.mkdir()
        python = shlex.quote(sys.executable)
        program.write_text(
            f'#!/bin/sh\n[ -n "$_AV1RULES_COMPLETE" ] && exec {python} -m av1rules\n'
            f'[ "$1" = completion ] && exec {python} -m av1rules "$@"\n'
            f"printf '%s\\0' \"$@\" > {self.record}.part\nmv {self.record}.part {self.record}\n"
        )
        program.chmod(0o755)
        environ = {
            "PATH": f"{program.parent}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", "TERM": "xterm",
        }  # fmt: skip
        self.screen = Screen("-c", EXEC, *START[name], cwd=folder, columns=160, environ=environ)
        self.screen.type(f"{SET_UP[name]}; echo set''up\n")
        self.screen.wait_for("setup")

    def call(self, keys: str) -> list[str]:
        """What av1rules is called with after these keys and Return."""
        self.record.unlink(missing_ok=True)
        self.screen.type(f"{keys}\n")
        deadline = time.monotonic() + 60
        while not self.record.exists():
            assert time.monotonic() < deadline, self.screen.whole
            self.screen.read()
        return self.record.read_text().split("\0")[:-1]


@pytest.fixture(params=sorted(SHELLS))
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shell]:
    name = request.param
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    films = tmp_path / "films"
    films.mkdir()
    for number, film in enumerate(NAMES, start=10):
        (films / f"{number} {film}.mkv").touch()
    (films / "99 new\nline.mkv").touch()
    (films / "Show").mkdir()
    (films / "Show" / "one.mkv").touch()
    (films / "Show" / "two.mkv").touch()
    (tmp_path / "rules.yaml").write_text(
        "version: 1\nlibrary: {roots: [films]}\noutput: {mode: mirror, root: out}\n"
        "rules: [{name: all of it, encode: {}}]\n"
    )
    made = Shell(name, tmp_path)
    with made.screen:
        yield made


def test_every_name_is_one_word_and_nothing_else(shell: Shell) -> None:
    for number, film in enumerate(NAMES, start=10):
        called = shell.call(f"av1rules explain films/{number}\t")
        assert called == ["explain", f"films/{number} {film}.mkv"]
    assert not (shell.folder / "pwned").exists()


def test_within_open_quotes(shell: Shell) -> None:
    for quote, numbers in (("'", (10, 11, 14, 15)), ('"', (10, 11, 12, 14, 15))):
        for number in numbers:
            called = shell.call(f"av1rules explain {quote}films/{number}\t")
            assert called == ["explain", f"films/{number} {NAMES[number - 10]}.mkv"]
    assert not (shell.folder / "pwned").exists()


def test_a_name_with_a_line_break_is_not_offered(shell: Shell) -> None:
    assert shell.call("av1rules explain films/99\t") == ["explain", "films/99"]


def test_commands_options_and_choices(shell: Shell) -> None:
    assert shell.call("av1rules expl\tx") == ["explain", "x"]
    assert shell.call("av1rules originals pur\t--ki\torp\t") == [
        "originals", "purge", "--kind", "orphan",
    ]  # fmt: skip


def test_folder_by_folder(shell: Shell) -> None:
    assert shell.call("av1rules explain films/Sh\ttw\t") == ["explain", "films/Show/two.mkv"]


def test_paths_on_disk(shell: Shell) -> None:
    assert shell.call("av1rules receipt ./fil\tSho\tone\t") == ["receipt", "./films/Show/one.mkv"]


def test_errors_are_silent(shell: Shell) -> None:
    (shell.folder / "rules.yaml").write_text("rules: [")
    assert shell.call("av1rules explain mov\t") == ["explain", "mov"]
    assert "Traceback" not in shell.screen.whole
    assert "rules.yaml:" not in shell.screen.whole
