"""A session: what a run works with, and the counts of its outcomes."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field

import msgspec

from av1rules.base.errors import PlanOutdatedError
from av1rules.base.events import Outcome, RunFinished, Sink
from av1rules.base.files import Failpoint, no_failpoint
from av1rules.base.text import printable
from av1rules.base.units import now_text
from av1rules.execute.resources.disk_space import DiskSpace
from av1rules.execute.resources.memory import MemoryBudget
from av1rules.ledger.runs import RunTable
from av1rules.plan.workspace import Workspace
from av1rules.policy.model import OutputMode, RuleSet


@dataclass(slots=True)
class RunCounters:
    """Outcomes and bytes of a run. Safe to use from many threads."""

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


Disks = dict[str, tuple[int, int] | None]
"""Device and inode of the folders that a run depends on, by path. None: the folder is missing."""


def mounted_disks(ruleset: RuleSet) -> Disks:
    """The disks of the roots and the output as they are now. A disk that is unmounted in mid-run
    leaves an empty folder behind, which must not be written to."""
    tops = [str(root.path) for root in ruleset.library.roots]
    if ruleset.output.mode is OutputMode.MIRROR and ruleset.output.root is not None:
        tops.append(str(ruleset.output.root))
    return {top: _identity(top) for top in tops}


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino)


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace with a writable ledger, held under the run lock."""

    workspace: Workspace
    sink: Sink
    counters: RunCounters = msgspec.field(default_factory=RunCounters)
    disk_space: DiskSpace = msgspec.field(default_factory=DiskSpace)
    memory: MemoryBudget
    failpoint: Failpoint = no_failpoint
    number: RunNumber
    disks: Disks = msgspec.field(default_factory=dict)

    def require_disks(self) -> None:
        """Raise PlanOutdatedError if a disk that was there at the start of the run is gone."""
        for top, was in self.disks.items():
            if was is not None and _identity(top) != was:
                raise PlanOutdatedError(f"the disk that was mounted here is gone: {printable(top)}")

    def finished(self, *, elapsed_s: float) -> RunFinished:
        """The closing event of the run."""
        return RunFinished(
            counts=dict(self.counters.counts),
            run=self.number.given,
            source_bytes=self.counters.source_bytes,
            target_bytes=self.counters.target_bytes,
            elapsed_s=elapsed_s,
        )

    @property
    def run(self) -> int:
        """The number of this run, which `undo` and `status` show. Assigned at the first use."""
        return self.number.get()


class RunNumber:
    """Assigned when a run does its first job, so that an idle run leaves no trace in the ledger."""

    def __init__(self, runs: RunTable) -> None:
        self._runs = runs
        self._lock = threading.Lock()
        self.given: int | None = None

    def get(self) -> int:
        with self._lock:
            if self.given is None:
                self.given = self._runs.begin(now_text())
            return self.given
