"""What `doctor`, `verify`, `health` and `adopt` found, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from av1rules.base.text import counted, printable
from av1rules.operations.adopt.adopt import Adoption, AdoptKind, AdoptReport
from av1rules.operations.doctor import Finding, Grade, has_wrong
from av1rules.operations.source_health import HealthReport, SourceCheck, SourceHealth
from av1rules.operations.verify_targets import TargetCheck, TargetHealth
from av1rules.report.json import json_document
from av1rules.report.table import Column, Section, records, section_text, table_of


def doctor_text(findings: Sequence[Finding]) -> str:
    """Sections in the order of the findings, each line with its grade, hints below, counts last."""
    parts: list[str] = []
    for section, items in groupby(findings, key=lambda finding: finding.section):
        parts.append("\n".join([section, *(_lines(item) for item in items)]))
    return "\n\n".join([*parts, _verdict(findings)])


def _lines(finding: Finding) -> str:
    shown = f"{printable(finding.subject)}: {printable(finding.detail)}"
    line = f"  {finding.grade.value:<8} {shown}"
    return f"{line}\n{'':11}hint: {printable(finding.hint)}" if finding.hint else line


def _verdict(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.grade for finding in findings)
    wrong, warnings = counts[Grade.WRONG], counts[Grade.WARNING]
    shown = counted(warnings, "warning")
    return f"{wrong or 'nothing'} wrong, {shown}" if wrong or warnings else "all is well"


def doctor_json(findings: Sequence[Finding]) -> str:
    """`{"format", "ok", "findings": [{section, grade, subject, detail, hint}, ...]}`."""
    return json_document({"ok": not has_wrong(findings), "findings": findings})


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
    """A block for each target with a problem, and what to do; counts last."""
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
    """`{"format", "ok", "checked", "skipped", "targets": [...]}`: every target that was checked."""
    return json_document(
        {
            "ok": all(check.health is TargetHealth.WELL for check in checks),
            "checked": len(checks),
            "skipped": skipped,
            "targets": records(_TARGET_COLUMNS, checks),
        }
    )


def sources_text(report: HealthReport) -> str:
    """Tables of damaged and unclear sources, counts last."""
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


LINE_WIDTH = 180

_TITLES = {
    AdoptKind.ADOPTED: "Adopted",
    AdoptKind.RENEWED: "Renewed: edited since they were written",
    AdoptKind.RENAMED: "Renamed: the ledger follows",
    AdoptKind.REFUSED: "Refused: left as they are",
}


def _notes(row: Adoption) -> str:
    lines = [row.reason] if row.reason else []
    if row.original:
        lines.append(f"the original is in {row.original}")
    return "\n".join(printable(line, limit=LINE_WIDTH) for line in (*lines, *row.notes))


_COLUMNS: tuple[Column[Adoption], ...] = (
    Column(key="target", header="target", value=lambda row: row.target, is_name=True),
    Column(key="result", value=lambda row: row.kind),
    Column(key="source", header="source", value=lambda row: row.source, is_name=True),
    Column(key="original", value=lambda row: row.original),
    Column(key="reason", value=lambda row: row.reason),
    Column(key="notes", value=lambda row: row.notes),
    Column(header="notes", value=_notes, show=str),
)


def adopt_text(report: AdoptReport, *, is_dry: bool) -> str:
    """A table for each kind, counts last."""
    parts = [f"warning: {printable(problem)}" for problem in report.problems]
    for kind in AdoptKind:
        if rows := report.of(kind):
            title = f"{_TITLES[kind]} ({counted(len(rows), 'file')})"
            parts.append(section_text(Section(title=title, table=table_of(_COLUMNS, rows))))
    counts = [f"{len(report.of(kind))} {kind.value}" for kind in AdoptKind if report.of(kind)] or [
        "nothing to adopt"
    ]
    if report.known:
        counts.append(f"{report.known} unchanged in the ledger")
    parts.append(f"{', '.join(counts)}{'; nothing was written' if is_dry else ''}")
    return "\n\n".join(parts)


def adopt_json(report: AdoptReport, *, is_dry: bool) -> str:
    """`{"format", "ok", "dry_run", "known", "problems", "targets": [...]}`."""
    return json_document(
        {
            "ok": not report.problems and not report.of(AdoptKind.REFUSED),
            "dry_run": is_dry,
            "known": report.known,
            "problems": report.problems,
            "targets": records(_COLUMNS, report.adoptions),
        }
    )
