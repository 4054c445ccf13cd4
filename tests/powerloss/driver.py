"""Runs av1rules as `tests.faults.driver` does, and says before each fsync which line asked for it.

`python -m tests.powerloss.driver RULES N WORD...` or, for any command of the command line,
`... RULES 0 cli WORD...`. The line is the name of a file that does not exist: whoever records the
system calls sees it looked for.
"""

from __future__ import annotations

import os
import sys
from types import FrameType

from av1rules.cli.main import cli
from tests.faults.driver import run_once

MARK = "/av1rules-sync/"
_PACKAGE = f"{os.sep}av1rules{os.sep}"


def mark_syncs() -> None:
    """Let each `os.fsync` first name the lines that led to it: those of the code that asked for it,
    and of `base/files.py` if it asked through that."""
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        os.access(MARK + "|".join(_lines(sys._getframe(1))), os.F_OK)
        sync(descriptor)

    os.fsync = fsync  # type: ignore[assignment]


def _lines(frame: FrameType | None) -> list[str]:
    lines: list[str] = []
    while frame is not None:
        _, is_ours, name = frame.f_code.co_filename.rpartition(_PACKAGE)
        if is_ours:
            lines.append(f"{name.replace('/', '+')}:{frame.f_lineno}")
            if name != "base/files.py":
                break
        frame = frame.f_back
    return lines


if __name__ == "__main__":
    mark_syncs()
    rules, at, command, *words = sys.argv[1:]
    if command == "cli":
        cli.main(words, prog_name="av1rules")
    run_once(rules, at, None, command, *words)
