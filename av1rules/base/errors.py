"""The one root of all errors a person may see. Says what to do next; never prints, never exits."""

from __future__ import annotations

import copyreg
from typing import Any


class Av1rulesError(Exception):
    """Something a person can act on.

    `message` says what was being done, what was expected and what was found; `hint` says what
    to do next; `where` is a place such as `rules.yaml:41:12` or a path.
    """

    def __init__(self, message: str, *, hint: str | None = None, where: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where

    def __reduce__(self) -> tuple[Any, ...]:
        """Made again without `__init__`, whose arguments differ: errors come back from workers in
        other processes."""
        return copyreg.__newobj__, (type(self), *self.args), vars(self)  # type: ignore[attr-defined]

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text}\n  hint: {self.hint}" if self.hint else text


class NoSpaceError(Av1rulesError):
    """A job does not fit on a disk now, and no other job will make room: left for next time."""


class UsageError(Av1rulesError):
    """A wrong command line or a state that forbids the command: exit code 2."""


class ToolError(Av1rulesError):
    """FFmpeg or ffprobe is missing, too old, or fails its self-test: nothing can run."""


class ProbeError(Av1rulesError):
    """One source could not be read as video; the rest of the run goes on."""


class UnansweredProbeError(ProbeError):
    """The probe was cut short, or the disk did not give the file: says nothing of the file."""


class EncodeError(Av1rulesError):
    """One encode failed, or its result did not pass verification."""


class DiskFullError(Av1rulesError):
    """A file system ran full, or the quota on it did, while `place` was written to."""

    def __init__(
        self, message: str, *, place: str, hint: str | None = None, where: str | None = None
    ) -> None:
        super().__init__(message, hint=hint, where=where)
        self.place = place


class PlanOutdatedError(Av1rulesError):
    """Source or target are no longer what was planned: the work is dropped, nothing is wrong."""


class RunInterruptedError(Av1rulesError):
    """The run was asked to stop; work in hand was given up without a verdict."""


class LedgerError(Av1rulesError):
    """The ledger can't be opened or is of a version this program does not know."""
