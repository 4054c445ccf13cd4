"""The difference between two policies on the screen."""

from __future__ import annotations

from collections.abc import Iterator

from av1rules.base.text import printable
from av1rules.operations.against.comparison import PolicyComparison
from av1rules.report.policy_diff.sections import (
    film_sections,
    headline,
    kinds_section,
    reasons_section,
    tests_section,
    total_lines,
)
from av1rules.report.table_text import section_lines, table_lines
from av1rules.report.view import PLAIN, Role, View, fit

_REST = "--all"


def policy_diff_lines(
    found: PolicyComparison, *, every_row: bool = False, view: View = PLAIN
) -> Iterator[str]:
    """What differs in sum, why, then the films of each kind. `every_row` lists all of them."""
    for alarm in alarm_lines(found):
        yield from (view.painted(line, Role.BAD) for line in fit([alarm], view))
        yield ""
    yield from (view.painted(line, Role.HEADING) for line in fit([headline(found)], view))
    if found.differs:
        yield ""
        yield from table_lines(kinds_section(found).table, view)
    lines = list(total_lines(found))
    if lines:
        yield ""
    yield from fit(lines, view)
    limit = None if every_row else view.rows_shown
    if found.differs:
        yield ""
        yield from section_lines(reasons_section(found, limit=limit, rest=_REST), view)
    for section in film_sections(found, limit=limit, rest=_REST):
        yield ""
        yield from section_lines(section, view, roles=(Role.HEADING, Role.WORK))
    if (tests := tests_section(found, limit=None)) is not None:
        yield ""
        yield from section_lines(tests, view)


def alarm_lines(found: PolicyComparison) -> Iterator[str]:
    """Why the comparison does not cover all of the library."""
    for safety_stop in found.safety_stops:
        yield f"A run would refuse: {safety_stop}"
    for problem in found.problems:
        yield f"warning: {printable(problem)}"
