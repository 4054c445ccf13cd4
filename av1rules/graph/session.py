"""One run's hold on the ledger: lock, recovery, and the counts of what came out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum

from av1rules.base.events import Note, Sink
from av1rules.graph.ledger import Ledger
from av1rules.graph.lock import run_lock
from av1rules.graph.recover import recover
from av1rules.graph.room import Room
from av1rules.graph.workspace import Workspace


class Outcome(Enum):
    """What came of one job."""

    DONE = "done"
    DISCARDED = "discarded"  # the encode worked, its result is too large to keep
    FAILED = "failed"
    DROPPED = "dropped"  # source changed, or the run was stopped: no verdict


@dataclass(slots=True)
class Tally:
    """Counts and bytes of a run, added to from every worker thread."""

    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    source_bytes: int = 0
    target_bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, outcome: Outcome) -> None:
        with self._lock:
            self.counts[outcome] += 1

    def add_bytes(self, *, source: int, target: int) -> None:
        with self._lock:
            self.source_bytes += source
            self.target_bytes += target


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A workspace with a writable ledger, held under the run lock."""

    space: Workspace
    sink: Sink
    tally: Tally = field(default_factory=Tally)
    room: Room = field(default_factory=Room)


@contextmanager
def open_session(space: Workspace, sink: Sink) -> Iterator[Session]:
    """Take the run lock, open the ledger to write, repair what a crash left. Raises UsageError
    if another run is at work, LedgerError."""
    with run_lock(space.state_dir):
        ledger = Ledger.open(space.state_dir)
        try:
            for line in recover(ledger, space.ruleset.output.receipts):
                sink(Note(message=line))
            yield Session(space=replace(space, ledger=ledger), sink=sink)
        finally:
            ledger.close()
