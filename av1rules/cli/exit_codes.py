"""All exit codes of the program."""

from __future__ import annotations

import click

from av1rules.base.errors import Av1rulesError, BusyError, RunInterruptedError

EXIT_DONE = 0
EXIT_FAILED = 1  # some targets failed
EXIT_USAGE = 2  # bad usage, bad rules, a missing tool
EXIT_WORK = 2  # `plan --detailed-exitcode`: there is work
EXIT_BUG = 3  # a bug in av1rules
EXIT_KNOWN = 4  # `run`: only failures that an earlier run told
EXIT_BUSY = 5  # another run is at work with the same ledger
EXIT_INTERRUPTED = 130

DETAILED_EXITCODE = "--detailed-exitcode"
"""The option of `plan` that makes 2 mean work."""


def exit_code_of(problem: BaseException) -> int:
    """The exit code of a command that an exception ended."""
    if isinstance(problem, click.Abort | KeyboardInterrupt | RunInterruptedError):
        return EXIT_INTERRUPTED
    if isinstance(problem, BusyError):
        return EXIT_BUSY
    return EXIT_USAGE if isinstance(problem, Av1rulesError) else EXIT_BUG
