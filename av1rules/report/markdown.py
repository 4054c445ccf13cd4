"""Tables as GitHub's Markdown."""

from __future__ import annotations

import re

from tabulate import tabulate

from av1rules.report.table import Section, Table, Topic
from av1rules.report.view import more_line

_MARKUP = re.compile(r"[\\`*_{}\[\]<>#|~&!@$^]|:(?=//)|(?<=www)\.")
"""What GitHub and others read as markup, HTML, a link or a user name."""


def table_markdown(table: Table) -> str:
    """A table in GitHub's Markdown."""
    text = tabulate(
        [tuple(map(_cell, row)) for row in table.rows],
        headers=table.headers,
        tablefmt="github",
        disable_numparse=True,
        colalign=_alignments(table),
    )
    return f"{text}\n\n{more_line(table.more, table.rest)}" if table.more else text


def section_markdown(section: Section) -> str:
    """A heading, the note and the table; the summary of a report needs no heading."""
    parts = [] if section.topic is Topic.SUMMARY else [f"## {escape_markdown(section.title)}"]
    if section.note:
        parts.append(escape_markdown(section.note))
    return "\n\n".join([*parts, table_markdown(section.table)])


def escape_markdown(text: str) -> str:
    """Text that Markdown shows verbatim: names and reasons are untrusted input."""
    return _MARKUP.sub(r"\\\g<0>", text)


def _cell(text: str) -> str:
    """A cell of several lines; a line break would end the row."""
    return escape_markdown(text).replace("\n", "<br>")


def _alignments(table: Table) -> tuple[str, ...]:
    return tuple("right" if at in table.numbers else "left" for at in range(len(table.headers)))
