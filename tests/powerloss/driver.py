"""Runs av1rules as `tests.faults.driver` does, and says before each fsync which line asked for it.

`python -m tests.powerloss.driver RULES N WORD...`; for any command of the command line `... RULES
0 cli WORD...`; `sN` for N kills right before the N-th sync. The line is the name of a file that
does not exist: whoever records the system calls sees it looked for.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from types import FrameType

from av1rules.cli.main import cli
from tests.faults.driver import run_once

MARK = "/av1rules-sync/"
_PACKAGE = f"{os.sep}av1rules{os.sep}"


def mark_syncs(kill_at: int = 0) -> None:
    """Let each `os.fsync` first name the lines that led to it: those of the code that asked for it,
    and of `base/files.py` if it asked through that. Kill the process before the sync `kill_at`."""
    sync, count = os.fsync, itertools.count(1)

    def fsync(descriptor: int) -> None:
        if next(count) == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
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
    rules, at, command, *words = sys.argv[1:]
    mark_syncs(int(at[1:]) if at.startswith("s") else 0)
    if command == "cli":
        cli.main(words, prog_name="av1rules")
    run_once(rules, at, None, command, *words)
