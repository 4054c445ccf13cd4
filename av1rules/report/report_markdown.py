"""A report as Markdown, for a wiki, an issue or a mail."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tabulate import tabulate

from av1rules.report.figures import Figures
from av1rules.report.report_parts import Section, Topic
from av1rules.report.report_sections import report_sections
from av1rules.report.report_text import column_sides
from av1rules.report.report_words import CLOSING, headline

SHOWN_FILES = 20

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>#|~&!@$^]|:(?=//)|(?<=www)\.")
"""What GitHub and others read as markup, as HTML, as a link or as a person's name."""


def report_markdown(figures: Figures) -> str:
    return "\n\n".join(_parts(figures)) + "\n"


def _parts(figures: Figures) -> Iterator[str]:
    yield "# av1rules report"
    yield escaped(headline(figures))
    for section in report_sections(figures, limit=SHOWN_FILES):
        yield from _section(section)
    yield escaped(CLOSING)


def _section(section: Section) -> Iterator[str]:
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
