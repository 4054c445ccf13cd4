"""The status of a library, on one screen and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from av1rules.base.text import counted, printable
from av1rules.base.units import format_size
from av1rules.ledger.checks import DamageRecord
from av1rules.ledger.clips import ClipStatus
from av1rules.ledger.records import Attempt, AttemptResult
from av1rules.operations.status import Status, TrashUsage
from av1rules.report.format import attempt_text, kind_plural, shown_time
from av1rules.report.json import json_document
from av1rules.report.table import Column, Section, records, section_text, table_of

SHOWN_FILES = 10
"""Files named in each section; the rest are counted. `--json` has all of them."""

_REASON_WIDTH = 90


def status_text(status: Status) -> str:
    """Sections with a blank line between; empty ones are left out."""
    sections = [
        "\n".join(_summary(status)),
        "\n".join(_trash_lines(status.aside)),
        _list("Parked: failed too often; `av1rules retry` tries again", _VERDICTS, status.parked),
        _list("Failed; the next run tries again", _VERDICTS, status.failing),
        _list("Damaged targets", _DAMAGE, status.damaged_targets),
        _list("Damaged sources", _DAMAGE, status.damaged_sources),
        "\n".join(_runs(status)),
    ]
    return "\n\n".join(section for section in sections if section)


def _summary(status: Status) -> Iterator[str]:
    version = "none yet" if status.version is None else f"version {status.version}"
    yield f"ledger      {printable(status.ledger)} ({version})"
    yield f"now         {'no run is active' if status.holder is None else _active(status)}"
    if status.left_over:
        jobs = counted(status.left_over, "job")
        yield f"left over   {jobs} of a killed run: the next run cleans up"
    yield f"targets     {_targets(status)}"
    if text := ", ".join(f"{count} {attempt_text(kind)}" for kind, count in status.decided):
        yield f"not done    {text}"
    if status.clips:
        yield f"test clips  {_clips(status)}"


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


def _reason(text: str) -> str:
    return printable(text, limit=_REASON_WIDTH)


_VERDICTS: tuple[Column[Attempt], ...] = (
    Column(key="source", header="file", value=lambda one: one.source, is_name=True),
    Column(key="count", header="times", value=lambda one: one.count, is_number=True),
    Column(key="at", header="last", value=lambda one: one.at, show=shown_time),
    Column(key="reason", header="why", value=lambda one: one.detail, show=_reason),
)

_DAMAGE: tuple[Column[DamageRecord], ...] = (
    Column(key="name", header="file", value=lambda one: one.name, is_name=True),
    Column(key="at", header="found", value=lambda one: one.at, show=shown_time),
    Column(key="fault", header="problem", value=lambda one: one.fault, show=_reason),
)


def _list(title: str, columns: Sequence[Column[Any]], items: Sequence[Any]) -> str:
    if not items:
        return ""
    table = table_of(columns, items, limit=SHOWN_FILES)
    return section_text(Section(title=f"{title} ({len(items)})", table=table))


def _runs(status: Status) -> Iterator[str]:
    if not status.runs:
        return
    yield "Last runs"
    for number, run in enumerate(status.runs):
        is_running = number == 0 and run.ended is None and status.holder is not None
        state = "is running" if is_running else "did not finish"
        result = printable(run.summary or "") if run.ended is not None else state
        yield f"  {run.id:>4}  {shown_time(run.started)}  {result}"


def status_json(status: Status) -> str:
    """One document with everything."""
    return json_document(
        {
            "ledger": {"path": status.ledger, "version": status.version},
            "holder": status.holder,
            "left_over": status.left_over,
            "targets": {
                "count": status.targets,
                "source_bytes": status.source_bytes,
                "target_bytes": status.target_bytes,
                "saved_bytes": status.source_bytes - status.target_bytes,
            },
            "aside": {
                usage.kind.value: {
                    "count": usage.count,
                    "size_bytes": usage.size_bytes,
                    "frees_bytes": usage.frees_bytes,
                    "away": usage.away,
                }
                for usage in status.aside
            },
            "parked": records(_VERDICTS, status.parked),
            "failing": records(_VERDICTS, status.failing),
            **{
                kind.name.lower(): dict(status.decided).get(kind, 0)
                for kind in AttemptResult
                if kind is not AttemptResult.FAILED  # each of these is listed
            },
            "clips": {kind.value: count for kind, count in status.clips},
            "damaged_targets": records(_DAMAGE, status.damaged_targets),
            "damaged_sources": records(_DAMAGE, status.damaged_sources),
            "runs": status.runs,
        }
    )
