"""What `adopt` found and did, as text and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from tabulate import tabulate

from av1rules.base.text import printable
from av1rules.operations.adopt.adopt import Adoption, AdoptKind, AdoptReport
from av1rules.report.format import json_text, short_name

LINE_WIDTH = 180

_TITLES = {
    AdoptKind.ADOPTED: "Adopted",
    AdoptKind.RENEWED: "Renewed: edited since they were written",
    AdoptKind.RENAMED: "Renamed: the ledger follows",
    AdoptKind.REFUSED: "Refused: left as they are",
}


def adopt_text(report: AdoptReport, *, is_dry: bool) -> str:
    """A table for each kind, counts last."""
    parts = [f"warning: {printable(problem)}" for problem in report.problems]
    for kind in AdoptKind:
        rows = report.of(kind)
        if rows:
            parts.append(f"{_TITLES[kind]} ({_files(len(rows))})\n{_table(rows)}")
    counts = [f"{len(report.of(kind))} {kind.value}" for kind in AdoptKind if report.of(kind)] or [
        "nothing to adopt"
    ]
    if report.known:
        counts.append(f"{report.known} known as they are")
    parts.append(f"{', '.join(counts)}{'; nothing was written' if is_dry else ''}")
    return "\n\n".join(parts)


def _table(rows: Sequence[Adoption]) -> str:
    table = [(short_name(row.target), short_name(row.source or ""), _why(row)) for row in rows]
    headers = ("target", "source", "notes")
    return tabulate(table, headers=headers, tablefmt="simple", disable_numparse=True)


def _why(row: Adoption) -> str:
    lines = [row.reason] if row.reason else []
    if row.original:
        lines.append(f"original kept in {row.original}")
    return "\n".join(printable(line, limit=LINE_WIDTH) for line in (*lines, *row.notes))


def adopt_json(report: AdoptReport, *, is_dry: bool) -> str:
    """`{"ok", "dry_run", "known", "problems", "targets": [...]}`."""
    document = {
        "ok": not report.problems and not report.of(AdoptKind.REFUSED),
        "dry_run": is_dry,
        "known": report.known,
        "problems": [json_text(problem) for problem in report.problems],
        "targets": [
            {
                "target": json_text(row.target),
                "result": row.kind.value,
                "source": None if row.source is None else json_text(row.source),
                "original": None if row.original is None else json_text(row.original),
                "reason": None if row.reason is None else json_text(row.reason),
                "notes": [json_text(note) for note in row.notes],
            }
            for row in report.adoptions
        ],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"
