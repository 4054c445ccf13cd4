"""All errors that a user may see, under one root. They never print and never exit."""

from __future__ import annotations

import copyreg
from typing import Any


class Av1rulesError(Exception):
    """An error that the user can act on.

    `message` says what was being done, what was expected and what was found. `hint` says what
    to do next. `where` is a place such as `rules.yaml:41:12` or a path.
    """

    def __init__(self, message: str, *, hint: str | None = None, where: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where

    def __reduce__(self) -> tuple[Any, ...]:
        """Unpickle without calling `__init__`, whose arguments differ from `args`: errors come back
        from workers in other processes."""
        return copyreg.__newobj__, (type(self), *self.args), vars(self)  # type: ignore[attr-defined]

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text}\n  hint: {self.hint}" if self.hint else text


class NoSpaceError(Av1rulesError):
    """A job does not fit on a disk, and no running job will free space: left for the next run."""


class UsageError(Av1rulesError):
    """A wrong command line or a state that forbids the command: exit code 2."""


class SafetyStopError(UsageError):
    """Too many known files are missing, or a whole disk is: nothing may act on that."""


class BusyError(UsageError):
    """Another run is at work with the same ledger."""


class StoppedError(UsageError):
    """A user stopped all work on this library: nothing begins before `av1rules resume`."""


class ToolError(Av1rulesError):
    """FFmpeg or ffprobe is missing, is too old or fails its self-test: nothing can run."""


class ProbeError(Av1rulesError):
    """One source could not be read as a video; the run continues with the others."""


class UnansweredProbeError(ProbeError):
    """The probe was stopped, or the disk failed: this says nothing about the file itself."""


class EncodeError(Av1rulesError):
    """One encode failed, or its result did not pass verification. `is_final`: the same source with
    the same settings would fail again in the same way."""

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        where: str | None = None,
        is_final: bool = False,
    ) -> None:
        super().__init__(message, hint=hint, where=where)
        self.is_final = is_final


class DiskFullError(Av1rulesError):
    """A file system or its quota ran full while the program wrote to `place`."""

    def __init__(
        self, message: str, *, place: str, hint: str | None = None, where: str | None = None
    ) -> None:
        super().__init__(message, hint=hint, where=where)
        self.place = place


class PlanOutdatedError(Av1rulesError):
    """The source or target changed since the plan was made: the job is dropped, not failed."""


class RunInterruptedError(Av1rulesError):
    """The run was asked to stop; the jobs in progress end without a result."""


class LedgerError(Av1rulesError):
    """The ledger can't be opened, or has a version that this program does not know."""
