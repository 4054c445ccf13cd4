"""The status of a library, from the ledger alone: what is done, what is in the trash, what waits
for a user.

A pure read, safe while a run is active.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from av1rules.approvals.file import approvals_path
from av1rules.execute.resources.run_lock import lock_holder
from av1rules.execute.trash import TrashItem, TrashState, list_trash
from av1rules.ledger.checks import DamageRecord
from av1rules.ledger.clips import ClipStatus
from av1rules.ledger.database import LEDGER_NAME, SCHEMA_VERSION
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import Attempt, AttemptResult
from av1rules.ledger.runs import RunRecord
from av1rules.ledger.trash_table import TrashKind
from av1rules.operations.clips.ledger_status import clip_statuses
from av1rules.policy.model import RuleSet

SHOWN_RUNS = 5


class TrashUsage(msgspec.Struct, frozen=True, kw_only=True):
    """Files of one kind in the trash, and what deleting them would free."""

    kind: TrashKind
    count: int
    size_bytes: int
    frees_bytes: int
    away: int  # entries whose file is missing


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What `status` shows. Sizes are those in the ledger; times are ISO 8601, UTC.

    `parked` sources failed so often that they are not tried any more; `failing` ones still are.
    `decided` counts the other attempts, `clips` the clips that were made. `left_over` counts the
    unfinished work of a killed run; None while a run is active.
    """

    ledger: str
    version: int | None  # None: there is no ledger yet
    holder: str | None
    targets: int
    source_bytes: int
    target_bytes: int
    aside: tuple[TrashUsage, ...]
    parked: tuple[Attempt, ...]
    failing: tuple[Attempt, ...]
    decided: tuple[tuple[AttemptResult, int], ...]
    clips: tuple[tuple[ClipStatus, int], ...]
    damaged_targets: tuple[DamageRecord, ...]
    damaged_sources: tuple[DamageRecord, ...]
    left_over: int | None
    runs: tuple[RunRecord, ...]


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
        parked=tuple(one for one in failures if one.is_parked(limit)),
        failing=tuple(one for one in failures if not one.is_parked(limit)),
        decided=tuple(_decided(ledger)),
        clips=_clips(ledger, ruleset),
        damaged_targets=ledger.checks.damaged(),
        damaged_sources=ledger.health.damaged(),
        left_over=_left_over(ledger) if holder is None else None,
        runs=ledger.runs.latest(SHOWN_RUNS),
    )


def _decided(ledger: Ledger) -> Iterator[tuple[AttemptResult, int]]:
    for kind in AttemptResult:
        if kind is not AttemptResult.FAILED and (count := len(ledger.attempts(kind))):
            yield kind, count


def _clips(ledger: Ledger, ruleset: RuleSet) -> tuple[tuple[ClipStatus, int], ...]:
    counts = Counter(one.status for one in clip_statuses(ledger, approvals_path(ruleset.file)))
    return tuple((kind, counts[kind]) for kind in ClipStatus if counts[kind])


def _holder(ruleset: RuleSet) -> str | None:
    try:
        return lock_holder(ruleset.run.state_dir)
    except OSError:  # a state folder that this user may only read
        return None


def _trash_usage(items: Iterable[TrashItem]) -> tuple[TrashUsage, ...]:
    by_kind: dict[TrashKind, list[TrashItem]] = {}
    for item in items:
        by_kind.setdefault(item.kept.kind, []).append(item)
    return tuple(_usage_of(kind, by_kind[kind]) for kind in TrashKind if kind in by_kind)


def _usage_of(kind: TrashKind, items: list[TrashItem]) -> TrashUsage:
    there = [item for item in items if item.state is TrashState.THERE]
    return TrashUsage(
        kind=kind,
        count=len(there),
        size_bytes=sum(item.kept.size_bytes for item in there),
        frees_bytes=sum(item.frees_bytes for item in there),
        away=len(items) - len(there),
    )


def _left_over(ledger: Ledger) -> int:
    return (
        len(ledger.jobs_in_progress())
        + len(ledger.kept.in_flight())
        + len(ledger.moves.in_flight())
    )
