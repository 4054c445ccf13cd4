"""A report for a terminal, and as Markdown for a wiki, an issue or a mail."""

from __future__ import annotations

from av1rules.report.model import Figures
from av1rules.report.sections import CLOSING, headline, report_sections
from av1rules.report.table import escape_markdown, section_markdown, section_text

SHOWN_IN_TEXT = 10
SHOWN_IN_MARKDOWN = 20


def report_text(figures: Figures) -> str:
    """Sections with a blank line between; empty ones are left out."""
    sections = report_sections(figures, limit=SHOWN_IN_TEXT)
    parts = [f"av1rules report, {headline(figures)}", *map(section_text, sections), CLOSING]
    return "\n\n".join(parts) + "\n"


def report_markdown(figures: Figures) -> str:
    """The same under headings, with longer lists."""
    sections = report_sections(figures, limit=SHOWN_IN_MARKDOWN)
    parts = [
        "# av1rules report",
        escape_markdown(headline(figures)),
        *map(section_markdown, sections),
        escape_markdown(CLOSING),
    ]
    return "\n\n".join(parts) + "\n"
