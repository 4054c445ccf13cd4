"""Runs the commands of av1rules that the monitor's keys stand for, exactly as a user would."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import msgspec

from av1rules.base.errors import Av1rulesError
from av1rules.base.process import Children, Limits, run

TIMEOUT_S = 1800.0
"""A plan of a large library on a slow disk, which `explain` and `clips` need."""

OPENERS = ("xdg-open", "open", "wslview")
"""Programs that open a page in the browser of a desktop."""


class CommandAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a command said. `text` is its output, else what it complained of."""

    is_done: bool
    text: str

    @property
    def last_line(self) -> str:
        lines = [one for one in self.text.splitlines() if one.strip()]
        return lines[-1] if lines else ""


def run_command(
    words: tuple[str, ...], rules_file: Path, *, columns: int, children: Children
) -> CommandAnswer:
    """Run a command with its output as text of so many columns."""
    argv = (sys.executable, "-m", "av1rules", "-f", str(rules_file), *words)
    env = {"NO_COLOR": "1", "COLUMNS": str(columns), "AV1RULES_PAGER": "cat"}
    try:
        ended = run(argv, children=children, env=env, limits=Limits(timeout_s=TIMEOUT_S))
    except (OSError, Av1rulesError) as problem:
        return CommandAnswer(is_done=False, text=str(problem))
    said = ended.stdout.decode("utf-8", "replace").strip("\n")
    complaint = "\n".join(ended.stderr)
    text = "\n".join(filter(None, (said, complaint))) or ended.describe_exit()
    return CommandAnswer(is_done=ended.ok, text=text)


def open_page(page: str, children: Children) -> bool:
    """Whether a browser was asked to show a page: there is none over ssh."""
    if not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or sys.platform != "linux"
    ):
        return False
    program = next(filter(None, map(shutil.which, OPENERS)), None)
    if program is None:
        return False
    try:
        return run((program, page), children=children, limits=Limits(timeout_s=20.0)).ok
    except (OSError, Av1rulesError):
        return False
