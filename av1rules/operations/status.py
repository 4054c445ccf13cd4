"""The status of a library, from the ledger alone: what is done, what is in the trash, what waits
for a user.

A pure read, safe while a run is active.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

import msgspec

from av1rules.approvals.file import approvals_path
from av1rules.base.files import TRASH_FOLDER
from av1rules.base.findings import FindingKind
from av1rules.base.units import now_text
from av1rules.execute.resources.run_lock import lock_holder
from av1rules.execute.resources.watcher import WatcherState, seen_watcher
from av1rules.execute.trash import TrashItem, TrashState, list_trash
from av1rules.ledger.checks import DamageRecord
from av1rules.ledger.clips import ClipStatus
from av1rules.ledger.controls import Control
from av1rules.ledger.database import LEDGER_NAME, SCHEMA_VERSION
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.outbox.table import Backlog
from av1rules.ledger.records import Attempt, AttemptResult
from av1rules.ledger.run_history import RunSummary, list_runs
from av1rules.ledger.trash_table import TrashKind
from av1rules.media.source import LibraryFile
from av1rules.operations.clips.ledger_status import clip_statuses
from av1rules.plan.controlled.hours import ScheduleState, schedule_states
from av1rules.plan.moved.places import target_files
from av1rules.policy.model import OutputMode, Rest, RuleSet
from av1rules.storage.trash_folder import MEDIA_SERVER_MARKERS

SHOWN_RUNS = 5


class TrashUsage(msgspec.Struct, frozen=True, kw_only=True):
    """Files of one kind in the trash, and what deleting them would free."""

    kind: TrashKind
    count: int
    size_bytes: int
    frees_bytes: int
    away: int  # entries whose file is missing


class FailingFilm(msgspec.Struct, frozen=True, kw_only=True):
    """A failure that stays until something is done: of an encode, or what the last run met. `times`
    is None where it is not counted; `source` is "" for a part of the library."""

    source: str
    kind: FindingKind
    times: int | None
    at: str
    detail: str


class FilmSegments(msgspec.Struct, frozen=True, kw_only=True):
    """The finished segments of a film that is not done yet; begun `at`."""

    film: str
    finished: int
    size_bytes: int
    at: str


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What `status` shows. Sizes are those in the ledger; times are ISO 8601, UTC.

    `parked` sources failed so often that they are not tried any more; `failing` ones still are.
    `decided` counts the other attempts, `clips` the clips that were made. `left_over` counts the
    unfinished work of a killed run; None while a run is active. `unrecorded` counts what another
    ledger must have made, if this one is empty.
    """

    ledger: str
    version: int | None  # None: there is no ledger yet
    holder: str | None
    targets: int
    source_bytes: int
    target_bytes: int
    aside: tuple[TrashUsage, ...]
    parked: tuple[FailingFilm, ...]
    failing: tuple[FailingFilm, ...]
    decided: tuple[tuple[AttemptResult, int], ...]
    clips: tuple[tuple[ClipStatus, int], ...]
    damaged_targets: tuple[DamageRecord, ...]
    damaged_sources: tuple[DamageRecord, ...]
    left_over: int | None
    unrecorded: int
    runs: tuple[RunSummary, ...]
    stand_ins: Mapping[tuple[Rest, bool], int] = {}  # by kind, and whether they are films
    controls: tuple[Control, ...] = ()  # what users told runs
    schedules: tuple[ScheduleState, ...] = ()
    watcher: WatcherState | None = None
    backlogs: tuple[Backlog, ...] = ()  # what neighbours were not told yet
    segments: tuple[FilmSegments, ...] = ()


def read_status(ledger: Ledger, ruleset: RuleSet) -> Status:
    """Read the status. Raises LedgerError, RulesError and Av1rulesError (of approvals.yaml)."""
    path = ruleset.run.state_dir / LEDGER_NAME
    holder = _holder(ruleset)
    totals = ledger.totals()
    failures = ledger.attempts(AttemptResult.FAILED)
    limit = ruleset.run.max_failures
    return Status(
        ledger=str(path),
        version=SCHEMA_VERSION if path.exists() else None,
        holder=holder,
        targets=totals.count,
        source_bytes=totals.source_bytes,
        target_bytes=totals.target_bytes,
        aside=_trash_usage(list_trash(ledger, ruleset)),
        parked=tuple(failed_film(one) for one in failures if one.is_parked(limit)),
        failing=(
            *(failed_film(one) for one in failures if not one.is_parked(limit)),
            *_other_failures(ledger),
        ),
        decided=tuple(_decided(ledger)),
        clips=_clips(ledger, ruleset),
        damaged_targets=ledger.checks.damaged(),
        damaged_sources=ledger.health.damaged(),
        left_over=_left_over(ledger) if holder is None else None,
        unrecorded=0
        if totals.count or ledger.stand_ins.has_any()
        else _unrecorded(ruleset, ledger),
        runs=list_runs(ledger, count=SHOWN_RUNS, is_active=holder is not None),
        stand_ins=ledger.stand_ins.counts(),
        controls=ledger.controls.current().in_force(now_text()),
        schedules=schedule_states(ruleset, datetime.now(UTC)),
        watcher=seen_watcher(ruleset.run.state_dir),
        backlogs=ledger.outbox.backlogs(),
        segments=tuple(_segments(ledger)),
    )


def failed_film(attempt: Attempt) -> FailingFilm:
    """A failed encode."""
    return FailingFilm(
        source=attempt.source,
        kind=FindingKind.FAILED,
        times=attempt.count,
        at=attempt.at,
        detail=attempt.detail,
    )


def _other_failures(ledger: Ledger) -> Iterator[FailingFilm]:
    """What the ledger counts no attempt for: no access, full disks, blocked films. The last words
    of each film."""
    last = {(one.source, one.kind, one.fingerprint): one for one in ledger.findings.open_failures()}
    times = {
        run: record.started
        for run in {one.last_run for one in last.values()}
        if (record := ledger.runs.find(run)) is not None
    }
    for one in last.values():
        yield FailingFilm(
            source=one.source,
            kind=one.kind,
            times=None,
            at=times.get(one.last_run, ""),
            detail=one.detail,
        )


def _decided(ledger: Ledger) -> Iterator[tuple[AttemptResult, int]]:
    counts = ledger.attempt_counts()
    for kind in AttemptResult:
        if kind is not AttemptResult.FAILED and kind in counts:
            yield kind, counts[kind]


def _clips(ledger: Ledger, ruleset: RuleSet) -> tuple[tuple[ClipStatus, int], ...]:
    counts = Counter(one.status for one in clip_statuses(ledger, approvals_path(ruleset.file)))
    return tuple((kind, counts[kind]) for kind in ClipStatus if counts[kind])


def _holder(ruleset: RuleSet) -> str | None:
    try:
        return lock_holder(ruleset.run.state_dir)
    except OSError:  # a state folder that this user may only read
        return None


def _trash_usage(items: Iterable[TrashItem]) -> tuple[TrashUsage, ...]:
    counts: Counter[TrashKind] = Counter()
    size_bytes: Counter[TrashKind] = Counter()
    frees_bytes: Counter[TrashKind] = Counter()
    away: Counter[TrashKind] = Counter()
    for item in items:
        kind = item.kept.kind
        if item.state is not TrashState.THERE:
            away[kind] += 1
            continue
        counts[kind] += 1
        size_bytes[kind] += item.kept.size_bytes
        frees_bytes[kind] += item.frees_bytes
    return tuple(
        TrashUsage(
            kind=kind,
            count=counts[kind],
            size_bytes=size_bytes[kind],
            frees_bytes=frees_bytes[kind],
            away=away[kind],
        )
        for kind in TrashKind
        if kind in counts or kind in away
    )


def _unrecorded(ruleset: RuleSet, ledger: Ledger) -> int:
    """Files that targets or originals must be by their places, of a ledger that has none: names are
    read, and no file."""
    output = ruleset.output
    if any(True for _ in ledger.kept.listed()):
        return 0
    if output.mode is OutputMode.REPLACE:
        tops = (f"{root.path}/{TRASH_FOLDER}" for root in ruleset.library.roots)
        names = (name for top in tops for _, _, files in os.walk(top) for name in files)
        return sum(name not in MEDIA_SERVER_MARKERS for name in names)
    files = (one for one in target_files(ruleset) if isinstance(one, LibraryFile))
    if output.mode is OutputMode.MIRROR:
        return sum(1 for _ in files)
    return sum(os.path.splitext(file.path)[0].endswith(output.suffix) for file in files)


def _left_over(ledger: Ledger) -> int:
    return (
        len(ledger.jobs_in_progress())
        + len(ledger.kept.in_flight())
        + len(ledger.moves.in_flight())
    )


def _segments(ledger: Ledger) -> Iterator[FilmSegments]:
    for film in ledger.segmented.all():
        count, size_bytes = ledger.segments.totals(film.folder)
        yield FilmSegments(film=film.film, finished=count, size_bytes=size_bytes, at=film.at)
