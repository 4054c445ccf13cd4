"""A report for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from tabulate import tabulate

from av1rules.report.figures import Figures
from av1rules.report.plan_text import short_name
from av1rules.report.report_parts import Section, Table, Topic
from av1rules.report.report_sections import report_sections
from av1rules.report.report_words import CLOSING, headline

SHOWN_FILES = 10


def report_text(figures: Figures) -> str:
    """Sections with a blank line between; those with nothing to say are left out."""
    return "\n\n".join(_parts(figures)) + "\n"


def _parts(figures: Figures) -> Iterator[str]:
    yield f"av1rules report, {headline(figures)}"
    for section in report_sections(figures, limit=SHOWN_FILES):
        yield _section(section)
    yield CLOSING


def _section(section: Section) -> str:
    if section.topic is Topic.SUMMARY:
        return tabulate(section.table.rows, tablefmt="plain", disable_numparse=True)
    note = f"{section.note}\n" if section.note else ""
    more = f"\n... and {section.table.more} more" if section.table.more else ""
    return f"{section.title}\n{note}{_table(section.table)}{more}"


def _table(table: Table) -> str:
    rows = [
        tuple(short_name(cell) if at == table.names else cell for at, cell in enumerate(row))
        for row in table.rows
    ]
    return tabulate(
        rows,
        headers=table.headers,
        tablefmt="simple",
        disable_numparse=True,
        colalign=column_sides(table),
    )


def column_sides(table: Table) -> tuple[str, ...]:
    """Which side each column is aligned to, as tabulate calls them."""
    return tuple("right" if at in table.numbers else "left" for at in range(len(table.headers)))
