"""A session: what a run works with."""

from __future__ import annotations

import os

import msgspec
from msgspec.structs import replace

from av1rules.base.children import Children
from av1rules.base.errors import PlanOutdatedError
from av1rules.base.events import RunFinished, Sink
from av1rules.base.files import Failpoint, no_failpoint
from av1rules.base.text import printable
from av1rules.execute.control.gate import ControlGate
from av1rules.execute.recorder import RunCounters, RunRecorder
from av1rules.execute.resources.disk_space import DiskSpace
from av1rules.execute.resources.memory import MemoryBudget
from av1rules.execute.resources.slots import Slots
from av1rules.forecast.of_film import FilmForecasts
from av1rules.plan.workspace import Workspace
from av1rules.policy.model import OutputMode, OutputSpec, RuleSet
from av1rules.storage.mirror_folders import MirrorFolders

Disks = dict[str, tuple[int, int] | None]
"""Device and inode of the folders that a run depends on, by path. None: the folder is missing."""


def mounted_disks(ruleset: RuleSet) -> Disks:
    """The disks of the roots and the output as they are now. A disk that is unmounted in mid-run
    leaves an empty folder behind, which must not be written to."""
    tops = [str(root.path) for root in ruleset.library.roots]
    if (top := mirror_top(ruleset.output)) is not None:
        tops.append(top)
    return {top: _identity(top) for top in tops}


def mirror_top(output: OutputSpec) -> str | None:
    """The root of the mirror; None in the other modes."""
    return str(output.root) if output.mode is OutputMode.MIRROR and output.root else None


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino)


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace with a writable ledger, held under the run lock. Without a `gate` jobs follow
    neither controls nor schedules: those that a user asks for one by one."""

    workspace: Workspace
    sink: Sink
    counters: RunCounters = msgspec.field(default_factory=RunCounters)
    disk_space: DiskSpace = msgspec.field(default_factory=DiskSpace)
    memory: MemoryBudget
    slots: Slots = msgspec.field(default_factory=Slots)
    failpoint: Failpoint = no_failpoint
    recorder: RunRecorder
    disks: Disks = msgspec.field(default_factory=dict)
    folders: MirrorFolders = msgspec.field(default_factory=MirrorFolders)
    gate: ControlGate | None = None
    forecasts: FilmForecasts = msgspec.field(default_factory=FilmForecasts)

    def require_disks(self) -> None:
        """Raise PlanOutdatedError if a disk that was there at the start of the run is gone."""
        for top, was in self.disks.items():
            if was is not None and _identity(top) != was:
                raise PlanOutdatedError(f"the disk that was mounted here is gone: {printable(top)}")

    def finished(self, *, elapsed_s: float) -> RunFinished:
        """The closing event of the run."""
        return RunFinished(
            counts=dict(self.counters.counts),
            run=self.recorder.given,
            source_bytes=self.counters.source_bytes,
            target_bytes=self.counters.target_bytes,
            elapsed_s=elapsed_s,
            findings=self.recorder.findings,
        )

    def for_job(self, children: Children) -> Session:
        """The session as one job uses it, with children of its own."""
        return replace(self, workspace=replace(self.workspace, children=children))

    @property
    def run(self) -> int:
        """The number of this run, which `undo` and `status` show. Assigned at the first use."""
        return self.recorder.number()
