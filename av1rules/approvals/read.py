"""Parses approvals.yaml into decisions, with a Problem for everything that is wrong. Pure.

A regular expression reads decisions in the canonical form, 15 times as fast as the YAML parser
(2000 decisions: 0.09 s). Their lines are then blanked, so that the YAML parser reads the rest with
the right line numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from av1rules.approvals.model import (
    MAX_NAME_CHARS,
    MAX_REASON_CHARS,
    MAX_SOURCE_CHARS,
    Answer,
    ClipDecision,
    Decisions,
    SettingTexts,
    one_line,
    ordered_changes,
)
from av1rules.approvals.write import cut, read_canonical
from av1rules.base.text import printable
from av1rules.policy.decode_settings import settings_of
from av1rules.policy.fingerprint import ADJUSTABLE
from av1rules.policy.model import Place, Problem
from av1rules.policy.problems import cut_short, sort_problems, with_snippets
from av1rules.policy.schema import settings_problems
from av1rules.policy.settings import STORED_NAMES
from av1rules.policy.vocabulary import nearest
from av1rules.policy.yaml.document import parse_document
from av1rules.policy.yaml.nodes import Document, Items, Mapping, Node, Path_, Scalar, format_path

_VERSION = 1
_TOP = ("version", "decisions")
_REQUIRED = ("source", "decision", "by", "at", "rule", "shown", "content", "settings")
_KEYS = (*_REQUIRED, "set", "reason")

_RENAMED_SETTINGS = {stored: name for name, stored in STORED_NAMES.items()}
"""Current names of settings by the names that older files use."""

_CONTENT_KEY = re.compile(r"\d{1,19}-[0-9a-f]{32}")
_DIGEST = re.compile(r"[0-9a-f]{32}")
_CONFLICT_MARKER = re.compile(r"(?:<{7}|={7}|>{7}|\|{7})(?: .*)?")


def parse_approvals(raw: bytes, *, file: str) -> tuple[Decisions, tuple[Problem, ...]]:
    """The decisions of a file, and all problems sorted by place."""
    try:
        text = text_of(raw)
    except UnicodeDecodeError:
        document = parse_document(raw, file=file)
        return Decisions(), with_snippets(document.problems, document.lines)
    lines = text.split("\n")
    if problem := _conflict(lines, file):
        return Decisions(), with_snippets((problem,), lines)
    decisions, rest = _read_canonical_blocks(text, file)
    if all(not line.strip() or line.startswith("#") for line in rest):
        return Decisions(decisions=decisions), ()
    if [line for line in rest if line and not line.startswith("#")] == _OPENING:
        return Decisions(decisions=decisions), ()
    document = parse_document("\n".join(rest).encode(), file=file)
    problems = [_without_rules_hint(problem) for problem in document.problems]
    if document.root is not None:
        root = _Cursor(node=document.root, file=file, problems=problems)
        decisions += tuple(_decisions(root, document))
    found = with_snippets(cut_short(sort_problems(problems)), lines)
    return Decisions(decisions=decisions), found


_OPENING = [f"version: {_VERSION}", "decisions:"]


def text_of(raw: bytes) -> str:
    """The decoded text with the line ends that the YAML parser uses. Raises UnicodeDecodeError."""
    return raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")


def _conflict(lines: list[str], file: str) -> Problem | None:
    for number, line in enumerate(lines, start=1):
        if line.startswith("<<<<<<<") and _CONFLICT_MARKER.fullmatch(line):
            return Problem(
                place=Place(file=file, line=number, column=1),
                path="",
                message="git could not merge two branches here",
                hint="to keep both sides, remove the lines of <<<<<<<, ======= and >>>>>>>",
            )
    return None


def _read_canonical_blocks(text: str, file: str) -> tuple[tuple[ClipDecision, ...], list[str]]:
    """The decisions in canonical form, and all lines with those of the decisions blanked."""
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


def _without_rules_hint(problem: Problem) -> Problem:
    is_about_rules = problem.hint is not None and re.search("rules file|profile|glob", problem.hint)
    return replace(problem, hint=None) if is_about_rules else problem


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cursor:
    """One value of the file with its place.

    Methods that read it report a Problem instead of raising, and then return None.
    """

    node: Node
    path: Path_ = ()
    file: str
    problems: list[Problem] = field(repr=False)
    key_at: tuple[int, int] | None = None

    @property
    def place(self) -> Place:
        return Place(file=self.file, line=self.node.line, column=self.node.column)

    def report(self, message: str, *, hint: str | None = None, at_key: bool = False) -> None:
        """Add a Problem at the value, or at its key."""
        place = self.place
        if at_key and self.key_at is not None:
            place = Place(file=self.file, line=self.key_at[0], column=self.key_at[1])
        path = format_path(self.path)
        self.problems.append(Problem(place=place, path=path, message=message, hint=hint))

    def get(self, key: str) -> _Cursor | None:
        """The value under `key`; None if the key is absent or this is not a mapping."""
        return next((below for name, below in self._entries() if name == key), None)

    def entries(self) -> Iterator[tuple[str, _Cursor]]:
        """Every key with its value."""
        if not self.is_mapping:
            self.report("expected a mapping")
        yield from self._entries()

    def _entries(self) -> Iterator[tuple[str, _Cursor]]:
        for entry in self.node.entries if isinstance(self.node, Mapping) else ():
            yield entry.key, self._below(entry.key, entry.value, (entry.line, entry.column))

    def items(self) -> Iterator[_Cursor]:
        """The entries of a list; a single value counts as a list of one."""
        if isinstance(self.node, Items):
            for index, item in enumerate(self.node.items):
                yield self._below(index, item, None)
        else:
            yield self

    def _below(self, step: str | int, node: Node, key_at: tuple[int, int] | None) -> _Cursor:
        return _Cursor(
            node=node,
            path=(*self.path, step),
            file=self.file,
            problems=self.problems,
            key_at=key_at,
        )

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.node, Mapping)

    @property
    def value(self) -> object:
        """The scalar's value; None for collections."""
        return self.node.value if isinstance(self.node, Scalar) else None

    @property
    def raw(self) -> str:
        """The scalar as the file spells it; empty for collections."""
        return self.node.raw if isinstance(self.node, Scalar) else ""

    def text(self) -> str | None:
        """The value if it is a string."""
        value = self.value
        if isinstance(value, str):
            return value
        self.report("expected text")
        return None


def _decisions(root: _Cursor, document: Document) -> Iterator[ClipDecision]:
    if not root.is_mapping:
        root.report("expected a mapping with version and decisions")
        return
    _check_keys(root, _TOP, required=("version",))
    version = root.get("version")
    if version is not None and version.value != _VERSION:
        found = printable(version.raw, limit=60)
        version.report(f"expected version {_VERSION}, found {found}", hint="update av1rules")
        return
    listed = root.get("decisions")
    if listed is None or (isinstance(listed.node, Scalar) and listed.value is None):
        return
    for item in listed.items():
        decision = _decision(item, document)
        if decision is not None:
            yield decision


def _check_keys(cursor: _Cursor, known: tuple[str, ...], *, required: Iterable[str]) -> None:
    present = set()
    misspelt = set()
    for key, below in cursor.entries():
        present.add(key)
        if key not in known:
            hint = nearest("", key, known)
            misspelt.add(hint)
            below.report(
                f"unknown key {printable(key, limit=60)}",
                hint=hint or f"known here: {', '.join(known)}",
                at_key=True,
            )
    for key in required:
        if key not in present and f"did you mean {key}?" not in misspelt:
            cursor.report(f"the key {key} is missing")


def _decision(cursor: _Cursor, document: Document) -> ClipDecision | None:
    if not cursor.is_mapping:
        cursor.report("expected a decision", hint="a mapping that begins with source:")
        return None
    before = len(cursor.problems)
    _check_keys(cursor, _KEYS, required=_REQUIRED)
    readers: dict[str, Any] = {
        "source": lambda item: _text(item, MAX_SOURCE_CHARS),
        "decision": _answer,
        "by": lambda item: _line(item, MAX_NAME_CHARS),
        "at": _time,
        "rule": lambda item: _line(item, MAX_NAME_CHARS),
        "shown": _shown,
        "content": lambda item: _matching(item, _CONTENT_KEY, "a content key, size and digest"),
        "settings": lambda item: _matching(item, _DIGEST, "a digest of 32 hex digits"),
        "reason": lambda item: _line(item, MAX_REASON_CHARS),
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


def _answer(cursor: _Cursor) -> Answer | None:
    known = {answer.value: answer for answer in Answer}
    found = known.get(cursor.text() or "")
    if found is None:
        cursor.report(f"expected one of {', '.join(known)}")
    return found


def _check_answer(cursor: _Cursor, answer: Answer | None) -> None:
    changes = cursor.get("set")
    if answer is Answer.REJECTED and cursor.get("reason") is None:
        cursor.report("a rejection needs a reason", hint="reason: grain smears in the fog")
    if answer is Answer.ADJUSTED and changes is None:
        cursor.report("an adjustment says what to set", hint="set: {crf: 16}")
    if answer in (Answer.APPROVED, Answer.REJECTED) and changes is not None:
        changes.report(f"set belongs to decision: adjusted, not to {answer.value}", at_key=True)


def _text(cursor: _Cursor, limit: int) -> str | None:
    text = cursor.text()
    if text is not None and not text.strip():
        cursor.report("expected text, found empty text")
    elif text is not None and len(text) > limit:
        cursor.report(f"expected at most {limit} characters, found {len(text)}")
    return text


def _line(cursor: _Cursor, limit: int) -> str | None:
    text = _text(cursor, limit)
    return None if text is None else one_line(text, limit)


def _matching(cursor: _Cursor, pattern: re.Pattern[str], expected: str) -> str | None:
    text = cursor.raw
    if pattern.fullmatch(text) is None:
        cursor.report(f"expected {expected}, found {printable(text, limit=60) or 'nothing'}")
    return text


def _time(cursor: _Cursor) -> datetime | None:
    try:
        at = datetime.fromisoformat(cursor.raw)
        if at.tzinfo is not None:
            return at.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        pass
    found = printable(cursor.raw, limit=60) or "nothing"
    cursor.report(f"expected a time such as 2026-11-22T20:15:00Z, found {found}")
    return None


def _shown(cursor: _Cursor) -> SettingTexts:
    return tuple(
        (one_line(_RENAMED_SETTINGS.get(name, name), MAX_NAME_CHARS), _word(below))
        for name, below in cursor.entries()
    )


def _word(cursor: _Cursor) -> str:
    if not isinstance(cursor.node, Scalar):
        cursor.report("expected one value, found a list or mapping")
    return one_line(cursor.raw, MAX_NAME_CHARS)


def _changes(cursor: _Cursor, document: Document) -> tuple[tuple[str, object], ...]:
    problems = settings_problems(document, cursor.path, ADJUSTABLE)
    cursor.problems.extend(problems)
    values = document.plain(cursor.path)
    if problems or not isinstance(values, dict):
        return ()
    if not values:
        cursor.report("an adjustment says what to set", hint="set: {crf: 16}")
    return ordered_changes(settings_of(values))
