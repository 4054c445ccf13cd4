"""Loads a rules file: read, check against the schema, decode, check, lint. Runs nothing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from av1rules import __version__
from av1rules.base.own_files import read_own, write_own
from av1rules.base.text import text_digest
from av1rules.policy.checks import cross_problems
from av1rules.policy.decode import STATE_FOLDER, decode_rules
from av1rules.policy.lint import lint
from av1rules.policy.model import Problem, RuleSet, Severity
from av1rules.policy.neighbours.decode import neighbour_problems
from av1rules.policy.problems import (
    MAX_PROBLEMS,
    RulesError,
    cut_short,
    sort_problems,
    with_snippets,
)
from av1rules.policy.schema import schema_digest, schema_problems
from av1rules.policy.yaml.document import parse_document, read_bytes
from av1rules.policy.yaml.nodes import Document, Items, Mapping, Node, Path_, format_path

_CHECKED_NAME = "rules.checked"


def rules_of(raw: bytes, path: Path, *, shown_as: str) -> RuleSet:
    """The rule set of the bytes of a rules file as if they stood in `path`, where relative paths
    begin; places name `shown_as`. Raises RulesError with all problems."""
    ruleset, problems = _checked(raw, path, shown_as=shown_as)
    if ruleset is None:
        raise RulesError(problems)
    return ruleset


def check_rules(path: Path) -> tuple[RuleSet | None, tuple[Problem, ...]]:
    """The rule set (None with any error), and all errors and warnings sorted by place.

    Raises Av1rulesError only when the file can't be read at all.
    """
    raw = read_bytes(path)
    if _digest(raw, path) == _noted_digest(path):
        with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):  # a bad note
            ruleset, problems = _checked(raw, path, is_trusted=True)
            if ruleset is not None:
                return ruleset, problems
    return _checked(raw, path)


def load_rules(path: Path, *, trusted_digest: str | None = None) -> RuleSet:
    """The rule set of a file. Raises RulesError with all problems.

    `trusted_digest` is the digest of a rule set that this version of av1rules has loaded before: if
    the file still has it, it is only decoded, since the check takes most of the time.
    """
    raw = read_bytes(path)
    if trusted_digest is not None and _digest(raw, path) == trusted_digest:
        ruleset = _decoded_unchecked(raw, path)
    else:
        ruleset = None
    if ruleset is None:
        ruleset, problems = _checked(raw, path)
        if ruleset is None:
            raise RulesError(problems)
    return ruleset


def load_rules_cached(path: Path) -> RuleSet:
    """Like `load_rules`, but skips the schema check (100 ms) if an earlier command passed it, and
    records a passed check. Raises RulesError."""
    trusted = _noted_digest(path)
    ruleset = load_rules(path, trusted_digest=trusted)
    note = _note_of(path)
    if ruleset.digest != trusted and ruleset.run.state_dir == note.parent and note.parent.is_dir():
        with contextlib.suppress(OSError):
            write_own(note, f"{_checker()} {ruleset.digest}".encode())
    return ruleset


def _note_of(path: Path) -> Path:
    """In the default state folder, since `run.state_dir` is in the file itself."""
    return path.absolute().parent / STATE_FOLDER / _CHECKED_NAME


def _checker() -> str:
    """Identifies the checker: a file that an earlier schema accepted may be invalid now."""
    return f"{__version__}+{schema_digest()}"


def _noted_digest(path: Path) -> str | None:
    """The digest of the rules that this version of av1rules found valid."""
    try:
        note = read_own(_note_of(path), limit=1000).decode(errors="replace")
    except OSError:
        return None
    checker, _, digest = note.partition(" ")
    return digest if checker == _checker() else None


def _checked(
    raw: bytes, path: Path, *, is_trusted: bool = False, shown_as: str | None = None
) -> tuple[RuleSet | None, tuple[Problem, ...]]:
    document = parse_document(raw, file=shown_as or str(path))
    problems = list(document.problems)
    ruleset = None
    if document.root is not None:
        by_schema = () if is_trusted else schema_problems(document)
        problems += [problem for problem in by_schema if problem.path not in document.unread]
        wrong = {*document.unread, *(problem.path for problem in by_schema)} - {""}
        values = _without(document.root, wrong, ())
        if isinstance(values, dict) and len(by_schema) <= MAX_PROBLEMS:
            ruleset = _decoded(document, values, raw, path)
            problems += cross_problems(document, values, ruleset)
            problems += _neighbour_problems(document, values.get("neighbours", {}))
    if any(problem.severity is Severity.ERROR for problem in problems):
        ruleset = None
    elif ruleset is not None:
        problems += lint(ruleset)
    return ruleset, with_snippets(cut_short(sort_problems(problems)), document.lines)


def _neighbour_problems(document: Document, values: dict[str, Any]) -> Iterator[Problem]:
    for one in neighbour_problems(values):
        at: Path_ = ("neighbours", one.name, one.key)
        if one.is_missing and document.node(at) is not None:
            continue  # it has a value, which the schema refused
        yield Problem(
            place=document.key_place(at[:2] if one.is_missing else at),
            path=format_path(at),
            message=one.message,
            hint=one.hint,
        )


def _decoded_unchecked(raw: bytes, path: Path) -> RuleSet | None:
    """None if the trust was wrong: another version may have used another schema."""
    document = parse_document(raw, file=str(path))
    values = document.plain()
    if document.problems or not isinstance(values, dict):
        return None
    try:
        return _decoded(document, values, raw, path)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _decoded(document: Document, values: dict[str, Any], raw: bytes, path: Path) -> RuleSet:
    file = Path(os.path.abspath(path))
    return decode_rules(document, values, file=file, digest=_digest(raw, path))


def _without(node: Node, wrong: Iterable[str], at: Path_) -> object:
    """The plain values without those at `wrong` paths: keys are left out, list entries become None,
    so that the other entries keep their index."""
    if format_path(at) in wrong:
        return None
    if isinstance(node, Items):
        return [_without(item, wrong, (*at, index)) for index, item in enumerate(node.items)]
    if isinstance(node, Mapping):
        below = (
            (entry.key, _without(entry.value, wrong, (*at, entry.key))) for entry in node.entries
        )
        return {key: value for key, value in below if value is not None}
    return node.value


def _digest(raw: bytes, path: Path) -> str:
    """Covers every byte of the file and its path, since relative paths depend on that."""
    return text_digest(f"{os.path.abspath(path)}\0{raw.decode('utf-8', 'surrogateescape')}")
