"""The documents of `validate`, `fmt` and `test`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import UNSET, Struct, UnsetType

from av1rules.policy.model import Problem, RuleSet, Severity
from av1rules.policy.rule_tests.cases import TestAction
from av1rules.report.json import JsonDocument, json_document


class ProblemRecord(Struct, frozen=True, kw_only=True):
    """One problem. `line` and `column` count from 1; they are null where who can write to the file
    is the problem. `path` is the key path, such as `rules[0].encode.preset`."""

    file: str
    line: int | None
    column: int | None
    path: str
    severity: Severity
    message: str
    hint: str | None


class ValidateDocument(JsonDocument, frozen=True, kw_only=True):
    """Every problem of a rules file, by place. `valid`: it has no error; then come the numbers of
    its rules and profiles, and of the decisions in `approvals.yaml`, else null."""

    valid: bool
    file: str
    errors: int
    warnings: int
    rules: int | None
    profiles: int | None
    decisions: int | None
    problems: tuple[ProblemRecord, ...]


class FormattedFile(Struct, frozen=True, kw_only=True):
    """One file of a policy (`-`: standard input). `problems` counts the errors that keep it from
    being read. `differs`: it was not in the one layout; `written`: it is now. `diff` are the lines
    that differ, with `--diff`; `text` is the new text of standard input."""

    file: str
    problems: int = 0
    differs: bool = False
    written: bool = False
    diff: tuple[str, ...] | UnsetType = UNSET
    text: str | UnsetType = UNSET


class FormatDocument(JsonDocument, frozen=True, kw_only=True):
    """The files, in the order in which they were named or found."""

    files: tuple[FormattedFile, ...]


class CaseRecord(Struct, frozen=True, kw_only=True):
    """One case. `rule` is the one that decided, null if none did."""

    file: str
    line: int
    name: str
    passed: bool
    rule: str | None
    action: TestAction
    problems: tuple[ProblemRecord, ...]


class UnreachedRecord(Struct, frozen=True, kw_only=True):
    """What no case reached: a rule, an outcome that a condition never had, or a profile."""

    file: str
    line: int | None
    rule: str | None
    condition: str | None
    outcome: bool | None
    profile: str | None


class RuleTestsDocument(JsonDocument, frozen=True, kw_only=True):
    """The cases and their outcomes. `ok`: all passed, and no file has mistakes; `problems` are
    those. `unreached` with `--coverage` only."""

    ok: bool
    cases: tuple[CaseRecord, ...]
    problems: tuple[ProblemRecord, ...]
    unreached: tuple[UnreachedRecord, ...] | UnsetType = UNSET


def validate_json(
    path: Path,
    ruleset: RuleSet | None,
    problems: Sequence[Problem],
    *,
    decisions: int | None,
    exposed: str | None,
) -> str:
    """The document of `validate`; `decisions` are those on clips beside valid rules, `exposed` says
    who else can write to the file."""
    file = str(path)
    found = [problem_record(problem) for problem in problems]
    if exposed is not None:
        found.append(_exposed(file, exposed))
    errors = sum(problem.severity is Severity.ERROR for problem in found)
    return json_document(
        ValidateDocument(
            valid=ruleset is not None,
            file=file,
            errors=errors,
            warnings=len(found) - errors,
            rules=len(ruleset.rules) if ruleset is not None else None,
            profiles=len(ruleset.profiles) if ruleset is not None else None,
            decisions=decisions,
            problems=tuple(found),
        )
    )


def problem_record(problem: Problem) -> ProblemRecord:
    return ProblemRecord(
        file=problem.place.file,
        line=problem.place.line,
        column=problem.place.column,
        path=problem.path,
        severity=problem.severity,
        message=problem.message,
        hint=problem.hint,
    )


def _exposed(file: str, message: str) -> ProblemRecord:
    return ProblemRecord(
        file=file,
        line=None,
        column=None,
        path="",
        severity=Severity.WARNING,
        message=message,
        hint=None,
    )
