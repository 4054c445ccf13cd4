"""doit as the backend of a run: each prerequisite and each job of a planned row is a task."""

from __future__ import annotations

import contextlib
import logging
from typing import Any

from doit.cmd_base import TaskLoader2
from doit.doit_cmd import DoitMain
from doit.exceptions import UnmetDependency
from doit.task import dict_to_task

from av1rules.base.errors import Av1rulesError
from av1rules.execute.budget import BudgetScheduler
from av1rules.execute.job_guard import JobRunner
from av1rules.execute.session import Session
from av1rules.execute.worker import LOCAL_WORKER, Worker
from av1rules.graph.order import gated_doit
from av1rules.graph.store import STORE_NAME, LedgerChecker
from av1rules.graph.tasks import JobNotDone, clean_task, row_task, step_tasks
from av1rules.plan.items import RunItem

_log = logging.getLogger(__name__)


class DoitBackend:
    """Does the jobs of a run in doit's threads."""

    def __init__(
        self, scheduler: BudgetScheduler | None = None, *, worker: Worker = LOCAL_WORKER
    ) -> None:
        self._scheduler = scheduler
        self._worker = worker

    def run(
        self,
        rows: tuple[RunItem, ...],
        session: Session,
        *,
        jobs: int,
        prerequisites_only: bool = False,
    ) -> None:
        """See `Backend`."""
        runner = JobRunner(session, scheduler=self._scheduler, worker=self._worker)
        rows = runner.in_order(rows)
        session.slots.begin(jobs, (row.file.path for row in rows))
        tasks = [
            (row, task)
            for row in rows
            for task in (
                *step_tasks(row, runner.run),
                *(() if prerequisites_only else (row_task(row, runner.run, clean=clean_task),)),
            )
        ]
        store = str(session.workspace.state_dir / STORE_NAME)
        loader = _PlanLoader([task for _, task in tasks], store, jobs=jobs)
        extra = {"BACKEND": {"av1rules": "av1rules.graph.store:LedgerStore"}}
        gate, main = session.gate, DoitMain
        with contextlib.ExitStack() as stack:
            if gate is not None:
                stack.enter_context(gate.running())
                main = gated_doit(gate, {task_name_of(task): row for row, task in tasks})
            # No configuration files: a pyproject.toml in the current folder belongs to something
            # else.
            code = main(loader, config_filenames=(), extra_config=extra).run(["run"])
        if code not in (0, 1, 2):  # 1: a task failed, which is counted; 2: so did its dependents
            raise Av1rulesError(f"doit could not run the encodes (its exit code is {code})")
        if not prerequisites_only:  # doit skips the dependents of a failed task
            runner.drop_unstarted(rows)


def task_name_of(task: dict[str, Any]) -> str:
    """The name that doit knows a task by."""
    return f"{task['basename']}:{task['name']}"


class _PlanLoader(TaskLoader2):  # type: ignore[misc]
    """Gives doit the tasks of planned rows. Fresh rows need none in a run."""

    def __init__(self, tasks: list[dict[str, Any]], store: str, *, jobs: int) -> None:
        self.cmd_names: list[str] = []
        self.config = None
        self.task_opts = None
        self._tasks = tasks
        self._store = store
        self._jobs = jobs

    def load_doit_config(self) -> dict[str, Any]:
        return {
            "backend": "av1rules",
            "dep_file": self._store,
            "check_file_uptodate": LedgerChecker,
            "num_process": self._jobs,
            "par_type": "thread",
            "continue": True,
            "verbosity": 0,
            "reporter": _SilentReporter,
        }

    def load_tasks(self, cmd: Any, pos_args: Any) -> list[Any]:
        for task in self._tasks:
            task["name"] = task_name_of(task)
            del task["basename"]
        names = {task["name"] for task in self._tasks}
        for task in self._tasks:  # a shared target may need no task: it was moved before
            task["task_dep"] = [name for name in task["task_dep"] if name in names]
        return [dict_to_task(task) for task in self._tasks]


class _SilentReporter:
    """A reporter that prints nothing: events report everything."""

    desc = "silent"

    def __init__(self, outstream: Any, options: Any) -> None:
        self.runtime_errors: list[str] = []

    def runtime_error(self, msg: str) -> None:
        self.runtime_errors.append(msg)
        _log.error("doit: %s", msg)

    def cleanup_error(self, exception: Any) -> None:
        _log.error("doit: %s", exception.get_msg())

    def add_failure(self, task: Any, fail: Any) -> None:
        # Events report the failures of our own jobs and the rows that were dropped for them.
        if not isinstance(fail, UnmetDependency | JobNotDone):
            _log.error("doit: %s: %s", task.name, fail.get_msg())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _nothing


def _nothing(*_arguments: Any) -> None:
    return None
