"""How things stand, from the ledger alone: what is done, what lies aside, what waits for a person.

A pure read, safe while a run is at work.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from av1rules.graph.aside import Aside, AsideState, list_aside
from av1rules.graph.clip_standings import clip_standings
from av1rules.graph.clips import Standing
from av1rules.graph.kept import KeptKind
from av1rules.graph.ledger import LEDGER_NAME, SCHEMA_VERSION, Ledger
from av1rules.graph.ledger_tables import RunRecord
from av1rules.graph.lock import lock_holder
from av1rules.graph.verdict import Verdict, VerdictKind
from av1rules.review.approvals_file import approvals_path
from av1rules.rules.model import RuleSet

SHOWN_RUNS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Heap:
    """Files aside of one kind: those that are there, and what deleting them would free."""

    kind: KeptKind
    count: int
    size_bytes: int
    frees_bytes: int
    away: int  # entries whose file is not where it was put


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something found damaged: a target by its path, or a source by its library path."""

    name: str
    at: str
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """`parked` failed so often that they are not tried any more, `failing` still are. `decided` are
    the counts of other verdicts, `clips` those of clips that were made. `left_over` is work that a
    run which died had in hand; None while a run is at work. Bytes are those of the ledger; times
    ISO 8601, UTC."""

    ledger: str
    version: int | None  # None: there is no ledger yet
    holder: str | None
    targets: int
    source_bytes: int
    target_bytes: int
    aside: tuple[Heap, ...]
    parked: tuple[Verdict, ...]
    failing: tuple[Verdict, ...]
    decided: tuple[tuple[VerdictKind, int], ...]
    clips: tuple[tuple[Standing, int], ...]
    damaged_targets: tuple[Fault, ...]
    damaged_sources: tuple[Fault, ...]
    left_over: int | None
    runs: tuple[RunRecord, ...]


def read_status(ledger: Ledger, ruleset: RuleSet) -> Status:
    """Raises LedgerError, RulesError and Av1rulesError (of approvals.yaml)."""
    path = ruleset.run.state_dir / LEDGER_NAME
    holder = _holder(ruleset)
    count, source_bytes, target_bytes = ledger.db.query(
        "SELECT count(*), coalesce(sum(source_bytes), 0), coalesce(sum(target_bytes), 0)"
        " FROM targets"
    )[0]
    failures = ledger.verdicts(VerdictKind.FAILED)
    limit = ruleset.run.max_failures
    return Status(
        ledger=str(path),
        version=SCHEMA_VERSION if path.exists() else None,
        holder=holder,
        targets=count,
        source_bytes=source_bytes,
        target_bytes=target_bytes,
        aside=_heaps(list_aside(ledger, ruleset)),
        parked=tuple(verdict for verdict in failures if verdict.count >= limit),
        failing=tuple(verdict for verdict in failures if verdict.count < limit),
        decided=tuple(_decided(ledger)),
        clips=_clips(ledger, ruleset),
        damaged_targets=damaged_targets(ledger),
        damaged_sources=damaged_sources(ledger),
        left_over=_left_over(ledger) if holder is None else None,
        runs=ledger.runs.latest(SHOWN_RUNS),
    )


def _decided(ledger: Ledger) -> Iterator[tuple[VerdictKind, int]]:
    for kind in VerdictKind:
        if kind is not VerdictKind.FAILED and (count := len(ledger.verdicts(kind))):
            yield kind, count


def _clips(ledger: Ledger, ruleset: RuleSet) -> tuple[tuple[Standing, int], ...]:
    counts = Counter(one.standing for one in clip_standings(ledger, approvals_path(ruleset.file)))
    return tuple((standing, counts[standing]) for standing in Standing if counts[standing])


def damaged_targets(ledger: Ledger) -> tuple[Fault, ...]:
    """Targets that `verify` found damaged, and that were not made anew since."""
    return _faults(ledger, "SELECT target, at, fault FROM checked")


def damaged_sources(ledger: Ledger) -> tuple[Fault, ...]:
    """Sources that `health` found damaged."""
    return _faults(ledger, "SELECT source, at, fault FROM health")


def _holder(ruleset: RuleSet) -> str | None:
    try:
        return lock_holder(ruleset.run.state_dir)
    except OSError:  # a state folder that this user may only read
        return None


def _heaps(items: Iterable[Aside]) -> tuple[Heap, ...]:
    by_kind: dict[KeptKind, list[Aside]] = {}
    for item in items:
        by_kind.setdefault(item.kept.kind, []).append(item)
    return tuple(_heap(kind, by_kind[kind]) for kind in KeptKind if kind in by_kind)


def _heap(kind: KeptKind, items: list[Aside]) -> Heap:
    there = [item for item in items if item.state is AsideState.THERE]
    return Heap(
        kind=kind,
        count=len(there),
        size_bytes=sum(item.kept.size_bytes for item in there),
        frees_bytes=sum(item.frees_bytes for item in there),
        away=len(items) - len(there),
    )


def _faults(ledger: Ledger, select: str) -> tuple[Fault, ...]:
    rows = ledger.db.query(f"{select} WHERE fault IS NOT NULL ORDER BY 1")
    return tuple(Fault(name=os.fsdecode(name), at=at, fault=fault) for name, at, fault in rows)


def _left_over(ledger: Ledger) -> int:
    return len(ledger.in_hand()) + len(ledger.kept.in_flight()) + len(ledger.moves.in_flight())
