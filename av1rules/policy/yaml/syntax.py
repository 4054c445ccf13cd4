"""Explains YAML syntax errors in plain words, at the place to fix. Pure.

A parser reports where it gave up and what it expected; the user needs the line that caused it.
"""

from __future__ import annotations

import re

import msgspec

from av1rules.base.text import printable
from av1rules.policy.problems import range_hint, space_hint

At = tuple[int, int]
"""Line and column, from 1."""

_KEY = r"[A-Za-z_][\w-]*"
_DASH = re.compile(rf"\s*-{_KEY}\s*:")
_PAIR = re.compile(r"\s*(?:-\s+)?(?:\"[^\"]*\"|'[^']*'|[^\s:#][^:#]*):\s+[^\s#]")
_CLOSERS = {"[": "]", "{": "}"}

DASH_HINT = "put a space after the dash: - {}"


class SyntaxMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The parser's message and position; `opened` is the innermost [ or { still open."""

    context: str
    problem: str
    at: At
    context_at: At | None
    opened: At | None


class YamlSyntaxError(msgspec.Struct, frozen=True, kw_only=True):
    at: At
    message: str
    hint: str | None


def explain(syntax_message: SyntaxMessage, lines: tuple[str, ...]) -> YamlSyntaxError:
    """The most likely cause of a syntax error."""
    for find in (_bracket, _quote, _earlier_line, _block, _character):
        found = find(syntax_message, lines)
        if found is not None:
            return found
    text = ", ".join(part for part in (syntax_message.context, syntax_message.problem) if part)
    return YamlSyntaxError(
        at=syntax_message.at, message=f"not YAML: {printable(text, limit=200)}", hint=None
    )


def dashed_key(line: str) -> str | None:
    """The correct spelling of a line such as `-name: a`, else None."""
    if _DASH.match(line) is None:
        return None
    return DASH_HINT.format(printable(line.strip()[1:].partition(":")[0], limit=40) + ":")


def _line(lines: tuple[str, ...], number: int) -> str:
    return lines[number - 1] if 0 < number <= len(lines) else ""


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _bracket(syntax_message: SyntaxMessage, lines: tuple[str, ...]) -> YamlSyntaxError | None:
    """An unclosed flow collection, or a missing comma between two entries."""
    if syntax_message.opened is None or "quoted" in syntax_message.context:
        return None
    line, column = syntax_message.opened
    opener = _line(lines, line)[column - 1 : column]
    if opener not in _CLOSERS:
        return None
    closer = _CLOSERS[opener]
    if not _is_closed(lines, syntax_message.opened):
        shown = f"this {opener} is never closed"
        return YamlSyntaxError(
            at=syntax_message.opened, message=shown, hint=f"close it with {closer}"
        )
    if "expected ','" in syntax_message.problem:
        message = f"expected a comma or {closer}"
        return YamlSyntaxError(
            at=syntax_message.at, message=message, hint="put a comma between two entries"
        )
    return None


def _is_closed(lines: tuple[str, ...], opened: At) -> bool:
    """Whether the bracket is closed; brackets in quotes and comments don't count."""
    wanted: list[str] = []
    quote = ""
    text = "\n".join((_line(lines, opened[0])[opened[1] - 1 :], *lines[opened[0] :]))
    is_comment = False
    for index, character in enumerate(text):
        if is_comment:
            is_comment = character != "\n"
        elif quote:
            quote = "" if character == quote else quote
        elif character in "\"'" and text[index - 1 : index] in (" ", ",", "[", "{", "\n"):
            quote = character
        elif character == "#" and text[index - 1 : index].isspace():
            is_comment = True
        elif character in _CLOSERS:
            wanted.append(_CLOSERS[character])
        elif character in "]}":
            if wanted.pop() != character:
                return False
            if not wanted:
                return True
    return False


def _quote(syntax_message: SyntaxMessage, lines: tuple[str, ...]) -> YamlSyntaxError | None:
    at = syntax_message.context_at or syntax_message.at
    if (
        "unknown escape character" in syntax_message.problem
        or "expected escape sequence" in syntax_message.problem  # \U, \u and \x: a code follows
    ):
        hint = "in double quotes a \\ starts an escape: write / in paths, or use single quotes"
        return YamlSyntaxError(at=syntax_message.at, message="unknown escape after \\", hint=hint)
    if "quoted scalar" in syntax_message.context and "end of stream" in syntax_message.problem:
        quote = _line(lines, at[0])[at[1] - 1 : at[1]]
        message = f"this {quote} is never closed"
        return YamlSyntaxError(at=at, message=message, hint=f"close it with {quote}")
    if syntax_message.context == "while scanning a block scalar":
        sign = _line(lines, at[0])[at[1] - 1 : at[1]]
        message = f"{sign} starts a multi-line text"
        hint = range_hint(_line(lines, at[0])[at[1] - 1 :]) or "put the text in quotes"
        return YamlSyntaxError(at=at, message=message, hint=hint)
    return None


def _earlier_line(syntax_message: SyntaxMessage, lines: tuple[str, ...]) -> YamlSyntaxError | None:
    """An error in an earlier line than the one where the parser gave up, or at its beginning."""
    if "mapping values are not allowed" not in syntax_message.problem and (
        "could not find expected ':'" not in syntax_message.problem
        and "expected <block end>" not in syntax_message.problem
    ):
        return None
    is_missing = (
        "could not find" in syntax_message.problem and syntax_message.context_at is not None
    )
    number = (
        syntax_message.context_at[0]
        if is_missing and syntax_message.context_at
        else syntax_message.at[0]
    )
    for candidate in dict.fromkeys((number, _above(lines, number))):
        line = _line(lines, candidate)
        at = (candidate, _indent(line) + 1)
        if (hint := dashed_key(line)) is not None:
            return YamlSyntaxError(at=at, message="a space is missing after the dash", hint=hint)
        if (hint := space_hint(line.strip().removeprefix("- ").strip())) is not None:
            return YamlSyntaxError(at=at, message="a space is missing after the colon", hint=hint)
    if is_missing:
        at = (number, _indent(_line(lines, number)) + 1)
        hint = "each line is `key: value`, or `- ` and a list entry"
        return YamlSyntaxError(at=at, message="a key without a colon", hint=hint)
    if "mapping values" in syntax_message.problem:
        return _second_colon(syntax_message, lines)
    return None


def _second_colon(syntax_message: SyntaxMessage, lines: tuple[str, ...]) -> YamlSyntaxError:
    number, column = syntax_message.at
    line, above = _line(lines, number), _line(lines, _above(lines, number))
    is_first = ": " not in line[: column - 1]
    if is_first and _PAIR.match(above) and _indent(line) > _indent(above):
        return YamlSyntaxError(
            at=(number, _indent(line) + 1),
            message="the line is indented more than its neighbours",
            hint="align it with the key above",
        )
    return YamlSyntaxError(
        at=syntax_message.at,
        message="a second colon in one line",
        hint="put quotes around text that contains ': ', and check the indentation",
    )


def _above(lines: tuple[str, ...], number: int) -> int:
    """The nearest line above with content; 0 without one."""
    for candidate in range(number - 1, 0, -1):
        text = _line(lines, candidate).strip()
        if text and not text.startswith("#"):
            return candidate
    return 0


def _block(syntax_message: SyntaxMessage, lines: tuple[str, ...]) -> YamlSyntaxError | None:
    if "expected <block end>" not in syntax_message.problem:
        return None
    found = syntax_message.problem.rpartition("found ")[2].strip("'")
    if found in ("<scalar>", "<alias>", "<anchor>", "<tag>"):
        hint = "put quotes around the whole text"
        return YamlSyntaxError(at=syntax_message.at, message="more text after the value", hint=hint)
    if found in ("-", "<block sequence start>"):
        message, hint = (
            "expected a key, found a list entry",
            "align it with its list",
        )
    elif "collection" in syntax_message.context and found == "?":
        message = "expected a list entry, found a key"
        hint = "align it with the keys above, or start a new entry with `- `"
    else:
        message = "the line is indented less than its neighbours"
        hint = "align it with the key above"
    return YamlSyntaxError(at=syntax_message.at, message=message, hint=hint)


def _character(syntax_message: SyntaxMessage, lines: tuple[str, ...]) -> YamlSyntaxError | None:
    if "'\\t'" in syntax_message.problem or "tab" in syntax_message.problem:
        hint = "indent with spaces"
        return YamlSyntaxError(at=syntax_message.at, message="a tab starts the line", hint=hint)
    if "cannot start any token" in syntax_message.problem:
        character = _line(lines, syntax_message.at[0])[
            syntax_message.at[1] - 1 : syntax_message.at[1]
        ]
        message = f"text can't start with {printable(character)}"
        return YamlSyntaxError(at=syntax_message.at, message=message, hint="put the text in quotes")
    if "alias" in syntax_message.context or "'*'" in syntax_message.problem:
        hint = 'put quotes around a glob: "**/*.mkv"'
        return YamlSyntaxError(at=syntax_message.at, message="* starts an alias here", hint=hint)
    return None
