"""Records a run in the ledger: its number, what it found of each film, and how it ended."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from av1rules.base.errors import LedgerError
from av1rules.base.events import (
    ClipMade,
    Event,
    JobDiscarded,
    JobDropped,
    JobWithheld,
    Outcome,
    Sink,
)
from av1rules.base.findings import FilmFinding, FindingKind
from av1rules.base.text import printable_lines
from av1rules.base.units import now_text
from av1rules.ledger.findings import NumberedFinding
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.outbox.table import Announcement
from av1rules.ledger.run_history import with_findings
from av1rules.ledger.runs import RunKind, RunRecord
from av1rules.plan.items import Blocked, Held, Plan, PlanAction
from av1rules.policy.neighbours.spec import AnnouncedEvent


@dataclass(slots=True)
class RunCounters:
    """Outcomes and bytes of a run; `trashed` counts the files that it moved to the trash. Safe to
    use from many threads."""

    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    source_bytes: int = 0
    target_bytes: int = 0
    trashed: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, outcome: Outcome) -> None:
        with self._lock:
            self.counts[outcome] += 1

    def add_bytes(self, *, source: int, target: int) -> None:
        with self._lock:
            self.source_bytes += source
            self.target_bytes += target

    def add_trashed(self) -> None:
        with self._lock:
            self.trashed += 1

    @property
    def occurred(self) -> dict[Outcome, int]:
        """The outcomes that occurred, with their counts."""
        return {outcome: count for outcome, count in self.counts.items() if count}


class RunRecorder:
    """The record of one run. It gets its number at its first job or failure: a run that had nothing
    to do leaves no trace. Failures are in the ledger at once, so that a killed run has them too.
    Safe to use from many threads."""

    def __init__(self, ledger: Ledger, kind: RunKind, command: Sequence[str]) -> None:
        self._ledger = ledger
        self._kind = kind
        self._command = tuple(command)
        self._started = now_text()
        self._lock = threading.RLock()
        self._found: list[NumberedFinding] = []
        self._waiting: tuple[FilmFinding, ...] = ()
        self.given: int | None = None
        self.exit_code: int | None = None
        self.problem: str | None = None

    def number(self) -> int:
        """The number of the run, assigned at the first call. Raises LedgerError."""
        with self._lock:
            if self.given is None:
                self.given = self._ledger.runs.begin(
                    self._started, kind=self._kind, command=self._command
                )
                self._ledger.outbox.of_now(self.given)
                if self._kind is RunKind.RUN:
                    began = Announcement(event=AnnouncedEvent.RUN_STARTED, run=self.given)
                    self._ledger.outbox.add(began)
            return self.given

    def tell(self, finding: FilmFinding, *, fingerprint: str = "") -> None:
        """Record a finding of this run."""
        self.tell_all([(finding, fingerprint)])

    def tell_all(self, findings: Sequence[tuple[FilmFinding, str]]) -> None:
        """Record findings, each with the fingerprint of its film, in one transaction. One that the
        ledger can't take counts for this run all the same: a failure must not hide another."""
        if not findings:
            return
        with self._lock:
            try:
                found = self._ledger.findings.add(self.number(), findings)
                self._ledger.outbox.add(*map(self._failure, filter(_is_news, found)))
            except LedgerError:
                found = tuple(NumberedFinding(id=0, finding=one) for one, _ in findings)
            self._found += found

    def tell_plan(self, plan: Plan) -> None:
        """Record what is blocked and could not be read. What is held is recorded at the end, if the
        run is recorded at all."""
        unreadable = [
            (FilmFinding(film="", kind=FindingKind.UNREADABLE, detail=text), "")
            for text in plan.problems
        ]
        blocked = [_blocked(row) for row in plan.of(PlanAction.BLOCKED) if isinstance(row, Blocked)]
        self.tell_all(unreadable + blocked)
        if plan.is_whole:
            met = [one.id for one in self._found]
            films = {row.file.library_path for row in plan.work}
            self._ledger.findings.end_absent(met=met, films=films)
        self._waiting = tuple(
            _held(row) for row in plan.of(PlanAction.HELD) if isinstance(row, Held)
        )

    def watching(self, sink: Sink) -> Sink:
        """The sink, with the results that no target came of, and the clips that wait for a user,
        recorded on their way."""

        def watch(event: Event) -> None:
            if isinstance(event, JobDiscarded | JobWithheld | JobDropped):
                kind = _KINDS[type(event)]
                if isinstance(event, JobDropped) and event.is_by_user:
                    kind = FindingKind.HELD_BY_USER
                self.tell(FilmFinding(film=event.source or "", kind=kind, detail=event.reason))
            elif isinstance(event, ClipMade) and not event.is_variant:
                found = FilmFinding(
                    film=event.source or "",
                    kind=FindingKind.CLIP_WAITING,
                    detail="its test clip is made",
                )
                self.tell(found)
            sink(event)

        return watch

    @property
    def findings(self) -> tuple[FilmFinding, ...]:
        """All findings of this run, films that wait included."""
        with self._lock:
            return (*(one.finding for one in self._found), *self._waiting)

    def end(self, counters: RunCounters) -> None:
        """Record the end of the run, unless it had nothing to do. Raises LedgerError."""
        with self._lock:
            did = counters.occurred.keys() - {Outcome.OVER_BUDGET}
            if self.given is None and self.problem is None and not did:
                self._announce_end(counters)
                return
            number = self.number()
            self.tell_all([(one, "") for one in self._waiting])
            self._waiting = ()
            numbers = [one.id for one in self._found if one.id]
            self._ledger.runs.put(
                RunRecord(
                    id=number,
                    started=self._started,
                    ended=now_text(),
                    kind=self._kind,
                    command=self._command,
                    exit_code=self.exit_code,
                    problem=None if self.problem is None else printable_lines(self.problem),
                    counts=counters.occurred,
                    source_bytes=counters.source_bytes,
                    target_bytes=counters.target_bytes,
                    trashed=counters.trashed,
                    findings=tuple(dict.fromkeys(numbers)),
                    new_findings=tuple(
                        dict.fromkeys(
                            one.id for one in self._found if one.id and one.finding.is_new
                        )
                    ),
                )
            )
            self._announce_end(counters)

    def _failure(self, found: NumberedFinding) -> Announcement:
        finding = found.finding
        return Announcement(
            event=AnnouncedEvent.FAILED,
            film=finding.film or None,
            run=self.given,
            detail=printable_lines(finding.detail),
        )

    def _announce_end(self, counters: RunCounters) -> None:
        """Those who watch over runs are told of idle ones too."""
        if self._kind is not RunKind.RUN:
            return
        counts = counters.occurred.items()
        done = ", ".join(f"{count} {outcome.name.lower()}" for outcome, count in counts)
        self._ledger.outbox.add(
            Announcement(
                event=AnnouncedEvent.RUN_FINISHED,
                run=self.given,
                source_bytes=counters.source_bytes,
                target_bytes=counters.target_bytes,
                detail=self.problem or done or "nothing to do",
                exit_code=self.exit_code,
            )
        )


def _is_news(found: NumberedFinding) -> bool:
    return found.finding.kind.is_failure and found.finding.is_new


_KINDS: dict[type[Event], FindingKind] = {
    JobDiscarded: FindingKind.DISCARDED,
    JobWithheld: FindingKind.WITHHELD,
    JobDropped: FindingKind.LEFT,
}


def _blocked(row: Blocked) -> tuple[FilmFinding, str]:
    """A film that failed too often is still the same failure."""
    kind = FindingKind.FAILED if row.is_settled_by_attempt else FindingKind.BLOCKED
    finding = FilmFinding(film=row.file.library_path, kind=kind, detail="; ".join(row.causes))
    return finding, row.fingerprint or ""


def _held(row: Held) -> FilmFinding:
    kind = FindingKind.HELD if row.clip is None else FindingKind.CLIP_WAITING
    kind = FindingKind.HELD_BY_USER if row.is_by_user else kind
    return FilmFinding(film=row.file.library_path, kind=kind, detail="; ".join(row.causes))


def settle_killed(ledger: Ledger) -> None:
    """Give killed runs the findings that they recorded before they died: as long as no later run
    met these again, the ledger knows whose they are. For the start of a run. Raises LedgerError."""
    for record in ledger.runs.latest(1):
        settled = with_findings(ledger, record)
        if settled.findings != record.findings:
            ledger.runs.put(settled)
