"""The problems of a rules file as text for a screen."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from av1rules.policy.model import Problem, Severity
from av1rules.policy.problems import render
from av1rules.report.view import PLAIN, Role, View, fit

_SNIPPET = re.compile(r" *\d* \| ")
"""A line of the rules file, or the caret below it: these must not be wrapped."""


_HINT = "   hint: "


def problem_lines(problems: Iterable[Problem], view: View = PLAIN) -> Iterator[str]:
    """The problems of a rules file, each with its line and a hint."""
    for problem in problems:
        role = Role.BAD if problem.severity is Severity.ERROR else Role.WAITING
        lines = render(problem).split("\n")
        for number, line in enumerate(_fitted_snippet(lines, view.width)):
            if _SNIPPET.match(line):
                yield line
            elif number == 0:
                yield from (view.painted(piece, role) for piece in fit([line], view))
            else:
                yield from fit([line], view)


def _fitted_snippet(lines: list[str], width: int | None) -> Iterator[str]:
    """The lines of one problem, with the part of its snippet around the caret that fits, and the
    hint on a line of its own where it does not fit beside the caret."""
    at = next((n for n, line in enumerate(lines) if _SNIPPET.match(line)), None)
    if at is None or width is None or at + 1 >= len(lines):
        yield from lines
        return
    text, (caret, mark, hint) = lines[at], lines[at + 1].partition(_HINT)
    found = _SNIPPET.match(text)
    margin = 0 if found is None else found.end()
    room = max(width - margin, 1)
    column = max(caret.find("^") - margin, 0)
    start = max(0, min(column - room // 3, len(text) - margin - room))
    yield from lines[:at]
    yield text[:margin] + text[margin + start :][:room]
    caret = caret[:margin] + caret[margin + start :][:room]
    if mark and len(caret) + len(mark) + len(hint) > width:
        yield caret
        yield f"{' ' * margin}hint: {hint}"
    else:
        yield caret + mark + hint
    yield from lines[at + 2 :]
