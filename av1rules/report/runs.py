"""The runs of a ledger as a table that fits the terminal, one run in full, and both as JSON."""

from __future__ import annotations

import shlex
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from av1rules.base.events import Outcome
from av1rules.base.findings import FilmFinding, FindingKind
from av1rules.base.text import counted, printable
from av1rules.base.units import format_duration, format_size
from av1rules.ledger.outbox.table import OutboxEntry, OutboxState
from av1rules.ledger.records import RunTarget
from av1rules.ledger.run_history import RunDetails, RunEnding, RunSummary
from av1rules.ledger.runs import RunKind
from av1rules.ledger.trash_table import TrashEntry, TrashKind
from av1rules.report.documents.runs import (
    Delivery,
    FindingEntry,
    RunDocument,
    RunEntry,
    RunsDocument,
    TrashedFile,
)
from av1rules.report.format import shown_time
from av1rules.report.json import json_document
from av1rules.report.table import Column, Section, number, table_of
from av1rules.report.table_text import section_text, table_text
from av1rules.report.view import PLAIN, View, fit

NO_RUNS = "no runs recorded yet: a run that has nothing to do leaves no record"

_OTHERWISE_COUNTED = (
    Outcome.FAILED,
    Outcome.REFUSED,
    Outcome.NOT_ATTEMPTED,
    Outcome.OVER_BUDGET,
    Outcome.PREPARED,
)
"""Outcomes that the findings name, or that are left."""

_JOB_FAILURES = (
    FindingKind.FAILED,
    FindingKind.NO_ACCESS,
    FindingKind.SYSTEM,
    FindingKind.ERROR,
    FindingKind.BUG,
)

_OTHER_FAILURES = (
    FindingKind.BLOCKED,
    FindingKind.OUTDATED,
    FindingKind.UNREADABLE,
    FindingKind.REFUSED,
)


def result_text(run: RunSummary) -> str:
    """What a run came to, in one line."""
    record = run.record
    if record.summary is not None:
        if record.kind is RunKind.UNDO:  # earlier versions counted nothing of it
            return "put files back"
        return printable(record.summary)
    parts = list(_result_parts(run))
    if run.state in (RunEnding.RUNNING, RunEnding.KILLED, RunEnding.INTERRUPTED):
        parts.insert(0, run.state.text)
    if record.problem is not None:
        parts.insert(0, printable(record.problem.partition("\n")[0]))
    return ", ".join(parts) or "nothing done"


def _result_parts(run: RunSummary) -> Iterator[str]:
    record = run.record
    for outcome, count in record.counts.items():
        if outcome not in _OTHERWISE_COUNTED:
            yield outcome.counted(count)
    if record.source_bytes:
        yield f"{format_size(run.saved_bytes)} saved"
    if run.failures:
        yield f"{', '.join(_failure_parts(run))} ({_news(run)})"
    if run.held:
        yield f"{run.held} held"
    if run.left:
        yield f"{run.left} left"


def _failure_parts(run: RunSummary) -> Iterator[str]:
    failed = sum(run.found.get(kind, 0) for kind in _JOB_FAILURES)
    if failed:
        yield f"{failed} failed"
    for kind in _OTHER_FAILURES:
        if count := run.found.get(kind, 0):
            yield f"{count} {kind.text}"


def _news(run: RunSummary) -> str:
    """How many of the failures no earlier run told."""
    if not run.new_failures:
        return "known"
    return "new" if run.new_failures == run.failures else f"{run.new_failures} new"


def took_s(run: RunSummary) -> float | None:
    """How long a run took; None for one that did not end."""
    if run.record.ended is None:
        return None
    ended = datetime.fromisoformat(run.record.ended)
    return (ended - datetime.fromisoformat(run.record.started)).total_seconds()


def _took(run: RunSummary) -> str:
    duration_s = took_s(run)
    if duration_s is None:
        return ""
    return f"{duration_s:.0f} s" if duration_s < 60 else format_duration(duration_s)


def _result_lines(run: RunSummary) -> str:
    if not run.same or run.since is None:
        return result_text(run)
    return f"{result_text(run)}, {run.same + 1} runs alike since {shown_time(run.since)}"


def _result_with_kind(run: RunSummary) -> str:
    kind = run.record.kind
    return _result_lines(run) if kind is RunKind.RUN else f"{kind.value}: {_result_lines(run)}"


_RUN = number("id", "run", lambda run: run.record.id)
_STARTED: Column[RunSummary] = Column(
    header="started", value=lambda run: run.record.started, show=shown_time
)
_STARTED_SHORT: Column[RunSummary] = Column(
    header="started", value=lambda run: run.record.started, show=lambda at: shown_time(at)[5:]
)
_TOOK = number("took_s", "took", lambda run: run, _took)
_WHAT: Column[RunSummary] = Column(header="what", value=lambda run: run.record.kind)

_LEAST_RESULT = 24
"""Columns that a result needs; narrower terminals leave out others first."""

_LAYOUTS = (
    ((_RUN, _STARTED, _TOOK, _WHAT), _result_lines),
    ((_RUN, _STARTED, _WHAT), _result_lines),
    ((_RUN, _STARTED_SHORT), _result_with_kind),
)
"""The columns before the result and what it says, for ever narrower terminals."""


def runs_text(runs: Sequence[RunSummary], view: View = PLAIN) -> str:
    """A row a run, newest first."""
    if not runs:
        return NO_RUNS
    width = view.width
    first, words = next(
        (one for one in _LAYOUTS if _room(one[0], runs, width) >= _LEAST_RESULT), _LAYOUTS[-1]
    )
    room = None if width is None else _room(first, runs, width)
    result: Column[RunSummary] = Column(
        header="result",
        value=words,
        show=lambda text: text if room is None else _wrapped(text, room),
    )
    return table_text(table_of((*first, result), runs), view)


def _room(
    columns: Sequence[Column[RunSummary]], runs: Sequence[RunSummary], width: int | None
) -> int:
    """What these columns leave of the width for the result."""
    if width is None:
        return _LEAST_RESULT
    return width - 2 - max(map(len, table_text(table_of(columns, runs)).splitlines()))


def _wrapped(text: str, room: int) -> str:
    """Break between the parts of a result, and inside one only if it is too long for a line."""
    room = max(room, 1)
    parts = [
        part if len(part) >= room else part.replace(" ", _NO_BREAK) for part in text.split(", ")
    ]
    return textwrap.fill(", ".join(parts), room).replace(_NO_BREAK, " ")


_NO_BREAK = "\N{NO-BREAK SPACE}"


def run_entry(run: RunSummary) -> RunEntry:
    """One run for programs."""
    record = run.record
    return RunEntry(
        id=record.id,
        kind=record.kind,
        state=run.state,
        started=record.started,
        ended=record.ended,
        took_s=took_s(run),
        command=record.command,
        exit_code=record.exit_code,
        problem=record.problem,
        summary=result_text(run),
        counts={outcome.name.lower(): count for outcome, count in record.counts.items()},
        source_bytes=record.source_bytes,
        target_bytes=record.target_bytes,
        saved_bytes=run.saved_bytes,
        failures=run.failures,
        new_failures=run.new_failures,
        held=run.held,
        left=run.left,
        same=run.same,
        since=run.since,
    )


def runs_json(runs: Sequence[RunSummary]) -> str:
    """The document of `runs`."""
    return json_document(RunsDocument(runs=tuple(map(run_entry, runs))))


# --- one run


_LABEL_WIDTH = 11

_MADE: tuple[Column[RunTarget], ...] = (
    Column(header="film", value=lambda one: one.source, is_name=True),
    number("source_bytes", "source", lambda one: one.source_bytes, format_size),
    number("target_bytes", "target", lambda one: one.target_bytes, format_size),
    number("saved_bytes", "saved", lambda one: one.source_bytes - one.target_bytes, format_size),
)

_IN_TRASH: tuple[Column[TrashEntry], ...] = (
    Column(header="what", value=lambda one: one.kind),
    Column(header="former place", value=lambda one: one.place, is_name=True),
    number("size_bytes", "size", lambda one: one.size_bytes, format_size),
)


def next_command(finding: FilmFinding) -> str | None:
    """The command that a user would type next for a film."""
    command = _NEXT.get(finding.kind)
    if command is None:
        return None
    film = f" {shlex.quote(printable(finding.film))}" if finding.film else ""
    return f"av1rules {command}{'' if command in _WITHOUT_FILM else film}"


_WITHOUT_FILM = ("doctor", "originals list")

_NEXT = {
    FindingKind.FAILED: "retry",
    FindingKind.NO_ACCESS: "run",
    FindingKind.SYSTEM: "run",
    FindingKind.ERROR: "run",
    FindingKind.BLOCKED: "explain",
    FindingKind.OUTDATED: "explain",
    FindingKind.UNREADABLE: "doctor",
    FindingKind.REFUSED: "originals list",
    FindingKind.HELD: "explain",
    FindingKind.HELD_BY_USER: "resume",
    FindingKind.CLIP_WAITING: "clips compare",
    FindingKind.DISCARDED: "explain",
    FindingKind.WITHHELD: "explain",
    FindingKind.LEFT: "run",
}


def run_text(details: RunDetails, view: View = PLAIN) -> str:
    """One run in full: its command and result, what it made, and what it did not, with the command
    that comes next for each film."""
    sections = [
        "\n".join(fit(_heading(details), view, hang=_LABEL_WIDTH)),
        _section(f"Made: {counted(len(details.made), 'target')}", _MADE, details.made, view),
        *(
            "\n".join(fit(_findings(title, details, is_shown), view))
            for title, is_shown in (
                ("Failed", lambda kind: kind.is_failure),
                ("Waiting for you", lambda kind: kind.is_waiting),
                ("Without a target", lambda kind: not (kind.is_failure or kind.is_waiting)),
            )
        ),
        _section("In the trash", _IN_TRASH, details.in_trash, view),
        "\n".join(fit(_deliveries(details.announced), view)),
        "\n".join(fit(_closing(details), view)),
    ]
    return "\n\n".join(section for section in sections if section)


def _heading(details: RunDetails) -> Iterator[str]:
    run = details.summary
    record = run.record
    yield f"run {record.id}      {record.kind.value}, {run.state.text}"
    if record.command:
        yield f"command    {printable(shlex.join(record.command))}"
    took = _took(run)
    yield f"started    {shown_time(record.started)}{f', took {took}' if took else ''}"
    if record.exit_code is not None:
        yield f"exit code  {record.exit_code}"
    yield f"result     {result_text(run)}"
    for line in (record.problem or "").split("\n")[1:]:
        yield f"           {printable(line.strip())}"


def _section(title: str, columns: Sequence[Column[Any]], items: Sequence[Any], view: View) -> str:
    if not items:
        return ""
    return section_text(Section(title=title, table=table_of(columns, items)), view)


def _findings(
    title: str, details: RunDetails, is_shown: Callable[[FindingKind], bool]
) -> Iterator[str]:
    shown = [one for one in details.findings if is_shown(one.kind)]
    if shown:
        yield f"{title} ({len(shown)})"
    for finding in shown:
        is_new = finding.kind.is_failure and finding.is_new
        film = printable(finding.film) or "the library"
        yield f"  {film}: {finding.kind.text}{' (new)' if is_new else ''}"
        yield from (f"      {printable(line)}" for line in finding.detail.splitlines())
        if finding.hint:
            yield f"      hint: {printable(finding.hint)}"
        if (command := next_command(finding)) is not None:
            yield f"      next: {command}"


def _deliveries(announced: Sequence[OutboxEntry]) -> Iterator[str]:
    """How many events each neighbour was told of, and why it was not told of others."""
    if announced:
        yield "Neighbours"
    counts = Counter(
        (one.neighbour, one.state, None if one.state is OutboxState.DONE else one.problem)
        for one in announced
    )
    for (neighbour, state, problem), count in counts.items():
        words = {OutboxState.DONE: "told of", OutboxState.PENDING: "not told yet of"}
        what = words.get(state, "never told of")
        reason = "" if problem is None else f": {printable(problem)}"
        yield f"  {neighbour}: {what} {counted(count, 'event')}{reason}"


def _closing(details: RunDetails) -> Iterator[str]:
    record = details.summary.record
    made = sum(record.counts.get(one, 0) for one in (Outcome.DONE, Outcome.COPIED))
    if (gone := made - len(details.made)) > 0 and record.ended is not None:
        yield f"made anew, undone or removed since: {counted(gone, 'target')}"
    if any(one.kind is TrashKind.RESULT for one in details.in_trash):
        yield f"next: av1rules undo {record.id} puts the AV1 files back"
    elif details.in_trash:
        yield f"next: av1rules undo {record.id} puts the files back that it moved to the trash"


def run_json(details: RunDetails) -> str:
    """The document of `runs show`."""
    return json_document(
        RunDocument(
            run=run_entry(details.summary),
            made=details.made,
            findings=tuple(
                FindingEntry(
                    film=one.film,
                    kind=one.kind,
                    is_failure=one.kind.is_failure,
                    is_new=one.is_new,
                    detail=one.detail,
                    hint=one.hint,
                    next=next_command(one),
                )
                for one in details.findings
            ),
            trash=tuple(
                TrashedFile(
                    kind=one.kind, place=one.place, path=one.path, size_bytes=one.size_bytes
                )
                for one in details.in_trash
            ),
            deliveries=tuple(
                Delivery(
                    neighbour=one.neighbour,
                    event=one.event,
                    film=one.film,
                    state=one.state,
                    attempts=one.attempts,
                    problem=one.problem,
                    at=one.at,
                    ended=one.ended,
                    next_try=one.next_try,
                )
                for one in details.announced
            ),
        )
    )
