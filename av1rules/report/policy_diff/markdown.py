"""The difference between two policies as Markdown, for the summary of a pull request.

It stays short, however large the library is: tables are cut, and say by how much.
"""

from __future__ import annotations

from av1rules.operations.against.comparison import PolicyComparison
from av1rules.report.markdown import escape_markdown, section_markdown, table_markdown
from av1rules.report.policy_diff.sections import (
    film_sections,
    headline,
    kinds_section,
    reasons_section,
    tests_section,
    total_lines,
)
from av1rules.report.policy_diff.text import alarm_lines

REASONS, FILMS, CASES = 20, 10, 50
"""Rows of each table at most."""


def policy_diff_markdown(found: PolicyComparison) -> str:
    """The whole summary, with a newline at its end."""
    parts = [f"## {escape_markdown(headline(found))}"]
    parts += [f"> {escape_markdown(line)}" for line in alarm_lines(found)]
    if found.differs:
        parts.append(table_markdown(kinds_section(found).table))
    if lines := [f"- {escape_markdown(line)}" for line in total_lines(found)]:
        parts.append("\n".join(lines))
    if (tests := tests_section(found, limit=CASES)) is not None:
        parts.append(f"#{section_markdown(tests)}")
    if found.differs:
        parts.append(f"#{section_markdown(reasons_section(found, limit=REASONS))}")
    for section in film_sections(found, limit=FILMS):
        title = escape_markdown(section.title)
        table = table_markdown(section.table)
        parts.append(f"<details><summary>{title}</summary>\n\n{table}\n\n</details>")
    return "\n\n".join(parts) + "\n"
