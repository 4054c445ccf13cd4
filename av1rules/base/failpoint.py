"""Named points at which tests of crashes end the process."""

from __future__ import annotations

from collections.abc import Callable

Failpoint = Callable[[str], None]
"""Called with the name of what was just done, wherever a crash would leave something behind."""


def no_failpoint(_name: str) -> None:
    """The failpoint of a process that is not under test."""
