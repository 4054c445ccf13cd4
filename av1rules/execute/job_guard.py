"""Runs jobs under guard: every failure becomes an event and an outcome, never an exception."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from av1rules.base.errors import (
    Av1rulesError,
    DiskFullError,
    EncodeError,
    LedgerError,
    NoSpaceError,
    PlanOutdatedError,
    RunInterruptedError,
)
from av1rules.base.events import JobDropped, JobFailed, Note, Outcome
from av1rules.base.files import is_temp_name
from av1rules.base.findings import FilmFinding, FindingKind
from av1rules.execute.budget import BudgetScheduler
from av1rules.execute.clip import build_clip
from av1rules.execute.control.hold import Hold
from av1rules.execute.prerequisites import measure_noise, meet_prerequisite
from av1rules.execute.receipts import record_failure
from av1rules.execute.resources.queue import leave_queue, record_queue
from av1rules.execute.session import Session
from av1rules.execute.target import build_target
from av1rules.execute.worker import LOCAL_WORKER, Worker
from av1rules.plan.items import ActiveItem, Encode, MakeClip, MeasureGrain, Prerequisite, RunItem

_OS_HINTS = {
    errno.EACCES: "may this user write there? See the owner and mode of the folder",
    errno.EPERM: "may this user write there? See the owner and mode of the folder",
    errno.EROFS: "that disk is mounted read-only: remount it, or set another output.root",
    errno.ENOSPC: "the disk is full: free some space, or set output.temp_dir or run.reserve",
    errno.EDQUOT: "the quota is used up: free some space",
    errno.ENAMETOOLONG: "the name is too long for the file system of the target",
    errno.EIO: "the disk reports an input/output error: check its health first",
}

_NO_ACCESS = (errno.EACCES, errno.EPERM, errno.EROFS)

_log = logging.getLogger(__name__)


class JobRunner:
    """Does the jobs of one run, in any order and from any thread of a backend.

    A row is finished once its own job has run or a prerequisite has ended it.
    """

    def __init__(
        self,
        session: Session,
        *,
        scheduler: BudgetScheduler | None = None,
        worker: Worker = LOCAL_WORKER,
    ) -> None:
        self._session = session
        self._scheduler = scheduler
        self._worker = worker
        self._outcomes: dict[str, Outcome] = {}

    def in_order(self, rows: tuple[RunItem, ...]) -> tuple[RunItem, ...]:
        """The rows in the order in which their jobs should start, which the ledger then has."""
        if self._scheduler is None:
            record_queue(rows, self._session, None)
            return rows
        ordered = self._scheduler.in_order(rows)
        record_queue(ordered, self._session, self._scheduler.forecast)
        return ordered

    def run(self, row: RunItem, step: Prerequisite | None) -> Outcome:
        """Do one prerequisite of a row, or its own job (None). Raises no ordinary error."""
        path = row.file.path
        if path in self._outcomes:
            return self._outcomes[path]
        with self._passed(row) as session:
            if session is None:
                outcome = Outcome.NOT_ATTEMPTED
            elif step is None:
                outcome = self._own_job(row, session)
                self._has_had_its_place(row, outcome)
            else:
                outcome = self._prerequisite(row, step, session)
        if step is None or outcome is not Outcome.PREPARED:
            self._outcomes[path] = outcome
            self._session.slots.film_is_done(path)
            leave_queue(row, outcome, self._session)
        return outcome

    @contextlib.contextmanager
    def _passed(self, row: RunItem) -> Iterator[Session | None]:
        """The session of a job that the gate lets pass; None for one that it leaves."""
        session = self._session
        if session.gate is None:
            yield session
            return
        with contextlib.ExitStack() as stack:
            try:
                passed = stack.enter_context(session.gate.job(row))
            except RunInterruptedError:  # the summary counts these
                session.counters.add(Outcome.NOT_ATTEMPTED)
                yield None
                return
            if isinstance(passed, Hold):
                source = row.file.library_path
                session.sink(JobDropped(source=source, reason=passed.reason, is_by_user=True))
                session.counters.add(Outcome.NOT_ATTEMPTED)
                yield None
            else:
                yield session.for_job(passed)

    def _has_had_its_place(self, row: RunItem, outcome: Outcome) -> None:
        gate = self._session.gate
        if gate is not None and outcome not in (Outcome.NOT_ATTEMPTED, Outcome.OVER_BUDGET):
            with contextlib.suppress(LedgerError):  # it would only come first once more
                gate.forget_place(row)

    def drop_unstarted(self, rows: tuple[RunItem, ...]) -> None:
        """Report the rows that no job was submitted for, since the target they share was not
        made. Those that are left for the next round are only counted."""
        is_ending = self._session.gate is not None and self._session.gate.is_ending
        for row in rows:
            if is_ending and row.file.path not in self._outcomes:
                self._session.counters.add(Outcome.NOT_ATTEMPTED)
            elif row.file.path not in self._outcomes:
                reason = "the encode that it was to share was not made"
                self._session.sink(JobDropped(source=row.file.library_path, reason=reason))
                self._session.counters.add(Outcome.NOT_ATTEMPTED)

    def _prerequisite(self, row: RunItem, step: Prerequisite, session: Session) -> Outcome:
        if self._scheduler is not None and not self._scheduler.may_prepare(row):
            return self._over_budget()
        return run_job(row, session, step, worker=self._worker)

    def _own_job(self, row: RunItem, session: Session) -> Outcome:
        if self._scheduler is None:
            return run_job(row, session, worker=self._worker)
        if not self._scheduler.may_start(row):
            return self._over_budget()
        outcome = run_job(row, session, worker=self._worker)
        try:
            self._scheduler.ended(row, self._session)
        except LedgerError as problem:  # the target itself is recorded
            message = f"its forecast could not be recorded: {problem.message}"
            self._session.sink(Note(source=row.file.library_path, message=message))
        return outcome

    def _over_budget(self) -> Outcome:
        self._session.counters.add(Outcome.OVER_BUDGET)
        return Outcome.OVER_BUDGET


def run_job(
    row: RunItem,
    session: Session,
    step: Prerequisite | None = None,
    *,
    worker: Worker = LOCAL_WORKER,
) -> Outcome:
    """Do a row's own job, or one of its prerequisites. Every failure becomes an event and an
    outcome, never an exception."""
    name = row.file.library_path
    if session.workspace.children.is_stopping:  # the summary counts these; no line for each
        session.counters.add(Outcome.NOT_ATTEMPTED)
        return Outcome.NOT_ATTEMPTED
    try:
        outcome = _do(row, session, step, worker)
    except RunInterruptedError:
        reason = session.workspace.children.reason or "the run was stopped"
        is_by_user = session.gate is not None and session.gate.is_held_by_user(name)
        session.sink(JobDropped(source=name, reason=reason, is_by_user=is_by_user))
        outcome = Outcome.NOT_ATTEMPTED
    except (PlanOutdatedError, NoSpaceError) as problem:
        session.sink(JobDropped(source=name, reason=str(problem)))
        outcome = Outcome.NOT_ATTEMPTED
    except Exception as problem:  # noqa: BLE001 - the guard: one target never stops the run
        if isinstance(problem, EncodeError) and isinstance(row, ActiveItem):
            record_failure(row, session, problem)
        elif not isinstance(problem, Av1rulesError | OSError):
            _log.exception("a bug in av1rules while building %s", row.target)
        finding = _failure(row, problem)
        session.recorder.tell(finding, fingerprint=_fingerprint(row))
        session.sink(JobFailed(source=name, message=finding.detail, hint=finding.hint))
        outcome = Outcome.FAILED
    if outcome is not Outcome.PREPARED:
        session.counters.add(outcome)
    return outcome


def _do(row: RunItem, session: Session, step: Prerequisite | None, worker: Worker) -> Outcome:
    if isinstance(row, MeasureGrain):
        return measure_noise(row, session)
    if step is not None and isinstance(row, Encode | MakeClip):
        return meet_prerequisite(row, step, session, worker)
    if isinstance(row, MakeClip):
        return build_clip(row, session, worker)
    return build_target(row, session, worker)


def _failure(row: RunItem, problem: Exception) -> FilmFinding:
    """What is told of a failed job."""
    name = row.file.library_path
    if isinstance(problem, Av1rulesError):
        kinds = {EncodeError: FindingKind.FAILED, DiskFullError: FindingKind.SYSTEM}
        kind = kinds.get(type(problem), FindingKind.ERROR)
        detail = f"{problem.where}: {problem.message}" if problem.where else problem.message
        return FilmFinding(film=name, kind=kind, detail=detail, hint=problem.hint)
    if isinstance(problem, OSError):
        detail = f"{problem.strerror or problem}: {_place(problem) or row.target}"
        code = problem.errno or 0
        kind = FindingKind.NO_ACCESS if code in _NO_ACCESS else FindingKind.SYSTEM
        return FilmFinding(film=name, kind=kind, detail=detail, hint=_OS_HINTS.get(code))
    detail = f"a bug in av1rules itself: {type(problem).__name__}: {problem}"
    return FilmFinding(film=name, kind=FindingKind.BUG, detail=detail, hint="please report it")


def _place(problem: OSError) -> str | None:
    """Where it happened. A random name of ours says nothing to a user, its folder does."""
    if not isinstance(problem.filename, str):
        return None
    parts = Path(problem.filename).parts
    ours = next((at for at, name in enumerate(parts) if is_temp_name(name)), len(parts))
    return os.path.join(*parts[:ours]) if parts else problem.filename


def _fingerprint(row: RunItem) -> str:
    return row.work.fingerprint if isinstance(row, ActiveItem) else row.fingerprint or ""
