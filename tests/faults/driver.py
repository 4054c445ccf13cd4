"""Runs av1rules and kills itself, as by `kill -9`, right before its N-th point.

`python -m tests.faults.driver RULES N run | undo WORD...`; N is 0 for never, or `-NAME` to die at
the first step with that name. A point is a failpoint of a session, a transaction of the ledger, or
a call that changes a folder or makes a file. A copy has another point half way.
`python -m tests.faults.driver serve` runs one request after the other, each in its own process.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from av1rules.base.events import Event
from av1rules.execute.startup import start_session
from av1rules.ledger.database import LedgerDb
from av1rules.operations.undo import find_entries, undo
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import open_workspace
from av1rules.report.trash import undone_line
from av1rules.ui.event_text import event_text
from tests.runs import run_plan

_CALLS = frozenset({"os.rename", "os.link", "os.symlink", "os.mkdir", "os.rmdir", "os.remove"})


class Points:
    """Counts the points of a run and kills it at the requested one."""

    def __init__(self, at: str, log: str | None) -> None:
        self._at = at
        self._log = open(log, "w") if log else None  # noqa: SIM115 - open until the process ends
        self._lock = threading.Lock()
        self._count = 0

    def reach(self, name: str) -> None:
        with self._lock:
            self._count += 1
            if self._log is not None:
                self._log.write(f"{name}\n")
                self._log.flush()
            if self._at in (str(self._count), name.replace("step: ", "-")):
                os.kill(os.getpid(), signal.SIGKILL)
                time.sleep(60)

    def step(self, name: str) -> None:
        self.reach(f"step: {name}")

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _CALLS or (event == "open" and _makes_file(*arguments)):
            name = os.path.basename(os.fsdecode(arguments[0]))
            if arguments[0] != os.devnull:
                self.reach(f"{event}: {name}")


def _makes_file(path: object, _mode: object, flags: object) -> bool:
    return isinstance(path, str | bytes) and isinstance(flags, int) and bool(flags & os.O_CREAT)


def _cut_transactions(points: Points) -> None:
    begin = LedgerDb.transaction

    @contextlib.contextmanager
    def transaction(self: LedgerDb) -> Iterator[Any]:
        points.reach("ledger")
        with begin(self) as write:
            yield write
            points.reach("ledger, not committed")

    LedgerDb.transaction = transaction  # type: ignore[method-assign]


def _cut_copies(points: Points) -> None:
    """Add a point in mid-copy: a copy is one call here, but takes minutes in reality."""
    whole = shutil.copyfile

    def copyfile(origin: Any, goal: Any, *, follow_symlinks: bool = True) -> Any:
        content = Path(origin).read_bytes()
        Path(goal).write_bytes(content[: len(content) // 2])
        points.reach("half copied")
        return whole(origin, goal, follow_symlinks=follow_symlinks)

    shutil.copyfile = copyfile  # type: ignore[assignment]


def run_once(rules: str, at: str, log: str | None, command: str, *words: str) -> None:
    points = Points(at, log)
    _cut_transactions(points)
    _cut_copies(points)
    with open_workspace(Path(rules), write=False) as workspace:
        sys.addaudithook(points.audit)
        with start_session(workspace, _print_event, failpoint=points.step) as session:
            if command == "undo":
                for result in undo(session, find_entries(session.workspace.ledger, words)):
                    print(undone_line(result))
            else:
                run_plan(build_plan(session.workspace), session, jobs=1)


def serve() -> None:
    """Fork a process for each input line (JSON: arguments, output file). Prints its id, then its
    exit code. Starting Python each time would take twice as long as everything else."""
    for line in sys.stdin:
        arguments, output = json.loads(line)
        child = os.fork()
        if child == 0:
            _run_in_child(arguments, output)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run_in_child(arguments: list[str], output: str) -> NoReturn:
    code = 1
    try:
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
        os.dup2(1, 2)
        run_once(*arguments)
        code = 0
    except BaseException:  # noqa: BLE001 - the process ends here
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def _print_event(event: Event) -> None:
    print(event_text(event))


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["serve"] else run_once(
        sys.argv[1], sys.argv[2], None, *sys.argv[3:]
    )
