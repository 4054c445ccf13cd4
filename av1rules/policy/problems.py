"""Renders problems of a rules file: place, message, the line with a caret, a hint. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from av1rules.base.errors import Av1rulesError
from av1rules.base.text import printable
from av1rules.policy.model import Problem, Severity

MAX_PROBLEMS = 200
"""More are not shown: nobody reads them, and a file made to have a million problems must not take
minutes. Each kind of check stops after this many."""


_WIDEST_LINE = 120
"""Characters of a line shown, about a terminal's width; longer lines are cut around the caret."""


_TOKEN = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[\[{]|[^\s,:\]}#]+""")


class RulesError(Av1rulesError):
    """A rules file that can't be used; `problems` has every problem, sorted by place."""

    def __init__(self, problems: tuple[Problem, ...], *, what: str = "the rules file") -> None:
        errors = [problem for problem in problems if problem.severity is Severity.ERROR]
        count = "1 problem" if len(errors) == 1 else f"{len(errors)} problems"
        file = errors[0].place.file if errors else None
        super().__init__(
            f"{count} in {what}\n{render_all(problems)}",
            where=None if file is None else printable(file),
        )
        self.problems = problems


def render(problem: Problem) -> str:
    """One problem: `file:line:column: path: message`, then the line with a caret and the hint."""
    place = printable(str(problem.place))
    level = "warning: " if problem.severity is Severity.WARNING else ""
    path = f"{problem.path}: " if problem.path else ""
    head = f"{place}: {level}{path}{problem.message}"
    if problem.snippet is None:
        return f"{head}\n  hint: {problem.hint}" if problem.hint else head
    hint = f"   hint: {problem.hint}" if problem.hint else ""
    return f"{head}\n{problem.snippet}{hint}"


def render_all(problems: Iterable[Problem]) -> str:
    return "\n".join(render(problem) for problem in problems)


def sort_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Sorted by place, errors before warnings; duplicates removed."""
    unique = dict.fromkeys(problems)
    return tuple(
        sorted(unique, key=lambda item: (item.place, item.severity is Severity.WARNING, item.path))
    )


def cut_short(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """The first `MAX_PROBLEMS` in the given order, and one that says that there are more."""
    if len(problems) <= MAX_PROBLEMS:
        return problems
    last = problems[MAX_PROBLEMS - 1]
    message = f"more than {MAX_PROBLEMS} problems: the others are not shown"
    return (*problems[:MAX_PROBLEMS], replace(last, path="", message=message, hint=None))


def with_snippets(problems: Iterable[Problem], lines: Sequence[str]) -> tuple[Problem, ...]:
    """The problems with their line and a caret below it, except where a secret may stand: what is
    shown ends up in logs and tickets."""
    return tuple(
        problem
        if _may_be_secret(problem.path)
        else replace(problem, snippet=snippet(lines, problem.place.line, problem.place.column))
        for problem in problems
    )


_NEVER_SECRET = frozenset({"type", "on", "paths", "rename", "timeout", "file"})


def _may_be_secret(path: str) -> bool:
    top, *below = path.split(".")
    return top == "neighbours" and len(below) > 1 and not _NEVER_SECRET & {*below[1:]}


def snippet(lines: Sequence[str], line: int, column: int) -> str | None:
    """The line and a caret under the word that starts at `column`; None for an empty line."""
    if not 1 <= line <= len(lines) or not lines[line - 1].strip():
        return None
    text = lines[line - 1].replace("\t", " ")
    found = _TOKEN.match(text, column - 1)
    width = found.end() - found.start() if found else 1
    start = max(0, column - 1 + min(width, 40) - _WIDEST_LINE)
    before = printable(text[start : column - 1])
    shown = printable(text[start : start + _WIDEST_LINE])
    width = max(1, min(width, _WIDEST_LINE - (column - 1 - start)))
    number = f"{line:>5}"
    caret = " " * len(before) + "^" * width
    return f"{number} | {shown.rstrip()}\n{' ' * len(number)} | {caret}"


_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?")


_COMMA = re.compile(r"(\d{1,15}),(\d{1,15})(\s*[A-Za-z/]*)")


_MEASURE = r"(\d{1,15}(?:\.\d{1,15})?)\s*([A-Za-z/]*)"


_COMPARED = re.compile(rf"(>=|=>|≥|>|<=|=<|≤|<)\s*{_MEASURE}")


_BETWEEN = re.compile(rf"{_MEASURE}\s*(?:-|–|\.\.+|to)\s*{_MEASURE}")


_NO_SPACE = re.compile(r"([A-Za-z_][\w-]*):([^\s/].*)", re.DOTALL)


QUOTES = ("“", "”", "„", "‟", "‘", "’", "‚", "«", "»", "‹", "›")
"""Quotes from word processors and web pages; to YAML they are letters."""


def value_hint(text: str) -> str | None:
    """The hint for a text where a number or a size belongs."""
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return f"write it without quotes: {text}"
    if comma := _COMMA.fullmatch(text):
        return f"use a decimal point: {comma[1]}.{comma[2]}{comma[3]}"
    return space_hint(text)


def range_hint(text: str) -> str | None:
    """The hint for `>1080` or `720-1080` in a condition."""
    if compared := _COMPARED.fullmatch(text.strip()):
        return _bound(*compared.groups())
    if between := _BETWEEN.fullmatch(text.strip()):
        low, low_unit, high, unit = between.groups()
        return f"write {{min: {low}{low_unit or unit}, max: {high}{unit}}}"
    return None


def space_hint(text: str) -> str | None:
    """The hint for `crf:20`, which YAML reads as one word."""
    found = _NO_SPACE.match(text)
    if found is None:
        return None
    value = printable(found[2].split("\n")[0], limit=30)
    return f"put a space after the colon: {found[1]}: {value}"


def is_in_typographic_quotes(text: str) -> bool:
    return text.startswith(QUOTES) or text.endswith(("“", "”", "«", "»"))


def _bound(sign: str, number: str, unit: str) -> str:
    """`>` with a whole number becomes `min` of the next one; others use the bound itself."""
    key = "min" if sign[0] in ">≥" or sign == "=>" else "max"
    if sign in (">", "<") and not unit and "." not in number:
        number = str(int(number) + (1 if key == "min" else -1))
    return f"write {{{key}: {number}{unit}}}"
