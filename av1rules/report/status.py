"""The status of a library, on one screen and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from av1rules.base.text import counted, printable
from av1rules.base.units import format_size
from av1rules.execute.resources.watcher import WatcherState, is_silent
from av1rules.ledger.checks import DamageRecord
from av1rules.ledger.clips import ClipStatus
from av1rules.ledger.records import Attempt, AttemptResult
from av1rules.ledger.runs import RunKind
from av1rules.operations.status import FailingFilm, Status, TrashUsage, failed_film
from av1rules.report.controls.text import control_lines, control_record, order_line
from av1rules.report.documents.status import (
    AllTargets,
    FailureRecord,
    LedgerRecord,
    RetryDocument,
    SegmentsRecord,
    StandInCount,
    StatusDocument,
    TrashRecord,
)
from av1rules.report.format import attempt_text, kind_plural, shown_time
from av1rules.report.json import json_document
from av1rules.report.rest.text import stand_in_counts
from av1rules.report.runs import result_text, run_entry
from av1rules.report.table import Column, Section, each_typed, table_of
from av1rules.report.table_text import section_text
from av1rules.report.view import PLAIN, View, fit

SHOWN_FILES = 10
"""Files named in each section; the rest are counted. `--json` has all of them."""

_REASON_WIDTH = 90


_LABEL_WIDTH = 12
_RUN_LABEL_WIDTH = 22


def status_text(status: Status, view: View = PLAIN) -> str:
    """Sections with a blank line between; empty ones are left out."""
    sections = [
        "\n".join(fit(_summary(status), view, hang=_LABEL_WIDTH)),
        "\n".join(fit(_trash_lines(status.aside), view)),
        _list(
            "Parked: failed too often; `av1rules retry` tries again", _VERDICTS, status.parked, view
        ),
        _list("Failed; the next run tries again", _VERDICTS, status.failing, view),
        _list("Damaged targets", _DAMAGE, status.damaged_targets, view),
        _list("Damaged sources", _DAMAGE, status.damaged_sources, view),
        "\n".join(fit(_runs(status), view, hang=_RUN_LABEL_WIDTH)),
    ]
    return "\n\n".join(section for section in sections if section)


def _summary(status: Status) -> Iterator[str]:
    version = "none yet" if status.version is None else f"version {status.version}"
    yield f"ledger      {printable(status.ledger)} ({version})"
    yield f"now         {'no run is active' if status.holder is None else _active(status)}"
    if status.watcher is not None:
        yield f"watcher     {watcher_text(status.watcher)}"
    for line in control_lines(status.controls):
        yield f"held        {line}"
    if (moved := order_line(status.controls)) is not None:
        yield f"order       {moved}"
    for schedule in status.schedules:
        yield f"schedule    {schedule.text}"
    for one in status.backlogs:
        why = "" if one.problem is None else f": {_reason(one.problem)}"
        name = printable(one.neighbour)
        since = shown_time(one.since)
        yield f"not told    {name} of {counted(one.waiting, 'event')} since {since}{why}"
    if status.left_over:
        jobs = counted(status.left_over, "job")
        yield f"left over   {jobs} of a killed run: the next run cleans up"
    for film in status.segments:
        finished = counted(film.finished, "finished segment")
        size = format_size(film.size_bytes)
        yield f"segments    {printable(film.film)}: {finished} ({size}), for the next run to use"
    yield f"targets     {_targets(status)}"
    if status.unrecorded:
        files = counted(status.unrecorded, "file")
        yield (
            f"unknown     {files} in the places of targets or originals, and none in this ledger: "
            "was run.state_dir changed? `av1rules adopt` takes them up"
        )
    if status.stand_ins:
        yield f"in mirror   {stand_in_counts(status.stand_ins)}"
    if text := ", ".join(f"{count} {attempt_text(kind)}" for kind, count in status.decided):
        yield f"not done    {text}"
    if status.clips:
        yield f"test clips  {_clips(status)}"


def watcher_text(watcher: WatcherState) -> str:
    """What a watcher does, in one line."""
    parts = [watcher.state if watcher.reason is None else f"{watcher.state}: {watcher.reason}"]
    if watcher.until is not None:
        parts.append(f"looks again {shown_time(watcher.until)}")
    parts.append(f"process {watcher.pid} on {watcher.host} since {shown_time(watcher.since)}")
    if is_silent(watcher):
        parts.append("silent for minutes: it hangs, or its machine sleeps")
    return printable(", ".join(parts))


def _active(status: Status) -> str:
    return f"a run is active: {printable(status.holder or '')}"


def _targets(status: Status) -> str:
    if not status.targets:
        return "none"
    saved = status.source_bytes - status.target_bytes
    share = f" ({saved / status.source_bytes:.0%})" if status.source_bytes else ""
    sizes = f"{format_size(status.source_bytes)} -> {format_size(status.target_bytes)}"
    return f"{status.targets}, {sizes}, saved {format_size(saved)}{share}"


def _clips(status: Status) -> str:
    text = ", ".join(f"{count} {kind.value}" for kind, count in status.clips)
    wait = any(kind in (ClipStatus.WAITING, ClipStatus.VOID) for kind, _ in status.clips)
    return f"{text}{' (`av1rules clips list`)' if wait else ''}"


def _trash_lines(usages: tuple[TrashUsage, ...]) -> Iterator[str]:
    if not usages:
        return
    freed = format_size(sum(usage.frees_bytes for usage in usages))
    yield f"Trash: purging all of it would free {freed} (`av1rules originals list`)"
    for usage in usages:
        missing = f", {usage.away} missing" if usage.away else ""
        size = format_size(usage.size_bytes)
        yield f"  {kind_plural(usage.kind):<10}{usage.count}, {size}{missing}"


def _time_or_none(at: str) -> str:
    return shown_time(at) if at else ""


def _reason(text: str) -> str:
    return printable(text, limit=_REASON_WIDTH)


_VERDICTS: tuple[Column[FailingFilm], ...] = (
    Column(key="source", header="file", value=lambda one: one.source, is_name=True),
    Column(key="kind", value=lambda one: one.kind),
    Column(key="count", header="times", value=lambda one: one.times, is_number=True),
    Column(key="at", header="last", value=lambda one: one.at, show=_time_or_none),
    Column(key="reason", header="why", value=lambda one: one.detail, show=_reason, is_detail=True),
)

_DAMAGE: tuple[Column[DamageRecord], ...] = (
    Column(key="name", header="file", value=lambda one: one.name, is_name=True),
    Column(key="at", header="found", value=lambda one: one.at, show=shown_time),
    Column(
        key="fault", header="problem", value=lambda one: one.fault, show=_reason, is_detail=True
    ),
)


def _list(title: str, columns: Sequence[Column[Any]], items: Sequence[Any], view: View) -> str:
    if not items:
        return ""
    table = table_of(columns, items, limit=SHOWN_FILES, rest="--json")
    return section_text(Section(title=f"{title} ({len(items)})", table=table), view)


def _runs(status: Status) -> Iterator[str]:
    if not status.runs:
        return
    yield "Last runs (`av1rules runs`)"
    for run in status.runs:
        kind = "" if run.record.kind is RunKind.RUN else f"{run.record.kind.value}: "
        yield f"  {run.record.id:>4}  {shown_time(run.record.started)}  {kind}{result_text(run)}"


def status_json(status: Status) -> str:
    """One document with everything."""
    decided = dict(status.decided)
    return json_document(
        StatusDocument(
            ledger=LedgerRecord(path=status.ledger, version=status.version),
            holder=status.holder,
            controls=tuple(map(control_record, status.controls)),
            schedules=status.schedules,
            watcher=status.watcher,
            backlogs=status.backlogs,
            left_over=status.left_over,
            segments=tuple(
                SegmentsRecord(
                    source=film.film,
                    finished=film.finished,
                    size_bytes=film.size_bytes,
                    at=film.at,
                )
                for film in status.segments
            ),
            unrecorded=status.unrecorded,
            targets=AllTargets(
                count=status.targets,
                source_bytes=status.source_bytes,
                target_bytes=status.target_bytes,
                saved_bytes=status.source_bytes - status.target_bytes,
            ),
            stand_ins={
                kind.value: StandInCount(
                    films=status.stand_ins.get((kind, True), 0),
                    side_files=status.stand_ins.get((kind, False), 0),
                )
                for kind in dict.fromkeys(kind for kind, _ in status.stand_ins)
            },
            trash={
                usage.kind.value: TrashRecord(
                    count=usage.count,
                    size_bytes=usage.size_bytes,
                    frees_bytes=usage.frees_bytes,
                    away=usage.away,
                )
                for usage in status.aside
            },
            parked=failure_records(status.parked),
            failing=failure_records(status.failing),
            too_large=decided.get(AttemptResult.TOO_LARGE, 0),
            too_poor=decided.get(AttemptResult.TOO_POOR, 0),
            undone=decided.get(AttemptResult.UNDONE, 0),
            clips={kind.value: count for kind, count in status.clips},
            damaged_targets=status.damaged_targets,
            damaged_sources=status.damaged_sources,
            runs=tuple(map(run_entry, status.runs)),
        )
    )


def failure_records(films: Iterable[FailingFilm]) -> tuple[FailureRecord, ...]:
    """Failures for programs."""
    return tuple(each_typed(FailureRecord, _VERDICTS, films))


def retry_json(freed: Iterable[Attempt], *, is_dry: bool) -> str:
    """The document of `retry`."""
    freed_films = failure_records(map(failed_film, freed))
    return json_document(RetryDocument(dry_run=is_dry, freed=freed_films))
