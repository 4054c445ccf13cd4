"""Results of rules tests as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import Any

from msgspec import UNSET

from av1rules.base.text import counted, printable
from av1rules.operations.rule_tests.files import FileResult
from av1rules.operations.rule_tests.judge import Coverage, Mismatch, TestResult, Unreached
from av1rules.policy.model import Problem, RuleSet
from av1rules.policy.problems import render, with_snippets
from av1rules.policy.rule_tests.cases import RuleTestFile
from av1rules.policy.settings import show_value
from av1rules.policy.yaml.nodes import format_path
from av1rules.report.documents.rules import (
    CaseRecord,
    RuleTestsDocument,
    UnreachedRecord,
    problem_record,
)
from av1rules.report.json import json_document


def all_problems(file: FileResult) -> tuple[Problem, ...]:
    """Mistakes in the file, and each expectation that does not hold, with their places."""
    mismatched = (
        mismatch_problem(file.tests, result, one)
        for result in file.results
        for one in result.mismatches
    )
    return (*file.tests.problems, *with_snippets(mismatched, file.tests.document.lines))


def mismatch_problem(tests: RuleTestFile, result: TestResult, mismatch: Mismatch) -> Problem:
    at = (*result.case.at, "expect", *mismatch.at)
    origin = f" ({mismatch.origin})" if mismatch.origin else ""
    return Problem(
        place=tests.document.place(at),
        path=f"{printable(result.case.name)}: {format_path(mismatch.at)}",
        message=f"expected {_shown(mismatch.expected)}, found {_shown(mismatch.found)}{origin}",
    )


def _shown(value: Any) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, str):
        return printable(value)
    return "none" if value is None else printable(show_value(value))


def results_text(
    files: Sequence[FileResult], covered: Iterable[tuple[RuleSet, Coverage]] = ()
) -> str:
    """What failed, with its place; then the totals, and what no case reached."""
    parts = [render(problem) for one in files for problem in all_problems(one)]
    cases = sum(len(one.results) for one in files)
    failed = sum(len(one.failed) for one in files)
    broken = sum(bool(one.tests.problems) for one in files)
    totals = [f"{cases - failed} of {counted(cases, 'case')} passed"]
    if broken:
        totals.append(f"{counted(broken, 'file')} with mistakes")
    parts.append(f"{counted(len(files), 'file')}: {', '.join(totals)}")
    for ruleset, reached in covered:
        parts.append("\n".join(_coverage_lines(ruleset, reached)))
    return "\n".join(parts)


def _coverage_lines(ruleset: RuleSet, covered: Coverage) -> Iterator[str]:
    yield (
        f"{printable(ruleset.file.name)}: "
        f"reached {covered.rules[0]} of {counted(covered.rules[1], 'rule')}, "
        f"{covered.outcomes[0]} of {counted(covered.outcomes[1], 'outcome')} of conditions, "
        f"{covered.profiles[0]} of {counted(covered.profiles[1], 'profile')}"
    )
    for one in covered.unreached:
        yield f"  {unreached_text(one)}"


def unreached_text(one: Unreached) -> str:
    """What no case reached, with its place."""
    if one.condition is not None:
        outcome = "true" if one.outcome else "false"
        return f"{one.condition.place.short}: {printable(one.condition.text)} is {outcome} nowhere"
    if one.rule is not None:
        return f"{one.rule.place.short}: rule {printable(one.rule.name)} decides nowhere"
    return f"profile {printable(one.profile or '')} is used nowhere"


def results_json(
    files: Sequence[FileResult], covered: Iterable[tuple[RuleSet, Coverage]] | None
) -> str:
    """The document of `test`; `covered` None: not asked for."""
    cases = tuple(
        CaseRecord(
            file=str(one.path),
            line=result.case.place.line,
            name=result.case.name,
            passed=not result.mismatches,
            rule=result.said.rule,
            action=result.said.action,
            problems=tuple(
                problem_record(mismatch_problem(one.tests, result, mismatch))
                for mismatch in result.mismatches
            ),
        )
        for one in files
        for result in one.results
    )
    problems = tuple(problem_record(problem) for one in files for problem in one.tests.problems)
    reached = None if covered is None else tuple(_unreached_records(covered))
    return json_document(
        RuleTestsDocument(
            ok=not problems and all(case.passed for case in cases),
            cases=cases,
            problems=problems,
            unreached=UNSET if reached is None else reached,
        )
    )


def _unreached_records(
    covered: Iterable[tuple[RuleSet, Coverage]],
) -> Iterator[UnreachedRecord]:
    for ruleset, found in covered:
        for one in found.unreached:
            test, rule = one.condition, one.rule
            place = test.place if test is not None else rule.place if rule is not None else None
            yield UnreachedRecord(
                file=str(ruleset.file),
                line=None if place is None else place.line,
                rule=None if rule is None else rule.name,
                condition=None if test is None else test.text,
                outcome=one.outcome,
                profile=one.profile,
            )
