"""Doing what the plan says: stale rows as doit tasks; one that fails never stops the run."""

from __future__ import annotations

import errno
import logging
import time
from typing import Any, Protocol

from doit.cmd_base import TaskLoader2
from doit.doit_cmd import DoitMain
from doit.task import dict_to_task

from av1rules.base.errors import (
    Av1rulesError,
    EncodeError,
    LedgerError,
    PlanOutdatedError,
    RunInterruptedError,
    UsageError,
)
from av1rules.base.events import JobDropped, JobFailed, Note, RunFinished, RunStarted
from av1rules.graph.build import build_target
from av1rules.graph.clip_build import build_clip
from av1rules.graph.clip_sweep import drop_old_clips
from av1rules.graph.doit_store import STORE_NAME, LedgerChecker
from av1rules.graph.moves import carry_out_moves
from av1rules.graph.originals import purge_expired
from av1rules.graph.orphans import trash_orphans
from av1rules.graph.plan import build_plan
from av1rules.graph.planned import Plan, PlanAction, PlanRow, Step, total_bytes
from av1rules.graph.room import NoRoomError
from av1rules.graph.scope import Wish
from av1rules.graph.session import Outcome, Session
from av1rules.graph.steps import measure_noise, take_step
from av1rules.graph.tasks import Builder, clean_target, row_task, step_tasks
from av1rules.graph.verdict_on import record_failure

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


_NOT_BUILT = (PlanAction.MOVE, PlanAction.CLIP, PlanAction.MEASURE)


class Steward(Protocol):
    """Asked about each row of a run, from any thread: `budget.Allowance`."""

    def in_order(self, rows: tuple[PlanRow, ...]) -> tuple[PlanRow, ...]: ...

    def may_start(self, row: PlanRow) -> bool: ...

    def may_prepare(self, row: PlanRow) -> bool: ...

    def ended(self, row: PlanRow, session: Session) -> None: ...


def run_plan(
    plan: Plan, session: Session, *, jobs: int, steward: Steward | None = None
) -> RunFinished:
    """Build every stale target of `plan`, `jobs` at a time; returns the counts. `steward`
    keeps to a budget, and notes what became of forecasts."""
    require_no_brakes(plan)
    started = time.monotonic()
    prepare_run(plan, session)
    clips = plan.of(PlanAction.CLIP)
    work = tuple(row for row in plan.work if row.action not in _NOT_BUILT)
    session.sink(
        RunStarted(
            jobs=jobs,
            stale=len(work),
            fresh=len(plan.of(PlanAction.FRESH)),
            held=len(plan.of(PlanAction.HELD)),
            blocked=len(plan.of(PlanAction.BLOCKED)),
            size_bytes=total_bytes(work),
            clips=len(clips),
        )
    )
    if work or clips:  # clips first: a person waits for them
        _run_doit((*clips, *work), session, steward, jobs=jobs)
    if beyond := session.tally.counts[Outcome.BEYOND]:
        session.sink(Note(message=f"left for another run, beyond the budget: {beyond}"))
    finished = _finished(session, elapsed_s=time.monotonic() - started)
    session.sink(finished)
    return finished


def measure_first(plan: Plan, session: Session, wish: Wish, *, jobs: int) -> Plan:
    """The plan, once the noise of all films is measured that a rule can't be chosen without."""
    rows = plan.of(PlanAction.MEASURE)
    if not rows:
        return plan
    require_no_brakes(plan)
    _run_doit(rows, session, None, jobs=jobs)
    return build_plan(session.space, wish, sink=session.sink)


def require_no_brakes(plan: Plan) -> None:
    """Raise UsageError, with the figures, where acting on the plan might act on a missing disk."""
    if plan.brakes:
        first = plan.brakes[0]
        others = "".join(f"\n{brake.text}" for brake in plan.brakes[1:])
        raise UsageError(f"{first.message}{others}", where=first.where, hint=first.hint)


def prepare_run(plan: Plan, session: Session) -> None:
    """What comes before the encodes: what each root holds is remembered, originals whose time is
    over go, targets follow their renamed sources, and orphans go aside."""
    space, ledger = session.space, session.space.ledger
    for census in plan.census:
        ledger.census.put(census.root, census.packed)
    touched = {row.target: row.touched_ns for row in plan.of(PlanAction.FRESH)}
    ledger.set_mtimes({t: mtime for t, mtime in touched.items() if t and mtime is not None})
    for line in purge_expired(ledger, space.ruleset, check=space.children.check):
        session.sink(Note(message=line))
    drop_old_clips(plan, ledger)
    carry_out_moves(plan.work, session)
    trash_orphans(plan.orphans, session)


def _finished(session: Session, *, elapsed_s: float) -> RunFinished:
    tally = session.tally
    return RunFinished(
        done=tally.counts[Outcome.DONE],
        discarded=tally.counts[Outcome.DISCARDED],
        failed=tally.counts[Outcome.FAILED],
        dropped=tally.counts[Outcome.DROPPED],
        moved=tally.counts[Outcome.MOVED],
        copied=tally.counts[Outcome.COPIED],
        aside=tally.counts[Outcome.ASIDE],
        clips=tally.counts[Outcome.CLIPPED],
        withheld=tally.counts[Outcome.WITHHELD],
        run=session.number.given,
        source_bytes=tally.source_bytes,
        target_bytes=tally.target_bytes,
        elapsed_s=elapsed_s,
    )


def build_guarded(row: PlanRow, session: Session, step: Step | None = None) -> Outcome:
    """Build one target, or do one step before it; whatever goes wrong becomes an event and an
    outcome, never an exception."""
    name = row.file.library_path
    if session.space.children.is_stopping:  # never started: the summary counts it, no line each
        session.tally.add(Outcome.DROPPED)
        return Outcome.DROPPED
    try:
        if row.action is PlanAction.MEASURE:
            outcome = measure_noise(row, session)
        elif step is not None:
            outcome = take_step(row, step, session)
        elif row.action is PlanAction.CLIP:
            outcome = build_clip(row, session)
        else:
            outcome = build_target(row, session)
    except RunInterruptedError:
        session.sink(JobDropped(source=name, reason="the run was stopped"))
        outcome = Outcome.DROPPED
    except (PlanOutdatedError, NoRoomError) as problem:
        session.sink(JobDropped(source=name, reason=str(problem)))
        outcome = Outcome.DROPPED
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


def _told(problem: Av1rulesError) -> str:
    return f"{problem.where}: {problem.message}" if problem.where else problem.message


class _RowLoader(TaskLoader2):  # type: ignore[misc]
    """Gives doit the stale rows of a plan; fresh ones need no task here."""

    def __init__(
        self, rows: tuple[PlanRow, ...], session: Session, steward: Steward | None, *, jobs: int
    ) -> None:
        self.cmd_names: list[str] = []
        self.config = None
        self.task_opts = None
        self._rows = rows
        self._session = session
        self._steward = steward
        self._jobs = jobs
        self.built: set[str] = set()

    def load_doit_config(self) -> dict[str, Any]:
        return {
            "backend": "av1rules",
            "dep_file": str(self._session.space.state_dir / STORE_NAME),
            "check_file_uptodate": LedgerChecker,
            "num_process": self._jobs,
            "par_type": "thread",
            "continue": True,
            "verbosity": 0,
            "reporter": _SilentReporter,
        }

    def load_tasks(self, cmd: Any, pos_args: Any) -> list[Any]:
        def build(row: PlanRow, step: Step | None) -> Outcome:
            steward = self._steward
            if step is not None and (steward is None or steward.may_prepare(row)):
                outcome = build_guarded(row, self._session, step)
                if outcome is not Outcome.PREPARED:  # told: what depends on it never starts
                    self.built.add(row.file.path)
                return outcome
            self.built.add(row.file.path)
            if steward is None:
                return build_guarded(row, self._session)
            if step is not None or not steward.may_start(row):
                self._session.tally.add(Outcome.BEYOND)
                return Outcome.BEYOND
            outcome = build_guarded(row, self._session)
            try:
                steward.ended(row, self._session)
            except LedgerError as problem:  # the target is there all the same
                message = f"what became of its forecast is not kept: {problem.message}"
                self._session.sink(Note(source=row.file.library_path, message=message))
            return outcome

        tasks = [
            task for row in self._rows for task in (*step_tasks(row, build), *_own_task(row, build))
        ]
        for task in tasks:
            task["name"] = f"{task.pop('basename')}:{task['name']}"
        names = {task["name"] for task in tasks}
        for task in tasks:  # what is shared may have been moved into its place before
            task["task_dep"] = [name for name in task["task_dep"] if name in names]
        return [dict_to_task(task) for task in tasks]


_TOLD = ("failed:", "dropped:", "beyond", "discarded:", "withheld:")
"""How failures begin that our own events have told."""


class _SilentReporter:
    """doit's reporter seam, left quiet: our events say it, from where it happens."""

    desc = "silent"

    def __init__(self, outstream: Any, options: Any) -> None:
        self.runtime_errors: list[str] = []

    def runtime_error(self, msg: str) -> None:
        self.runtime_errors.append(msg)
        _log.error("doit: %s", msg)

    def cleanup_error(self, exception: Any) -> None:
        _log.error("doit: %s", exception.get_msg())

    def add_failure(self, task: Any, fail: Any) -> None:
        if not fail.get_msg().startswith(
            ("failed:", "dropped:", "beyond", "discarded:", "withheld:")
        ):
            _log.error("doit: %s: %s", task.name, fail.get_msg())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _nothing


def _nothing(*_arguments: Any) -> None:
    return None


def _own_task(row: PlanRow, build: Builder) -> tuple[dict[str, Any], ...]:
    if row.action is PlanAction.MEASURE:  # it has nothing of its own yet
        return ()
    return (row_task(row, build, clean=clean_target),)


def _run_doit(
    rows: tuple[PlanRow, ...], session: Session, steward: Steward | None, *, jobs: int
) -> None:
    extra = {"BACKEND": {"av1rules": "av1rules.graph.doit_store:LedgerStore"}}
    # No configuration files: a pyproject.toml that happens to lie here is about something else.
    rows = rows if steward is None else steward.in_order(rows)
    loader = _RowLoader(rows, session, steward, jobs=jobs)
    code = DoitMain(loader, config_filenames=(), extra_config=extra).run(["run"])
    if code not in (0, 1, 2):  # 1: a task failed, and was counted; 2: what depends on one
        raise Av1rulesError(f"doit could not run the encodes (its exit code is {code})")
    for row in rows:
        # doit leaves out what depends on what failed.
        if row.file.path not in loader.built and row.action is not PlanAction.MEASURE:
            reason = "the encode that it was to share did not come out"
            session.sink(JobDropped(source=row.file.library_path, reason=reason))
            session.tally.add(Outcome.DROPPED)
