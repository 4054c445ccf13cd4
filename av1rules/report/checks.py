"""What `verify` and `health` found, as text and as JSON. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec
from tabulate import tabulate

from av1rules.base.text import printable
from av1rules.operations.source_health import HealthReport, SourceCheck, SourceHealth
from av1rules.operations.verify_targets import TargetCheck, TargetHealth
from av1rules.report.format import json_text, short_name

DETAIL_WIDTH = 180

DAMAGED_HINT = (
    "hint: get the damaged files again; or, with `accept: [damage]` in a rule, what can be decoded "
    "of them is encoded"
)


def targets_text(checks: Sequence[TargetCheck], *, skipped: int) -> str:
    """A block for each target that is not well, with what to do; counts last."""
    parts = [_target_block(check) for check in checks if check.health is not TargetHealth.WELL]
    counts = Counter(check.health for check in checks)
    touched = sum(check.touched_ns is not None for check in checks)
    shown = [f"{counts[kind]} {kind.value}" for kind in TargetHealth if counts[kind]]
    if touched:
        shown.append(f"{touched} only touched")
    if skipped:
        shown.append(f"{skipped} not looked at again")
    parts.append(f"{_count(len(checks), 'target')} checked: {', '.join(shown) or 'none'}")
    return "\n\n".join(parts)


def _target_block(check: TargetCheck) -> str:
    lines = [
        f"{printable(check.row.target)}",
        f"  {check.health.value}: {printable(check.detail or '', limit=DETAIL_WIDTH)}",
    ]
    if check.hint:
        lines.append(f"  hint: {printable(check.hint)}")
    return "\n".join(lines)


def targets_json(checks: Sequence[TargetCheck], *, skipped: int) -> str:
    """`{"ok", "checked", "skipped", "targets": [...]}`; all that were checked."""
    return _json(
        {
            "ok": all(check.health is TargetHealth.WELL for check in checks),
            "checked": len(checks),
            "skipped": skipped,
            "targets": [
                {
                    "target": json_text(check.row.target),
                    "source": json_text(check.row.source),
                    "health": check.health.value,
                    "detail": None if check.detail is None else json_text(check.detail),
                    "hint": None if check.hint is None else json_text(check.hint),
                    "touched": check.touched_ns is not None,
                }
                for check in checks
            ],
        }
    )


def sources_text(report: HealthReport) -> str:
    """Tables of what is damaged and what is unclear, counts last."""
    parts = [f"warning: {printable(problem)}" for problem in report.problems]
    damaged, unclear = report.of(SourceHealth.DAMAGED), report.of(SourceHealth.UNCLEAR)
    if damaged:
        title = f"Damaged ({_count(len(damaged), 'file')})"
        parts.append(f"{title}\n{_sources_table(damaged)}\n{DAMAGED_HINT}")
    if unclear:
        title = f"Unclear: look at these again ({_count(len(unclear), 'file')})"
        parts.append(f"{title}\n{_sources_table(unclear)}")
    well = len(report.of(SourceHealth.WELL))
    counts = f"{well} well, {len(damaged)} damaged"
    if unclear:
        counts += f", {len(unclear)} unclear"
    parts.append(f"{_count(len(report.checks), 'source')}: {counts}")
    return "\n\n".join(parts)


def _sources_table(checks: Sequence[SourceCheck]) -> str:
    table = [
        (
            short_name(check.file.library_path),
            printable(check.detail or "", limit=DETAIL_WIDTH),
            (check.at or "").partition("T")[0],
        )
        for check in checks
    ]
    headers = ("file", "what", "found on")
    return tabulate(table, headers=headers, tablefmt="simple", disable_numparse=True)


def sources_json(report: HealthReport) -> str:
    """`{"ok", "problems", "sources": [{path, library_path, health, detail, at}]}`."""
    return _json(
        {
            "ok": not report.problems
            and all(check.health is SourceHealth.WELL for check in report.checks),
            "problems": [json_text(problem) for problem in report.problems],
            "sources": [
                {
                    "path": json_text(check.file.path),
                    "library_path": json_text(check.file.library_path),
                    "health": check.health.value,
                    "detail": None if check.detail is None else json_text(check.detail),
                    "at": check.at,
                }
                for check in report.checks
            ],
        }
    )


def _json(document: object) -> str:
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _count(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number} {noun}s"
