"""How things stand, on one screen and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from tabulate import tabulate

from av1rules.base.text import printable, printable_json
from av1rules.base.units import format_size
from av1rules.ledger.clips import ClipStatus
from av1rules.ledger.history import DamageRecord
from av1rules.ledger.records import Attempt, AttemptResult
from av1rules.operations.status import Status, TrashUsage
from av1rules.report.format import json_text, short_name, shown_time, verdict_words

SHOWN_FILES = 10
"""Files named in each section; the rest are counted. `--json` has all of them."""

_REASON_WIDTH = 90


def status_text(status: Status) -> str:
    """Sections with a blank line between; those with nothing to say are left out."""
    sections = [
        "\n".join(_summary(status)),
        "\n".join(_aside(status.aside)),
        _verdicts("Parked: failed too often, `av1rules retry` frees them", status.parked),
        _verdicts("Failed, and tried again by the next run", status.failing),
        _faults("Damaged targets", status.damaged_targets),
        _faults("Damaged sources", status.damaged_sources),
        "\n".join(_runs(status)),
    ]
    return "\n\n".join(section for section in sections if section)


def _summary(status: Status) -> Iterator[str]:
    version = "none yet" if status.version is None else f"version {status.version}"
    yield f"ledger      {printable(status.ledger)} ({version})"
    yield f"now         {'nobody is at work' if status.holder is None else _at_work(status)}"
    if status.left_over:
        yield f"left over   {status.left_over} by a run that died: the next run clears up"
    yield f"targets     {_targets(status)}"
    if told := ", ".join(f"{count} {verdict_words(kind)}" for kind, count in status.decided):
        yield f"not done    {told}"
    if status.clips:
        yield f"test clips  {_clips(status)}"


def _at_work(status: Status) -> str:
    return f"a run is at work: {printable(status.holder or '')}"


def _targets(status: Status) -> str:
    if not status.targets:
        return "none"
    saved = status.source_bytes - status.target_bytes
    share = f" ({saved / status.source_bytes:.0%})" if status.source_bytes else ""
    sizes = f"{format_size(status.source_bytes)} -> {format_size(status.target_bytes)}"
    return f"{status.targets}, {sizes}, saved {format_size(saved)}{share}"


def _clips(status: Status) -> str:
    told = ", ".join(f"{count} {standing.value}" for standing, count in status.clips)
    wait = any(standing in (ClipStatus.WAITING, ClipStatus.VOID) for standing, _ in status.clips)
    return f"{told}{' (`av1rules clips list`)' if wait else ''}"


def _aside(heaps: tuple[TrashUsage, ...]) -> Iterator[str]:
    if not heaps:
        return
    freed = format_size(sum(heap.frees_bytes for heap in heaps))
    yield f"Aside: purging all of it would free {freed} (`av1rules originals list`)"
    for heap in heaps:
        away = f", {heap.away} not where they were put" if heap.away else ""
        yield f"  {heap.kind.value + 's':<10}{heap.count}, {format_size(heap.size_bytes)}{away}"


def _verdicts(title: str, verdicts: tuple[Attempt, ...]) -> str:
    rows = [
        (
            short_name(verdict.source),
            verdict.count,
            shown_time(verdict.at),
            printable(verdict.detail, limit=_REASON_WIDTH),
        )
        for verdict in verdicts[:SHOWN_FILES]
    ]
    return _table(title, ("file", "times", "last", "why"), rows, len(verdicts))


def _faults(title: str, faults: tuple[DamageRecord, ...]) -> str:
    rows = [
        (short_name(item.name), shown_time(item.at), printable(item.fault, limit=_REASON_WIDTH))
        for item in faults[:SHOWN_FILES]
    ]
    return _table(title, ("file", "seen", "fault"), rows, len(faults))


def _table(title: str, headers: tuple[str, ...], rows: list[tuple[Any, ...]], count: int) -> str:
    if not rows:
        return ""
    table = tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=True)
    more = f"\n... and {count - len(rows)} more" if count > len(rows) else ""
    return f"{title} ({count})\n{table}{more}"


def _runs(status: Status) -> Iterator[str]:
    if not status.runs:
        return
    yield "Last runs"
    for number, run in enumerate(status.runs):
        is_at_work = number == 0 and run.ended is None and status.holder is not None
        ended = "at work" if is_at_work else "did not end"
        told = printable(run.summary or "") if run.ended is not None else ended
        yield f"  {run.id:>4}  {shown_time(run.started)}  {told}"


def status_json(status: Status) -> str:
    """One document with everything; odd bytes of file names as `\\xNN`."""
    document = {
        "format": 1,
        "ledger": {"path": json_text(status.ledger), "version": status.version},
        "holder": status.holder,
        "left_over": status.left_over,
        "targets": {
            "count": status.targets,
            "source_bytes": status.source_bytes,
            "target_bytes": status.target_bytes,
            "saved_bytes": status.source_bytes - status.target_bytes,
        },
        "aside": {
            heap.kind.value: {
                "count": heap.count,
                "size_bytes": heap.size_bytes,
                "frees_bytes": heap.frees_bytes,
                "away": heap.away,
            }
            for heap in status.aside
        },
        "parked": [_verdict_record(verdict) for verdict in status.parked],
        "failing": [_verdict_record(verdict) for verdict in status.failing],
        **{
            _key(kind): dict(status.decided).get(kind, 0)
            for kind in AttemptResult
            if _is_told(kind)
        },
        "clips": {standing.value: count for standing, count in status.clips},
        "damaged_targets": [_fault_record(item) for item in status.damaged_targets],
        "damaged_sources": [_fault_record(item) for item in status.damaged_sources],
        "runs": [
            {"id": run.id, "started": run.started, "ended": run.ended, "summary": run.summary}
            for run in status.runs
        ],
    }
    return printable_json(msgspec.json.format(msgspec.json.encode(document)).decode())


def _is_told(kind: AttemptResult) -> bool:
    """Failures are told one by one."""
    return kind is not AttemptResult.FAILED


def _key(kind: AttemptResult) -> str:
    return kind.name.lower()


def _verdict_record(verdict: Attempt) -> dict[str, Any]:
    return {
        "source": json_text(verdict.source),
        "count": verdict.count,
        "at": verdict.at,
        "reason": json_text(verdict.detail),
    }


def _fault_record(item: DamageRecord) -> dict[str, Any]:
    return {"name": json_text(item.name), "at": item.at, "fault": json_text(item.fault)}
