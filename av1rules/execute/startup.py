"""Starts a session: takes the run lock, opens the ledger to write, repairs what a crash left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from av1rules.base.events import Note, Sink
from av1rules.base.files import Failpoint, no_failpoint
from av1rules.base.units import now_text
from av1rules.execute.recover import recover
from av1rules.execute.resources.memory import MemoryBudget
from av1rules.execute.resources.run_lock import run_lock
from av1rules.execute.session import RunNumber, Session, mounted_disks
from av1rules.ledger.ledger import Ledger
from av1rules.plan.workspace import Workspace


@contextmanager
def start_session(
    workspace: Workspace, sink: Sink, *, failpoint: Failpoint = no_failpoint
) -> Iterator[Session]:
    """Take the run lock, open the ledger to write and repair what a crash left.

    Raises UsageError if another run is active, and LedgerError.
    """
    with run_lock(workspace.state_dir):
        ledger = Ledger.open(workspace.state_dir)
        try:
            for line in recover(ledger, workspace.ruleset):
                sink(Note(message=line))
            session = Session(
                workspace=replace(workspace, ledger=ledger),
                sink=sink,
                memory=MemoryBudget(workspace.ruleset.run.memory),
                failpoint=failpoint,
                number=RunNumber(ledger.runs),
                disks=mounted_disks(workspace.ruleset),
            )
            yield session
            _close_run(session)
        finally:
            ledger.close()


def _close_run(session: Session) -> None:
    number = session.number.given
    if number is not None:
        counts = session.counters.counts
        summary = ", ".join(outcome.counted(count) for outcome, count in counts.items() if count)
        session.workspace.ledger.runs.end(number, now_text(), summary or "nothing done")
