"""What `verify` and `health` found, as text and as JSON. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from av1rules.base.text import counted, printable
from av1rules.operations.source_health import HealthReport, SourceCheck, SourceHealth
from av1rules.operations.verify_targets import TargetCheck, TargetHealth
from av1rules.report.json import json_document
from av1rules.report.table import Column, Section, records, section_text, table_of

DETAIL_WIDTH = 180

DAMAGED_HINT = (
    "hint: get the damaged files again; or, with `accept: [damage]` in a rule, a run encodes what "
    "can be decoded of them"
)

_TARGET_COLUMNS: tuple[Column[TargetCheck], ...] = (
    Column(key="target", value=lambda check: check.row.target),
    Column(key="source", value=lambda check: check.row.source),
    Column(key="health", value=lambda check: check.health),
    Column(key="detail", value=lambda check: check.detail),
    Column(key="hint", value=lambda check: check.hint),
    Column(key="touched", value=lambda check: check.touched_ns is not None),
)

_SOURCE_COLUMNS: tuple[Column[SourceCheck], ...] = (
    Column(key="path", value=lambda check: check.file.path),
    Column(
        key="library_path", header="file", value=lambda check: check.file.library_path, is_name=True
    ),
    Column(key="health", value=lambda check: check.health),
    Column(
        key="detail",
        header="problem",
        value=lambda check: check.detail,
        show=lambda detail: printable(detail or "", limit=DETAIL_WIDTH),
    ),
    Column(
        key="at",
        header="found on",
        value=lambda check: check.at,
        show=lambda at: (at or "").partition("T")[0],
    ),
)


def targets_text(checks: Sequence[TargetCheck], *, skipped: int) -> str:
    """A block for each target with a problem, with what to do; counts last."""
    parts = [_target_block(check) for check in checks if check.health is not TargetHealth.WELL]
    counts = Counter(check.health for check in checks)
    touched = sum(check.touched_ns is not None for check in checks)
    shown = [f"{counts[kind]} {kind.value}" for kind in TargetHealth if counts[kind]]
    if touched:
        shown.append(f"{touched} with a new modification time only")
    if skipped:
        shown.append(f"{skipped} not checked again")
    parts.append(f"{counted(len(checks), 'target')} checked: {', '.join(shown) or 'none'}")
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
    """`{"format", "ok", "checked", "skipped", "targets": [...]}`; all that were checked."""
    return json_document(
        {
            "ok": all(check.health is TargetHealth.WELL for check in checks),
            "checked": len(checks),
            "skipped": skipped,
            "targets": records(_TARGET_COLUMNS, checks),
        }
    )


def sources_text(report: HealthReport) -> str:
    """Tables of what is damaged and what is unclear, counts last."""
    parts = [f"warning: {printable(problem)}" for problem in report.problems]
    damaged, unclear = report.of(SourceHealth.DAMAGED), report.of(SourceHealth.UNCLEAR)
    if damaged:
        parts.append(f"{_sources('Damaged', damaged)}\n{DAMAGED_HINT}")
    if unclear:
        parts.append(_sources("Unclear: check these again", unclear))
    counts = f"{len(report.of(SourceHealth.WELL))} {SourceHealth.WELL.value}"
    counts += f", {len(damaged)} {SourceHealth.DAMAGED.value}"
    if unclear:
        counts += f", {len(unclear)} {SourceHealth.UNCLEAR.value}"
    parts.append(f"{counted(len(report.checks), 'source')}: {counts}")
    return "\n\n".join(parts)


def _sources(title: str, checks: Sequence[SourceCheck]) -> str:
    title = f"{title} ({counted(len(checks), 'file')})"
    return section_text(Section(title=title, table=table_of(_SOURCE_COLUMNS, checks)))


def sources_json(report: HealthReport) -> str:
    """`{"format", "ok", "problems", "sources": [{path, library_path, health, detail, at}]}`."""
    return json_document(
        {
            "ok": not report.problems
            and all(check.health is SourceHealth.WELL for check in report.checks),
            "problems": report.problems,
            "sources": records(_SOURCE_COLUMNS, report.checks),
        }
    )
