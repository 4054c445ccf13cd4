"""A plan as Markdown: for a pull request, a ticket, a page."""

from __future__ import annotations

from collections.abc import Iterator

from av1rules.base.text import printable
from av1rules.report.markdown import escape_markdown, section_markdown, table_markdown
from av1rules.report.plan_text import (
    ShownPlan,
    alarms,
    group_section,
    orphan_section,
    remarks,
    summary_table,
    title,
)
from av1rules.report.rest.text import rest_line, rest_sections
from av1rules.report.saved.forms import MARKDOWN_MARK
from av1rules.report.saved.text import origin_lines
from av1rules.report.view import ROWS_IN_A_PIPE


def plan_markdown(shown: ShownPlan) -> Iterator[str]:
    """The plan in parts, as on the screen: what is fresh or left alone is only counted, and long
    groups are cut, unless every row is asked for."""
    document = shown.document
    yield f"{MARKDOWN_MARK}\n# {escape_markdown(title(document))}\n"
    for line in origin_lines(document.origin):
        yield f"\n{escape_markdown(line)}\n"
    for alarm in alarms(document):
        yield f"\n**{escape_markdown(_one_line(alarm))}**\n"
    if shown.actions:
        yield f"\n{table_markdown(summary_table(shown))}\n"
    if document.forecast is not None:
        for line in document.forecast.lines:
            yield f"\n{escape_markdown(printable(line.strip()))}\n"
    for action in shown.actions:
        section = group_section(shown, action, limit=ROWS_IN_A_PIPE)
        if section is not None:
            yield f"\n{section_markdown(section)}\n"
    if document.orphans:
        yield f"\n{section_markdown(orphan_section(shown, limit=ROWS_IN_A_PIPE))}\n"
    if document.rest.has_work or document.rest.in_place:
        yield f"\n## Rest of the mirror\n\n{escape_markdown(rest_line(document.rest))}\n"
        for section in rest_sections(document.rest) if shown.every_row else ():
            yield f"\n{section_markdown(section)}\n"
    for remark in remarks(shown):
        yield f"\n{escape_markdown(_one_line(remark))}\n"


def _one_line(text: str) -> str:
    return printable("; ".join(text.splitlines()))
