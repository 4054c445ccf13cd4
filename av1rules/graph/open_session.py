"""A run takes hold of the ledger: lock, ledger opened to write, what a crash left is repaired."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from av1rules.base.events import Note, Sink
from av1rules.graph.admission import Memory
from av1rules.graph.ledger import Ledger
from av1rules.graph.lock import run_lock
from av1rules.graph.recover import recover
from av1rules.graph.session import (
    Outcome,
    RunNumber,
    Session,
    Step,
    ignore_step,
    look_at_disks,
    now_text,
)
from av1rules.graph.workspace import Workspace


@contextmanager
def open_session(space: Workspace, sink: Sink, *, step: Step = ignore_step) -> Iterator[Session]:
    """Take the run lock, open the ledger to write, repair what a crash left. Raises UsageError
    if another run is at work, LedgerError."""
    with run_lock(space.state_dir):
        ledger = Ledger.open(space.state_dir)
        try:
            for line in recover(ledger, space.ruleset):
                sink(Note(message=line))
            session = Session(
                space=replace(space, ledger=ledger),
                sink=sink,
                memory=Memory(space.ruleset.run.memory),
                step=step,
                number=RunNumber(ledger.runs),
                disks=look_at_disks(space.ruleset),
            )
            yield session
            _close_run(session)
        finally:
            ledger.close()


def _close_run(session: Session) -> None:
    number = session.number.given
    if number is not None:
        counts = session.tally.counts
        told = ", ".join(f"{counts[kind]} {kind.value}" for kind in Outcome if counts[kind])
        session.space.ledger.runs.end(number, now_text(), told or "nothing done")
