"""Standard input, output and error, made safe to use before anything else is opened.

A program may be started without one of them (`2>&-`, some services). The next file that it opens
then gets that number, and whatever writes to standard error writes into a film.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO

_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))
"""By their numbers."""


def open_missing() -> None:
    """Put the null device in the place of each that is not open: reading ends at once, output goes
    nowhere. Names of files may hold what a terminal can't show: escapes stand for it."""
    for number, (name, mode) in enumerate(_STREAMS):
        was_missing = _fill(number)
        if getattr(sys, name) is None:
            # A number that is taken all the same belongs to a file of somebody else.
            fd = number if was_missing else os.open(os.devnull, os.O_RDWR)
            stream = open(fd, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
    for output in (sys.stdout, sys.stderr):
        if hasattr(output, "reconfigure"):
            output.reconfigure(errors="backslashreplace")


def _fill(number: int) -> bool:
    """Whether the number was free; it is the null device then."""
    try:
        os.fstat(number)
    except OSError:
        null = os.open(os.devnull, os.O_RDWR)
        if null != number:
            os.dup2(null, number)
            os.close(null)
        os.set_inheritable(number, True)  # noqa: FBT003 - programs that we start need it too
        return True
    return False


def end_output() -> OSError | None:
    """Write what waits in the buffers, and return the first failure. A stream that failed goes to
    the null device from then on, so that the end of Python has nothing to complain about."""
    failures = [problem for stream in (sys.stdout, sys.stderr) if (problem := _flushed(stream))]
    return next(iter(failures), None)


def _flushed(stream: TextIO) -> OSError | None:
    try:
        stream.flush()
    except OSError as problem:
        silence(stream)
        return problem
    except ValueError:  # somebody closed it
        return None
    return None


def silence(stream: TextIO) -> None:
    """Send the rest of an output that nobody takes to the null device."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
