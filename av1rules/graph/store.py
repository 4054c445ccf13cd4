"""doit's store and checker, backed by the ledger: doit orders and runs, the ledger decides.

doit's own stores write only when a run ends, so a killed run loses its successes. Our tasks don't
use them. Other tasks of the same dodo.py keep doit's SQLite store and MD5 checker.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from doit.dependency import MD5Checker, SqliteDB

from av1rules.ledger.database import LEDGER_NAME
from av1rules.ledger.ledger import Ledger
from av1rules.plan.task_names import CLIP_GROUP, GROUPS, SAMPLE_GROUP, SEARCH_GROUP, source_of_task

STORE_NAME = "doit.sqlite3"
"""Is beside the ledger; has only the records of other tasks of a dodo.py."""

_IN_LEDGER = "in the ledger"
_IGNORE_KEY = "ignore:"


class LedgerChecker(MD5Checker):  # type: ignore[misc]
    """Ignores the sources of our tasks: their `uptodate` compares content keys."""

    def check_modified(self, file_path: str, file_stat: os.stat_result, state: Any) -> bool:
        if state == _IN_LEDGER:
            return False
        return bool(super().check_modified(file_path, file_stat, state))

    def get_state(self, dep: str, current_state: Any) -> Any:
        return None if current_state == _IN_LEDGER else super().get_state(dep, current_state)


class LedgerStore:
    """A doit database backend. `name` is the file of the store for other tasks."""

    def __init__(self, name: str, codec: Any, *, module_name: str | None = None) -> None:
        self.name = name
        self._codec = codec
        self._other: Any = None
        self._module_name = module_name
        self._selected: set[str] = set()

    def get(self, task_id: str, dependency: str) -> Any:
        if not _is_ours(task_id):
            return self._store().get(task_id, dependency)
        if dependency == _IGNORE_KEY:
            self._selected.add(task_id)
        # Keys that end in a colon are doit's own records; the rest are paths of dependencies.
        return None if dependency.endswith(":") else _IN_LEDGER

    def set(self, task_id: str, dependency: str, value: Any) -> None:
        if not _is_ours(task_id):
            self._store().set(task_id, dependency, value)

    def in_(self, task_id: str) -> bool:
        return _is_ours(task_id) or bool(self._store().in_(task_id))

    def remove(self, task_id: str) -> None:
        """`doit forget TASK`: the ledger marks the target as stale.

        doit's runner also calls this for a failed task, after it has queried the task's ignore
        mark. The ledger has its own record of the failure, so nothing is forgotten then.
        """
        if not _is_ours(task_id):
            self._store().remove(task_id)
            return
        if task_id in self._selected:
            return
        if (source := source_of_task(task_id)) is not None:
            self._forget_from(lambda ledger: ledger.forget(source))
        elif (source := source_of_task(task_id, CLIP_GROUP)) is not None:
            self._forget_from(lambda ledger: ledger.clips.drop_source(source))
        elif (source := source_of_task(task_id, SEARCH_GROUP)) is not None:
            self._forget_from(lambda ledger: ledger.searches.forget(source))
        elif (source := source_of_task(task_id, SAMPLE_GROUP)) is not None:
            self._forget_from(lambda ledger: ledger.samples.forget(source))

    def remove_all(self) -> None:
        """`doit forget --all`."""
        self._store().remove_all()
        self._forget_from(lambda ledger: ledger.forget(None))

    def dump(self) -> None:
        if self._other is not None:
            self._other.dump()

    def _store(self) -> Any:
        if self._other is None:
            Path(self.name).parent.mkdir(parents=True, exist_ok=True)
            self._other = SqliteDB(self.name, self._codec, module_name=self._module_name)
        return self._other

    def _forget_from(self, forget: Callable[[Ledger], object]) -> None:
        state_dir = Path(self.name).parent
        if (state_dir / LEDGER_NAME).exists():
            with contextlib.closing(Ledger.open(state_dir)) as ledger:
                forget(ledger)


def _is_ours(task_id: str) -> bool:
    return task_id.partition(":")[0] in GROUPS
