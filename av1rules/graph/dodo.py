"""The library as a plain doit graph, for a `dodo.py` of two lines:

from av1rules.graph.dodo import doit_graph
DOIT_CONFIG, task_encode = doit_graph("rules.yaml")
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from av1rules.base.errors import Av1rulesError
from av1rules.base.events import Event, JobProgress, Note, Outcome
from av1rules.base.signals import watch_signals
from av1rules.base.standard_streams import open_missing
from av1rules.execute.budget import scheduler_for
from av1rules.execute.job_guard import JobRunner
from av1rules.execute.run import prepare_run, require_no_safety_stop
from av1rules.execute.startup import start_session
from av1rules.forecast.decided import decided_plan
from av1rules.forecast.order import in_order, ordering_of
from av1rules.graph.store import STORE_NAME, LedgerChecker
from av1rules.graph.tasks import clean_task, encode_tasks
from av1rules.plan.items import Plan, Prerequisite, RunItem
from av1rules.plan.rows import PlanRows
from av1rules.plan.workspace import Workspace, open_workspace
from av1rules.policy.load import load_rules
from av1rules.ui.event_text import event_text
from av1rules.ui.sinks import counter_sink

TaskCreator = Callable[[], Iterator[dict[str, Any]]]


def doit_graph(rules_file: str) -> tuple[dict[str, Any], TaskCreator]:
    """doit's configuration and the task creator for one rules file, relative to the dodo.py.

    The graph is empty if the file does not exist. Problems in the rules file are shown and end
    doit.
    """
    open_missing()  # also: doit prints names that no terminal can show unescaped
    path = Path(rules_file)
    config: dict[str, Any] = {"check_file_uptodate": LedgerChecker, "par_type": "thread"}
    if not path.exists():
        return config, _no_tasks
    try:
        state_dir = load_rules(path).run.state_dir
    except Av1rulesError as problem:
        raise SystemExit(str(problem)) from problem
    config |= {"backend": "av1rules", "dep_file": str(state_dir / STORE_NAME)}
    library = _Library(path)
    return config, library.tasks


def _no_tasks() -> Iterator[dict[str, Any]]:
    yield from ()


class _Library:
    """Plans once when doit loads the tasks. Takes the run lock when doit executes the first one."""

    def __init__(self, rules_file: Path) -> None:
        self._rules_file = rules_file
        self._stack = contextlib.ExitStack()
        self._workspace: Workspace | None = None
        self._runner: JobRunner | None = None
        self._lock = threading.Lock()
        self._builds = 0
        self._plan = Plan(rows=PlanRows.of(()))

    def tasks(self) -> Iterator[dict[str, Any]]:
        try:
            self._workspace = self._stack.enter_context(
                open_workspace(self._rules_file, write=False)
            )
            atexit.register(self._stack.close)
            self._watch_signals(self._workspace)
            with counter_sink(sys.stderr) as sink:
                plan = decided_plan(self._workspace, sink=sink)
                ordering = ordering_of(self._workspace.ruleset, None)
                self._plan = in_order(plan, ordering)
        except Av1rulesError as problem:
            raise SystemExit(str(problem)) from problem
        except KeyboardInterrupt as interrupt:
            raise SystemExit("interrupted") from interrupt
        with _kept_to_the_end():
            yield from encode_tasks(self._plan, self._build, clean=clean_task)

    def _watch_signals(self, workspace: Workspace) -> None:
        """Handle signals only during encodes: other tasks of a dodo.py keep the usual Ctrl-C."""
        if threading.current_thread() is threading.main_thread():
            watch_signals(workspace.children, is_busy=lambda: self._builds > 0)

    def _build(self, row: RunItem, step: Prerequisite | None) -> Outcome:
        with self._lock:
            self._builds += 1
        try:
            return self._open().run(row, step)
        except Av1rulesError as problem:  # another run is active, or the ledger can't be written
            _show(Note(source=row.file.library_path, message=str(problem)))
            return Outcome.FAILED
        finally:
            with self._lock:
                self._builds -= 1

    def _open(self) -> JobRunner:
        assert self._workspace is not None
        with self._lock:
            if self._runner is None:
                require_no_safety_stop(self._plan)
                command = ("doit", *sys.argv[1:])
                session = self._stack.enter_context(
                    start_session(self._workspace, _show, command=command)
                )
                if session.gate is not None:
                    self._stack.enter_context(session.gate.running())
                prepare_run(self._plan, session)
                jobs = self._workspace.ruleset.run.jobs  # doit does not pass on its -n
                scheduler = scheduler_for(self._plan, session, jobs=jobs)
                self._runner = JobRunner(session, scheduler=scheduler)
            return self._runner


@contextlib.contextmanager
def _kept_to_the_end() -> Iterator[None]:
    """For tasks: they stay until doit ends, so Python need not look for garbage among them again
    and again. That took a third of doit's time for 20,000 films."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


def _show(event: Event) -> None:
    if not isinstance(event, JobProgress):
        with contextlib.suppress(OSError):  # a closed stderr must not end the encodes
            sys.stderr.write(f"{event_text(event)}\n")
