"""The runs in the ledger: how each ended, what it found, and what it made."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum

import msgspec
from msgspec.structs import replace

from av1rules.base.events import Outcome
from av1rules.base.findings import FilmFinding, FindingKind
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.outbox.table import OutboxEntry
from av1rules.ledger.records import RunTarget
from av1rules.ledger.runs import RunKind, RunRecord
from av1rules.ledger.trash_table import TrashEntry

EXIT_CODE_INTERRUPTED = 130


class RunEnding(Enum):
    """How a run ended. The value is its name in JSON."""

    RUNNING = "running"
    KILLED = "killed"
    INTERRUPTED = "interrupted"
    STOPPED = "stopped"  # by an error
    FAILED = "failed"
    KNOWN = "known_failures"  # an earlier run told each of them
    DONE = "done"

    @property
    def text(self) -> str:
        """The state in words."""
        words = {RunEnding.RUNNING: "is running", RunEnding.STOPPED: "stopped by an error"}
        return words.get(self, self.value.replace("_", " "))


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One run. `found` counts its findings by kind, `new_failures` those that no earlier run told.

    `same` counts the runs right before it that did nothing and met the same failures; the first of
    them started at `since`.
    """

    record: RunRecord
    state: RunEnding
    found: Mapping[FindingKind, int]
    new_failures: int
    same: int = 0
    since: str | None = None

    @property
    def failures(self) -> int:
        return sum(count for kind, count in self.found.items() if kind.is_failure)

    @property
    def held(self) -> int:
        return sum(count for kind, count in self.found.items() if kind.is_waiting)

    @property
    def left(self) -> int:
        counts = self.record.counts
        return sum(counts.get(one, 0) for one in (Outcome.NOT_ATTEMPTED, Outcome.OVER_BUDGET))

    @property
    def saved_bytes(self) -> int:
        return self.record.source_bytes - self.record.target_bytes

    @property
    def is_bad(self) -> bool:
        """Whether it failed, was killed or ended by an error."""
        return bool(self.failures) or self.state in (RunEnding.KILLED, RunEnding.STOPPED)


class RunDetails(msgspec.Struct, frozen=True, kw_only=True):
    """One run with all that the ledger knows of it: its findings, the targets that are still as it
    made them, the files that it moved to the trash and that can be put back, and what neighbours
    were to be told of it."""

    summary: RunSummary
    findings: tuple[FilmFinding, ...]
    made: tuple[RunTarget, ...]
    in_trash: tuple[TrashEntry, ...]
    announced: tuple[OutboxEntry, ...] = ()


def list_runs(
    ledger: Ledger, *, count: int | None = None, is_active: bool, only_failed: bool = False
) -> tuple[RunSummary, ...]:
    """The newest runs, newest first; `is_active`: the newest may be at work. Runs that did nothing
    but meet the failures of the run before count as one. Raises LedgerError."""
    summaries = (
        _summary_of_group(ledger, group, is_active=is_active and number == 0)
        for number, group in enumerate(_groups(ledger.runs.each()))
    )
    wanted = (one for one in summaries if one.is_bad) if only_failed else summaries
    return tuple(itertools.islice(wanted, count))


def summaries_of(
    ledger: Ledger, records: Iterable[RunRecord], *, is_active: bool
) -> tuple[RunSummary, ...]:
    """These runs, newest first, each for itself. Raises LedgerError."""
    return tuple(
        _summary(ledger, record, is_active=is_active and number == 0)
        for number, record in enumerate(records)
    )


def show_run(ledger: Ledger, number: int | None, *, is_active: bool) -> RunDetails | None:
    """One run, or the newest (None); None if there is none. Raises LedgerError."""
    newest = next(iter(ledger.runs.latest(1)), None)
    record = newest if number is None else ledger.runs.find(number)
    if record is None:
        return None
    is_active = is_active and newest is not None and record.id == newest.id
    record = with_findings(ledger, record)
    return RunDetails(
        summary=_summary(ledger, record, is_active=is_active),
        findings=tuple(
            one.as_finding(is_new=one.id in record.new_findings)
            for one in ledger.findings.of_numbers(record.findings)
        ),
        made=ledger.made_by(record.id),
        in_trash=tuple(one for one in ledger.kept.of_run(record.id) if one.gone_at is None),
        announced=ledger.outbox.of_run(record.id),
    )


def _groups(records: Iterable[RunRecord]) -> Iterator[list[RunRecord]]:
    """Runs that repeat each other, newest first."""
    group: list[RunRecord] = []
    for record in records:
        if group and not _repeats(group[-1], record):
            yield group
            group = []
        group.append(record)
    if group:
        yield group


def _repeats(run: RunRecord, before: RunRecord) -> bool:
    """Whether a run did nothing and ended like the one before it, which did nothing either."""
    return (
        _did_nothing(run)
        and _did_nothing(before)
        and not run.new_findings
        and not before.new_findings  # the run that told them first stays for itself
        and set(run.findings) == set(before.findings)
        and (run.problem, run.exit_code) == (before.problem, before.exit_code)
    )


def _did_nothing(run: RunRecord) -> bool:
    return (
        run.kind is RunKind.RUN
        and run.ended is not None
        and run.summary is None
        and not run.counts.keys() - {Outcome.OVER_BUDGET}
    )


def _summary_of_group(ledger: Ledger, group: list[RunRecord], *, is_active: bool) -> RunSummary:
    since = group[-1].started if len(group) > 1 else None
    summary = _summary(ledger, group[0], is_active=is_active)
    return replace(summary, same=len(group) - 1, since=since)


def _summary(ledger: Ledger, record: RunRecord, *, is_active: bool) -> RunSummary:
    record = with_findings(ledger, record)
    kinds = ledger.findings.kinds(record.findings)
    new = frozenset(record.new_findings)
    new_failures = sum(kind.is_failure for number, kind in kinds.items() if number in new)
    found = Counter(kinds.values())
    failures = any(kind.is_failure for kind in found)
    if record.ended is None:
        state = RunEnding.RUNNING if is_active else RunEnding.KILLED
    elif record.exit_code == EXIT_CODE_INTERRUPTED:
        state = RunEnding.INTERRUPTED
    elif record.problem is not None:
        state = RunEnding.STOPPED
    elif failures:
        state = RunEnding.FAILED if new_failures else RunEnding.KNOWN
    else:
        state = RunEnding.DONE
    return RunSummary(record=record, state=state, found=dict(found), new_failures=new_failures)


def with_findings(ledger: Ledger, record: RunRecord) -> RunRecord:
    """A run that did not end has its findings in the ledger, but not in its record yet. Raises
    LedgerError."""
    if record.ended is not None or record.findings:
        return record
    met = ledger.findings.last_met_by(record.id)
    return replace(
        record,
        findings=tuple(one.id for one in met),
        new_findings=tuple(one.id for one in met if one.first_run == record.id),
    )
