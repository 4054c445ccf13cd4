"""One piece of work under guard: whatever goes wrong becomes an event and an outcome."""

from __future__ import annotations

import errno
import logging

from av1rules.base.errors import (
    Av1rulesError,
    EncodeError,
    LedgerError,
    NoSpaceError,
    PlanOutdatedError,
    RunInterruptedError,
)
from av1rules.base.events import JobDropped, JobFailed, Note
from av1rules.execute.budget import Steward
from av1rules.execute.clip import build_clip
from av1rules.execute.prerequisites import measure_noise, meet_prerequisite
from av1rules.execute.receipts import record_failure
from av1rules.execute.session import Outcome, Session
from av1rules.execute.target import build_target
from av1rules.plan.items import PlanAction, PlanRow, Prerequisite

_OS_HINTS = {
    errno.EACCES: "may this user write there? See the owner and mode of the folder",
    errno.EPERM: "may this user write there? See the owner and mode of the folder",
    errno.EROFS: "that disk is mounted read-only: remount it, or set another output.root",
    errno.ENOSPC: "the disk is full: free some space, or set output.temp_dir or run.reserve",
    errno.EDQUOT: "the quota is used up: free some space",
    errno.ENAMETOOLONG: "the name is too long for the file system of the target",
    errno.EIO: "the disk reports an input/output error: look at its health first of all",
}

_log = logging.getLogger(__name__)


def run_job(row: PlanRow, session: Session, step: Prerequisite | None = None) -> Outcome:
    """Build one target, or do one step before it; whatever goes wrong becomes an event and an
    outcome, never an exception."""
    name = row.file.library_path
    if session.workspace.children.is_stopping:  # never started: the summary counts it, no line each
        session.tally.add(Outcome.NOT_ATTEMPTED)
        return Outcome.NOT_ATTEMPTED
    try:
        if row.action is PlanAction.MEASURE:
            outcome = measure_noise(row, session)
        elif step is not None:
            outcome = meet_prerequisite(row, step, session)
        elif row.action is PlanAction.CLIP:
            outcome = build_clip(row, session)
        else:
            outcome = build_target(row, session)
    except RunInterruptedError:
        session.sink(JobDropped(source=name, reason="the run was stopped"))
        outcome = Outcome.NOT_ATTEMPTED
    except (PlanOutdatedError, NoSpaceError) as problem:
        session.sink(JobDropped(source=name, reason=str(problem)))
        outcome = Outcome.NOT_ATTEMPTED
    except Av1rulesError as problem:
        if isinstance(problem, EncodeError) and row.work is not None:
            record_failure(row, session, problem)
        session.sink(JobFailed(source=name, message=_told(problem), hint=problem.hint))
        outcome = Outcome.FAILED
    except OSError as problem:
        message = f"{problem.strerror or problem}: {problem.filename or row.target}"
        hint = _OS_HINTS.get(problem.errno or 0)
        session.sink(JobFailed(source=name, message=message, hint=hint))
        outcome = Outcome.FAILED
    except Exception as problem:  # noqa: BLE001 - the guard: one target never stops the run
        _log.exception("a fault in av1rules while building %s", row.target)
        message = f"a fault in av1rules itself: {type(problem).__name__}: {problem}"
        session.sink(JobFailed(source=name, message=message, hint="please report it"))
        outcome = Outcome.FAILED
    if outcome is not Outcome.PREPARED:
        session.tally.add(outcome)
    return outcome


def run_and_record(row: PlanRow, session: Session, scheduler: Steward) -> Outcome:
    """Build one target, and have the steward note what became of its forecast."""
    outcome = run_job(row, session)
    try:
        scheduler.ended(row, session)
    except LedgerError as problem:  # the target is there all the same
        message = f"what became of its forecast is not kept: {problem.message}"
        session.sink(Note(source=row.file.library_path, message=message))
    return outcome


def _told(problem: Av1rulesError) -> str:
    return f"{problem.where}: {problem.message}" if problem.where else problem.message
