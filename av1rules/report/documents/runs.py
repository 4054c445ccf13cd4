"""The documents of `runs` and `runs show`."""

from __future__ import annotations

from msgspec import Struct

from av1rules.base.findings import FindingKind
from av1rules.ledger.outbox.table import OutboxState
from av1rules.ledger.records import RunTarget
from av1rules.ledger.run_history import RunEnding
from av1rules.ledger.runs import RunKind
from av1rules.ledger.trash_table import TrashKind
from av1rules.policy.neighbours.spec import AnnouncedEvent
from av1rules.report.json import JsonDocument


class RunEntry(Struct, frozen=True, kw_only=True):
    """A recorded run. `ended` is null for one that is at work or was killed, `exit_code` for plain
    doit; `problem` is the error that ended it. `summary` is its result in words, `counts` are those
    of outcomes that occurred.

    `failures` are jobs that failed, blocked and unreadable files, and refusals; `new_failures`
    those that no earlier run told. `held` films wait for a user, `left` ones for the next run.
    `same` counts the runs right before it that did nothing but meet the same failures, the first of
    them at `since`.
    """

    id: int
    kind: RunKind
    state: RunEnding
    started: str
    ended: str | None
    took_s: float | None
    command: tuple[str, ...]
    exit_code: int | None
    problem: str | None
    summary: str
    counts: dict[str, int]
    source_bytes: int
    target_bytes: int
    saved_bytes: int
    failures: int
    new_failures: int
    held: int
    left: int
    same: int
    since: str | None


class RunsDocument(JsonDocument, frozen=True, kw_only=True):
    """The recorded runs, the newest first."""

    runs: tuple[RunEntry, ...]


class FindingEntry(Struct, frozen=True, kw_only=True):
    """What the run found of a film (a library path, "" for a part of the library). `is_new`: no
    earlier run found the same. `next` is the command that comes next."""

    film: str
    kind: FindingKind
    is_failure: bool
    is_new: bool
    detail: str
    hint: str | None
    next: str | None


class TrashedFile(Struct, frozen=True, kw_only=True):
    """A file that the run moved to the trash, from `place` to `path`."""

    kind: TrashKind
    place: str
    path: str
    size_bytes: int


class Delivery(Struct, frozen=True, kw_only=True):
    """What a neighbour was told of the run, is still to be told (`state` "pending"), or will never
    be ("given up"); `problem` says why, or is its remark. `film` is a library path, null for the
    run as a whole. `at` is when it happened, `ended` when it was told or given up, `next_try` when
    it is tried again (null: at the next look)."""

    neighbour: str
    event: AnnouncedEvent
    film: str | None
    state: OutboxState
    attempts: int
    problem: str | None
    at: str
    ended: str | None
    next_try: str | None


class RunDocument(JsonDocument, frozen=True, kw_only=True):
    """One run in full. `made` are the targets that are still as it made them, `trash` the files
    that can be put back, `deliveries` what neighbours were to be told of it in the last 30 days."""

    run: RunEntry
    made: tuple[RunTarget, ...]
    findings: tuple[FindingEntry, ...]
    trash: tuple[TrashedFile, ...]
    deliveries: tuple[Delivery, ...]
