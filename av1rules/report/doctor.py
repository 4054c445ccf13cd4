"""What `doctor` found, as text and as JSON. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from av1rules.base.text import counted, printable
from av1rules.operations.doctor import Finding, Grade, has_wrong
from av1rules.report.json import json_document


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
