"""A report for a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tabulate import tabulate

from av1rules.report.format import CLOSING, headline, short_name
from av1rules.report.model import Figures
from av1rules.report.sections import report_sections
from av1rules.report.table import Section, Table, Topic

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


MARKDOWN_FILES = 20


_SPECIAL = re.compile(r"[\\`*_{}\[\]<>#|~&!@$^]|:(?=//)|(?<=www)\.")
"""What GitHub and others read as markup, as HTML, as a link or as a person's name."""


def report_markdown(figures: Figures) -> str:
    return "\n\n".join(_markdown_parts(figures)) + "\n"


def _markdown_parts(figures: Figures) -> Iterator[str]:
    yield "# av1rules report"
    yield escaped(headline(figures))
    for section in report_sections(figures, limit=MARKDOWN_FILES):
        yield from _markdown_section(section)
    yield escaped(CLOSING)


def _markdown_section(section: Section) -> Iterator[str]:
    table = section.table
    if section.topic is not Topic.SUMMARY:
        yield f"## {escaped(section.title)}"
    if section.note:
        yield escaped(section.note)
    yield tabulate(
        [tuple(map(escaped, row)) for row in table.rows],
        headers=table.headers,
        tablefmt="github",
        disable_numparse=True,
        colalign=column_sides(table),
    )
    if table.more:
        yield f"... and {table.more} more"


def escaped(text: str) -> str:
    """Text that Markdown shows as it is: names and reasons come from strangers."""
    return _SPECIAL.sub(r"\\\g<0>", text)
