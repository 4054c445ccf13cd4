"""What `doctor` found, as text and as JSON. Pure; the checks themselves are the command's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

import msgspec

from av1rules.base.text import printable, printable_json
from av1rules.operations.doctor.findings import Finding, Grade


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
    shown = f"{warnings} warning{'' if warnings == 1 else 's'}"
    return f"{wrong or 'nothing'} wrong, {shown}" if wrong or warnings else "all is well"


def has_wrong(findings: Sequence[Finding]) -> bool:
    return any(finding.grade is Grade.WRONG for finding in findings)


def doctor_json(findings: Sequence[Finding]) -> str:
    """`{"ok": ..., "findings": [{section, grade, subject, detail, hint}, ...]}`, printable text."""
    listed = [
        {
            "section": finding.section,
            "grade": finding.grade.value,
            "subject": printable(finding.subject),
            "detail": printable(finding.detail),
            "hint": None if finding.hint is None else printable(finding.hint),
        }
        for finding in findings
    ]
    told = {"ok": not has_wrong(findings), "findings": listed}
    return printable_json(msgspec.json.format(msgspec.json.encode(told)).decode())
