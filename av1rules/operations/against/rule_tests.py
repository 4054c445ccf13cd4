"""Which cases of the rules tests pass under the policy of then, and which under that of now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import PurePath

import msgspec
from msgspec.structs import replace

from av1rules.base.errors import UsageError
from av1rules.operations.against.policy_then import TestText
from av1rules.operations.rule_tests.files import films_of
from av1rules.operations.rule_tests.judge import run_rule_tests
from av1rules.policy.model import RuleSet
from av1rules.policy.rule_tests.cases import named_rules, parse_rule_tests
from av1rules.policy.rule_tests.given import RecordedFilm
from av1rules.policy.yaml.document import parse_document


class Passes(Enum):
    """Under which policies a case passes."""

    BOTH = "both"
    NOW = "now"
    THEN = "then"
    NEITHER = "neither"


class CaseOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """One case of the tests of now, or one that only the tests of then have (`is_of_then`).
    `where` is file and line."""

    name: str
    where: str
    passes: Passes
    is_of_then: bool = False


class TestsDiff(msgspec.Struct, frozen=True, kw_only=True):
    """`unread` are test files with mistakes, of which no case was run."""

    __test__ = False  # for pytest: no test

    cases: tuple[CaseOutcome, ...] = ()
    unread: tuple[str, ...] = ()


def compare_tests(
    then: RuleSet, now: RuleSet, tests_then: Sequence[TestText], tests_now: Sequence[TestText]
) -> TestsDiff:
    """The outcome of each case of now under both policies, and of each case of then that comes out
    otherwise than the case of the same name now, or is gone."""
    unread: list[str] = []
    cases = [*_outcomes(tests_now, now, (then, now), unread)]
    outcomes = {case.name: case.passes for case in cases}
    known = {text.raw for text in tests_now}
    others = [text for text in tests_then if text.raw not in known]
    cases += [
        replace(case, is_of_then=True)
        for case in _outcomes(others, then, (then, now), unread)
        if outcomes.get(case.name) is not case.passes
    ]
    return TestsDiff(cases=tuple(cases), unread=tuple(unread))


def _outcomes(
    texts: Sequence[TestText], own: RuleSet, both: tuple[RuleSet, RuleSet], unread: list[str]
) -> Iterator[CaseOutcome]:
    """Of tests that were written for the rules `own`."""
    for text in texts:
        films = _films_of(text, own)
        # The names of rules are checked against those that the tests are about.
        tests = [
            parse_rule_tests(
                text.raw,
                file=text.shown_as,
                ruleset=replace(own, tiers=ruleset.tiers),
                films=films,
            )
            for ruleset in both
        ]
        about = named_rules(tests[0].document)
        if about is not None and PurePath(about).name != own.file.name:
            continue  # tests of other rules
        if tests[0].problems:
            unread.append(text.shown_as)
        results = [
            run_rule_tests(ruleset, one.cases) for ruleset, one in zip(both, tests, strict=True)
        ]
        for before, after in zip(*results, strict=True):
            yield CaseOutcome(
                name=after.case.name,
                where=after.case.place.short,
                passes=_PASSES[not before.mismatches, not after.mismatches],
            )


def _films_of(text: TestText, own: RuleSet) -> dict[str, RecordedFilm | None]:
    """The recorded films of cases; none where their file can't be read."""
    try:
        document = parse_document(text.raw, file=text.shown_as)
        return films_of(document, own.file.parent, None)
    except UsageError:
        return {}


_PASSES = {
    (True, True): Passes.BOTH,
    (True, False): Passes.THEN,
    (False, True): Passes.NOW,
    (False, False): Passes.NEITHER,
}
