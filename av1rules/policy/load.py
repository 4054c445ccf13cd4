"""From a rules file to a RuleSet: read, check against the schema, build, lint. Runs nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from av1rules.base.text import text_digest
from av1rules.policy.build import build_rules
from av1rules.policy.lint import lint
from av1rules.policy.model import Problem, RuleSet, Severity
from av1rules.policy.problems import RulesError, cut_short, sort_problems, with_snippets
from av1rules.policy.reader import Cursor
from av1rules.policy.yaml.document import parse_document, read_bytes
from av1rules.policy.yaml.nodes import Document


def check_rules(path: Path) -> tuple[RuleSet | None, tuple[Problem, ...]]:
    """The rule set, None if anything is wrong, and all errors and warnings sorted by place.

    Raises Av1rulesError only when the file can't be read at all.
    """
    return _checked(read_bytes(path), path, is_trusted=False)


def load_rules(path: Path, *, trusted_digest: str | None = None) -> RuleSet:
    """The rule set of a file. Raises RulesError with all problems.

    `trusted_digest` is the digest of a rule set that this version of av1rules has loaded before:
    if the file still has it, the check against the schema, which costs most, is left out.
    """
    raw = read_bytes(path)
    is_trusted = trusted_digest is not None and _digest(raw, path) == trusted_digest
    ruleset, problems = _checked(raw, path, is_trusted=is_trusted)
    if ruleset is None:
        raise RulesError(problems)
    return ruleset


def rules_digest(path: Path) -> str:
    """The digest that the rule set of this file would have; for caches, without loading it."""
    return _digest(read_bytes(path), path)


def _checked(
    raw: bytes, path: Path, *, is_trusted: bool
) -> tuple[RuleSet | None, tuple[Problem, ...]]:
    document = parse_document(raw, file=str(path))
    problems = list(document.problems)
    ruleset = None
    if document.root is not None:
        by_schema = () if is_trusted else _by_schema(document)
        cursor = Cursor(document.root, (), document.file, [])
        ruleset = build_rules(cursor, file=Path(os.path.abspath(path)), digest=_digest(raw, path))
        problems += [problem for problem in by_schema if problem.path not in document.unread]
        told = {*document.unread, *(problem.path for problem in by_schema)}
        problems += _beyond(cursor.problems, tuple(path for path in told if path))
    if any(problem.severity is Severity.ERROR for problem in problems):
        ruleset = None
    elif ruleset is not None and not is_trusted:
        problems += lint(ruleset)
    return ruleset, with_snippets(cut_short(sort_problems(problems)), document.lines)


def _by_schema(document: Document) -> tuple[Problem, ...]:
    # Heavy (jsonschema, some 80 ms) and not needed for a file that was checked before.
    from av1rules.policy.schema import schema_problems  # noqa: PLC0415

    return schema_problems(document)


def _beyond(found: Iterable[Problem], told: tuple[str, ...]) -> list[Problem]:
    """Faults at and below paths where nothing was told yet: one fault, one Problem."""
    parents = frozenset(told)
    return [problem for problem in found if not _is_below(problem.path, parents)]


def _is_below(path: str, parents: frozenset[str]) -> bool:
    ends = (index for index, mark in enumerate(path) if mark in ".[")
    return path in parents or any(path[:end] in parents for end in ends)


def _digest(raw: bytes, path: Path) -> str:
    """Covers every byte of the file and where it is: relative paths depend on the place."""
    return text_digest(f"{os.path.abspath(path)}\0{raw.decode('utf-8', 'surrogateescape')}")
