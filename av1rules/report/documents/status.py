"""The documents of `status` and `retry`."""

from __future__ import annotations

from msgspec import Struct

from av1rules.base.findings import FindingKind
from av1rules.execute.resources.watcher import WatcherState
from av1rules.ledger.checks import DamageRecord
from av1rules.ledger.outbox.table import Backlog
from av1rules.plan.controlled.hours import ScheduleState
from av1rules.report.documents.controls import ControlRecord
from av1rules.report.documents.runs import RunEntry
from av1rules.report.json import JsonDocument


class LedgerRecord(Struct, frozen=True, kw_only=True):
    """The ledger. `version` is null if there is none yet."""

    path: str
    version: int | None


class AllTargets(Struct, frozen=True, kw_only=True):
    """All targets of the ledger, and their sources."""

    count: int
    source_bytes: int
    target_bytes: int
    saved_bytes: int


class TrashRecord(Struct, frozen=True, kw_only=True):
    """Files of one kind in the trash. `frees_bytes` is what purging them would free; `away` counts
    those whose file is missing."""

    count: int
    size_bytes: int
    frees_bytes: int
    away: int


class StandInCount(Struct, frozen=True, kw_only=True):
    """Films and side files that stand in a mirror as links or copies of one kind."""

    films: int
    side_files: int


class FailureRecord(Struct, frozen=True, kw_only=True):
    """A source that failed `count` times (null where that is not counted), the last time `at` (ISO
    8601, UTC). It is "" for a part of the library."""

    source: str
    kind: FindingKind
    count: int | None
    at: str
    reason: str


class SegmentsRecord(Struct, frozen=True, kw_only=True):
    """A film that was begun in segments `at` (ISO 8601, UTC) and is not done: how many are
    finished, and what they take on disk."""

    source: str
    finished: int
    size_bytes: int
    at: str


class StatusDocument(JsonDocument, frozen=True, kw_only=True):
    """The status of a library. `holder` is the active run, null if none is. `controls` are what
    users told it, or the next one, `schedules` those of the policy, `watcher` is the one that is
    alive. `backlogs` are of events that neighbours were not told yet, and why. `left_over` counts
    the unfinished work of a killed run, null while a run is active. `segments` are films of
    which a part is finished. `unrecorded` counts the files
    in the places of targets or originals if this ledger is empty. `stand_ins` is what stands in a
    mirror beside targets, by `output.rest`. `trash` is by kind (`original`, `result`, `orphan`),
    `clips` by state.

    `parked` sources failed so often that they are not tried any more; `failing` ones are tried by
    the next run. `too_large`, `too_poor` and `undone` count what is not tried again. `runs` are the
    last ones, the newest first.
    """

    ledger: LedgerRecord
    holder: str | None
    controls: tuple[ControlRecord, ...]
    schedules: tuple[ScheduleState, ...]
    watcher: WatcherState | None
    backlogs: tuple[Backlog, ...]
    left_over: int | None
    segments: tuple[SegmentsRecord, ...]
    unrecorded: int
    targets: AllTargets
    stand_ins: dict[str, StandInCount]
    trash: dict[str, TrashRecord]
    parked: tuple[FailureRecord, ...]
    failing: tuple[FailureRecord, ...]
    too_large: int
    too_poor: int
    undone: int
    clips: dict[str, int]
    damaged_targets: tuple[DamageRecord, ...]
    damaged_sources: tuple[DamageRecord, ...]
    runs: tuple[RunEntry, ...]


class RetryDocument(JsonDocument, frozen=True, kw_only=True):
    """The failures that were forgotten, with `dry_run` those that would be: the next run tries
    these sources again."""

    dry_run: bool
    freed: tuple[FailureRecord, ...]
