"""Planned rows, done by doit: their steps and their encodes as its tasks, some at a time."""

from __future__ import annotations

import logging
from typing import Any

from doit.cmd_base import TaskLoader2
from doit.doit_cmd import DoitMain
from doit.exceptions import UnmetDependency
from doit.task import dict_to_task

from av1rules.base.errors import Av1rulesError
from av1rules.base.events import JobDropped
from av1rules.execute.budget import Steward
from av1rules.execute.job_guard import run_and_record, run_job
from av1rules.execute.session import Outcome, Session
from av1rules.graph.store import STORE_NAME, LedgerChecker
from av1rules.graph.tasks import Builder, clean_target, row_task, step_tasks, until_settled
from av1rules.plan.items import PlanRow, Prerequisite

_log = logging.getLogger(__name__)


class _RowLoader(TaskLoader2):  # type: ignore[misc]
    """Gives doit the stale rows of a plan; fresh ones need no task here."""

    def __init__(
        self,
        rows: tuple[PlanRow, ...],
        session: Session,
        scheduler: Steward | None,
        *,
        jobs: int,
        steps_only: bool,
    ) -> None:
        self.cmd_names: list[str] = []
        self.config = None
        self.task_opts = None
        self._rows = rows
        self._session = session
        self._steward = scheduler
        self._jobs = jobs
        self._steps_only = steps_only
        self.built: set[str] = set()

    def load_doit_config(self) -> dict[str, Any]:
        return {
            "backend": "av1rules",
            "dep_file": str(self._session.workspace.state_dir / STORE_NAME),
            "check_file_uptodate": LedgerChecker,
            "num_process": self._jobs,
            "par_type": "thread",
            "continue": True,
            "verbosity": 0,
            "reporter": _SilentReporter,
        }

    def load_tasks(self, cmd: Any, pos_args: Any) -> list[Any]:
        def build(row: PlanRow, step: Prerequisite | None) -> Outcome:
            scheduler = self._steward
            if step is not None and (scheduler is None or scheduler.may_prepare(row)):
                outcome = run_job(row, self._session, step)
                if outcome is not Outcome.PREPARED:  # told: what depends on it never starts
                    self.built.add(row.file.path)
                return outcome
            self.built.add(row.file.path)
            if scheduler is None:
                return run_job(row, self._session)
            if step is not None or not scheduler.may_start(row):
                self._session.tally.add(Outcome.OVER_BUDGET)
                return Outcome.OVER_BUDGET
            return run_and_record(row, self._session, scheduler)

        builder = until_settled(build)
        tasks = [
            task
            for row in self._rows
            for task in (*step_tasks(row, builder), *self._own_task(row, builder))
        ]
        for task in tasks:
            task["name"] = f"{task.pop('basename')}:{task['name']}"
        names = {task["name"] for task in tasks}
        for task in tasks:  # what is shared may have been moved into its place before
            task["task_dep"] = [name for name in task["task_dep"] if name in names]
        return [dict_to_task(task) for task in tasks]

    def _own_task(self, row: PlanRow, build: Builder) -> tuple[dict[str, Any], ...]:
        if self._steps_only:
            return ()
        return (row_task(row, build, clean=clean_target),)


_TOLD = ("failed:", "dropped:", "beyond")
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
        if isinstance(fail, UnmetDependency):  # what it depends on was told
            return
        if not fail.get_msg().startswith(_TOLD):
            _log.error("doit: %s: %s", task.name, fail.get_msg())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _nothing


def _nothing(*_arguments: Any) -> None:
    return None


def run_by_doit(
    rows: tuple[PlanRow, ...],
    session: Session,
    scheduler: Steward | None,
    *,
    jobs: int,
    steps_only: bool = False,
) -> None:
    """`steps_only`: what comes before the encodes, not the encodes themselves."""
    extra = {"BACKEND": {"av1rules": "av1rules.graph.store:LedgerStore"}}
    # No configuration files: a pyproject.toml that happens to lie here is about something else.
    rows = rows if scheduler is None else scheduler.in_order(rows)
    loader = _RowLoader(rows, session, scheduler, jobs=jobs, steps_only=steps_only)
    code = DoitMain(loader, config_filenames=(), extra_config=extra).run(["run"])
    if code not in (0, 1, 2):  # 1: a task failed, and was counted; 2: what depends on one
        raise Av1rulesError(f"doit could not run the encodes (its exit code is {code})")
    for row in () if steps_only else rows:
        # doit leaves out what depends on what failed.
        if row.file.path not in loader.built:
            reason = "the encode that it was to share did not come out"
            session.sink(JobDropped(source=row.file.library_path, reason=reason))
            session.tally.add(Outcome.NOT_ATTEMPTED)
