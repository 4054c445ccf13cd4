"""What `adopt` found and did, as text and as JSON. Pure."""

from __future__ import annotations

from av1rules.base.text import counted, printable
from av1rules.operations.adopt.adopt import Adoption, AdoptKind, AdoptReport
from av1rules.report.json import json_document
from av1rules.report.table import Column, Section, records, section_text, table_of

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
