"""The text of approvals.yaml to decisions, with a Problem for each fault. Pure.

Decisions as we write them are read by their form, 15 times as fast as YAML (2000: 0.09 s); their
lines are blanked and what is left, if it says anything, goes through the parser with its places.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from av1rules.approvals.cursor import Cursor
from av1rules.approvals.model import (
    MOST_NAME,
    MOST_REASON,
    MOST_SOURCE,
    Answer,
    ClipDecision,
    Decisions,
    LineRange,
    one_line,
    ordered_changes,
)
from av1rules.approvals.write import cut, read_canonical
from av1rules.base.text import printable
from av1rules.policy.canonical import ADJUSTABLE
from av1rules.policy.decode_settings import settings_of
from av1rules.policy.model import Place, Problem
from av1rules.policy.problems import cut_short, sort_problems, with_snippets
from av1rules.policy.schema import settings_problems
from av1rules.policy.settings import STORED_NAMES
from av1rules.policy.vocabulary import nearest
from av1rules.policy.yaml.document import parse_document
from av1rules.policy.yaml.nodes import Document, Scalar

_VERSION = 1
_TOP = ("version", "decisions")
_REQUIRED = ("source", "decision", "by", "at", "rule", "shown", "content", "settings")
_KEYS = (*_REQUIRED, "set", "reason")

_NOW_CALLED = {stored: name for name, stored in STORED_NAMES.items()}
"""Settings by the names that older files show them under."""

_CONTENT_KEY = re.compile(r"\d{1,19}-[0-9a-f]{32}")
_DIGEST = re.compile(r"[0-9a-f]{32}")
_MARK = re.compile(r"(?:<{7}|={7}|>{7}|\|{7})(?: .*)?")


def parse_approvals(raw: bytes, *, file: str) -> tuple[Decisions, tuple[Problem, ...]]:
    """The decisions of a file, and all that is wrong with it sorted by place."""
    try:
        text = text_of(raw)
    except UnicodeDecodeError:
        document = parse_document(raw, file=file)
        return Decisions(), with_snippets(document.problems, document.lines)
    lines = text.split("\n")
    if problem := _conflict(lines, file):
        return Decisions(), with_snippets((problem,), lines)
    decisions, rest = _by_form(text, file)
    if all(not line.strip() or line.startswith("#") for line in rest):
        return Decisions(decisions=decisions), ()
    if [line for line in rest if line and not line.startswith("#")] == _OPENING:
        return Decisions(decisions=decisions), ()
    document = parse_document("\n".join(rest).encode(), file=file)
    problems = [_without_hint_on_rules(problem) for problem in document.problems]
    if document.root is not None:
        root = Cursor(node=document.root, file=file, problems=problems)
        decisions += tuple(_decisions(root, document))
    told = with_snippets(cut_short(sort_problems(problems)), lines)
    return Decisions(decisions=decisions), told


_OPENING = [f"version: {_VERSION}", "decisions:"]


def text_of(raw: bytes) -> str:
    """As the parser of rules files sees it. Raises UnicodeDecodeError."""
    return raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")


def _conflict(lines: list[str], file: str) -> Problem | None:
    for number, line in enumerate(lines, start=1):
        if line.startswith("<<<<<<<") and _MARK.fullmatch(line):
            return Problem(
                place=Place(file=file, line=number, column=1),
                path="",
                message="git could not merge two branches here",
                hint="both sides may stand: take out the lines of <<<<<<<, ======= and >>>>>>>",
            )
    return None


def _by_form(text: str, file: str) -> tuple[tuple[ClipDecision, ...], list[str]]:
    """The decisions that need no parser, and the lines of all the rest in their places."""
    lines, found = text.split("\n"), []
    layout = cut(text)
    for block in layout.blocks if layout is not None else ():
        indent = layout.indent if layout is not None else ""
        place = Place(file=file, line=block.line, column=len(indent) + 3)
        decision = read_canonical(block.body, indent, place)
        if decision is not None:
            found.append(decision)
            start = block.line - 1
            lines[start : start + len(block.body)] = [""] * len(block.body)
    return tuple(found), lines


def _without_hint_on_rules(problem: Problem) -> Problem:
    is_foreign = problem.hint is not None and re.search("rules file|profile|glob", problem.hint)
    return replace(problem, hint=None) if is_foreign else problem


def _decisions(root: Cursor, document: Document) -> Iterator[ClipDecision]:
    if not root.is_mapping:
        root.fault("expected a mapping with version and decisions")
        return
    _check_keys(root, _TOP, required=("version",))
    version = root.get("version")
    if version is not None and version.value != _VERSION:
        found = printable(version.raw, limit=60)
        version.fault(f"expected version {_VERSION}, found {found}", hint="update av1rules")
        return
    listed = root.get("decisions")
    if listed is None or (isinstance(listed.node, Scalar) and listed.value is None):
        return
    for item in listed.items():
        decision = _decision(item, document)
        if decision is not None:
            yield decision


def _check_keys(cursor: Cursor, known: tuple[str, ...], *, required: Iterable[str]) -> None:
    present = set()
    misspelt = set()
    for key, below in cursor.entries():
        present.add(key)
        if key not in known:
            hint = nearest("", key, known)
            misspelt.add(hint)
            below.fault(
                f"unknown key {printable(key, limit=60)}",
                hint=hint or f"known here: {', '.join(known)}",
                at_key=True,
            )
    for key in required:
        if key not in present and f"did you mean {key}?" not in misspelt:
            cursor.fault(f"the key {key} is missing")


def _decision(cursor: Cursor, document: Document) -> ClipDecision | None:
    if not cursor.is_mapping:
        cursor.fault("expected a decision", hint="a mapping that begins with source:")
        return None
    before = len(cursor.problems)
    _check_keys(cursor, _KEYS, required=_REQUIRED)
    readers: dict[str, Any] = {
        "source": lambda item: _text(item, MOST_SOURCE),
        "decision": _answer,
        "by": lambda item: _line(item, MOST_NAME),
        "at": _time,
        "rule": lambda item: _line(item, MOST_NAME),
        "shown": _shown,
        "content": lambda item: _matching(item, _CONTENT_KEY, "a content key, size and digest"),
        "settings": lambda item: _matching(item, _DIGEST, "a digest of 32 hex digits"),
        "reason": lambda item: _line(item, MOST_REASON),
        "set": lambda item: _changes(item, document),
    }
    found = {key: read(below) for key, read in readers.items() if (below := cursor.get(key))}
    _check_answer(cursor, found.get("decision"))
    if len(cursor.problems) > before:
        return None
    return ClipDecision(
        answer=found.pop("decision"),
        changes=found.pop("set", ()),
        place=cursor.place,
        **found,
    )


def _answer(cursor: Cursor) -> Answer | None:
    known = {answer.value: answer for answer in Answer}
    found = known.get(cursor.text() or "")
    if found is None:
        cursor.fault(f"expected one of {', '.join(known)}")
    return found


def _check_answer(cursor: Cursor, answer: Answer | None) -> None:
    changes = cursor.get("set")
    if answer is Answer.REJECTED and cursor.get("reason") is None:
        cursor.fault("a rejection needs a reason", hint="reason: grain smears in the fog")
    if answer is Answer.ADJUSTED and changes is None:
        cursor.fault("an adjustment says what to set", hint="set: {crf: 16}")
    if answer in (Answer.APPROVED, Answer.REJECTED) and changes is not None:
        changes.fault(f"set belongs to decision: adjusted, not to {answer.value}", at_key=True)


def _text(cursor: Cursor, limit: int) -> str | None:
    text = cursor.text()
    if text is not None and not text.strip():
        cursor.fault("expected text, found an empty one")
    elif text is not None and len(text) > limit:
        cursor.fault(f"expected at most {limit} characters, found {len(text)}")
    return text


def _line(cursor: Cursor, limit: int) -> str | None:
    text = _text(cursor, limit)
    return None if text is None else one_line(text, limit)


def _matching(cursor: Cursor, wanted: re.Pattern[str], request: str) -> str | None:
    text = cursor.raw
    if wanted.fullmatch(text) is None:
        cursor.fault(f"expected {request}, found {printable(text, limit=60) or 'nothing'}")
    return text


def _time(cursor: Cursor) -> datetime | None:
    try:
        at = datetime.fromisoformat(cursor.raw)
        if at.tzinfo is not None:
            return at.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        pass
    found = printable(cursor.raw, limit=60) or "nothing"
    cursor.fault(f"expected a time such as 2026-11-22T20:15:00Z, found {found}")
    return None


def _shown(cursor: Cursor) -> LineRange:
    return tuple(
        (one_line(_NOW_CALLED.get(name, name), MOST_NAME), _word(below))
        for name, below in cursor.entries()
    )


def _word(cursor: Cursor) -> str:
    if not isinstance(cursor.node, Scalar):
        cursor.fault("expected one value, found a list or mapping")
    return one_line(cursor.raw, MOST_NAME)


def _changes(cursor: Cursor, document: Document) -> tuple[tuple[str, object], ...]:
    problems = settings_problems(document, cursor.path, ADJUSTABLE)
    cursor.problems.extend(problems)
    values = document.plain(cursor.path)
    if problems or not isinstance(values, dict):
        return ()
    if not values:
        cursor.fault("an adjustment says what to set", hint="set: {crf: 16}")
    return ordered_changes(settings_of(values))
