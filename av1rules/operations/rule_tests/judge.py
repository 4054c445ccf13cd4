"""What the rules say of stated facts, where that differs from what was expected, and what no case
reached. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from av1rules.encode.losses import find_losses
from av1rules.encode.streams import plan_streams
from av1rules.policy.fingerprint import effective
from av1rules.policy.match import outcome_of, unmeasured_rule
from av1rules.policy.model import AllOf, AnyOf, Condition, Not, Rule, RuleSet, Test
from av1rules.policy.resolve import Decision, DecisionKind, decide
from av1rules.policy.rule_tests.cases import Expected, RuleTest, TestAction
from av1rules.policy.rule_tests.given import Given
from av1rules.policy.settings import AUTO, EncodeSettings, Loss
from av1rules.policy.yaml.nodes import Path_


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules say of one stated film. `settings` only if it is to encode."""

    rule: str | None
    action: TestAction
    source_tier: str | None
    settings: EncodeSettings | None
    origins: dict[str, str]
    review: str | None
    losses: frozenset[Loss]
    passed_over: frozenset[str]


class Mismatch(msgspec.Struct, frozen=True, kw_only=True):
    """One expectation that does not hold, by its path in the case (`settings.crf`). `origin` is the
    line that set what was found."""

    at: Path_
    expected: Any
    found: Any
    origin: str | None = None

    @property
    def is_no_rule(self) -> bool:
        """That no rule decides is a value too, which is written as null."""
        return self.at == ("rule",) and self.found is None


class TestResult(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one case: it passed if nothing differs."""

    __test__ = False  # for pytest: no test

    case: RuleTest
    said: Said
    mismatches: tuple[Mismatch, ...]


def run_rule_tests(ruleset: RuleSet, cases: Sequence[RuleTest]) -> tuple[TestResult, ...]:
    """The result of each case, in their order."""
    results = []
    for case in cases:
        said = said_of(ruleset, case.given)
        found = tuple(_mismatches(case.expected, said))
        results.append(TestResult(case=case, said=said, mismatches=found))
    return tuple(results)


def said_of(ruleset: RuleSet, given: Given) -> Said:
    """What the rules say of a stated film. The encoder counts as the best there is, since a test
    must not depend on the machine it runs on."""
    decision = decide(ruleset, given.facts)
    losses, is_refused = _losses(given, decision)
    return Said(
        rule=None if decision.rule is None else decision.rule.name,
        action=_action(ruleset, given, decision, is_refused=is_refused),
        source_tier=given.facts.source_tier,
        settings=decision.settings,
        origins={name: str(origin) for name, origin in decision.origins},
        review=decision.review.text if decision.kind is DecisionKind.ENCODE else None,
        losses=losses,
        passed_over=frozenset(one.rule for one in decision.passed_over),
    )


def _losses(given: Given, decision: Decision) -> tuple[frozenset[Loss], bool]:
    """What the encode would lose of the pictures, and whether a loss holds the film."""
    if decision.settings is None:
        return frozenset(), False
    # Of tracks nobody states enough to say what a container makes of them.
    source = replace(given.source, audio=(), subtitles=())
    settings = effective(decision.settings, source)
    streams = plan_streams(source, settings)
    found = find_losses(source, settings, streams, has_mkvpropedit=True)
    return frozenset(one.loss for one in found), not all(one.accepted for one in found)


_ACTIONS = {
    DecisionKind.ENCODE: TestAction.ENCODE,
    DecisionKind.SKIP: TestAction.SKIP,
    DecisionKind.HOLD: TestAction.HOLD,
    DecisionKind.NO_RULE: TestAction.NONE,
}


def _action(ruleset: RuleSet, given: Given, decision: Decision, *, is_refused: bool) -> TestAction:
    if unmeasured_rule(ruleset.rules, given.facts) is not None:
        return TestAction.MEASURE
    return TestAction.HOLD if is_refused else _ACTIONS[decision.kind]


def _mismatches(expected: Expected, said: Said) -> Iterator[Mismatch]:
    for name in ("rule", "action", "source_tier", "review", "losses", "passed_over"):
        wanted, found = getattr(expected, name), getattr(said, name)
        if wanted is not msgspec.UNSET and wanted != found:
            yield Mismatch(at=(name,), expected=wanted, found=found)
    for name, wanted in expected.settings.items():
        found = None if said.settings is None else _setting(said.settings, name)
        if wanted != found:
            yield Mismatch(
                at=("settings", name),
                expected=wanted,
                found=found,
                origin=said.origins.get(name),
            )


def _setting(settings: EncodeSettings, name: str) -> Any:
    """As rules write it: the strength of `film_grain: auto` is known once a film is measured."""
    if name == "on_change":
        return settings.redo.text
    is_auto = name == "film_grain" and settings.film_grain_auto
    return AUTO if is_auto else getattr(settings, name)


class Unreached(msgspec.Struct, frozen=True, kw_only=True):
    """What no case reached. `outcome` is the one that a condition never had."""

    rule: Rule | None = None
    condition: Test | None = None
    outcome: bool | None = None
    profile: str | None = None


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How many rules decided a case, conditions were true in one and false in another, and
    profiles were used; and what is left."""

    rules: tuple[int, int]  # reached, of all
    outcomes: tuple[int, int]
    profiles: tuple[int, int]
    unreached: tuple[Unreached, ...]


def coverage(ruleset: RuleSet, results: Sequence[TestResult]) -> Coverage:
    """What the cases reached of the rules, in their order."""
    decided = {result.said.rule for result in results}
    seen: set[tuple[int, bool]] = set()
    for result in results:
        for rule in ruleset.rules:
            seen |= set(_outcomes(rule.when, result.case.given))
            if rule.name == result.said.rule:
                break
    missing: list[Unreached] = []
    outcomes = 0
    for rule in ruleset.rules:
        if rule.name not in decided:
            missing.append(Unreached(rule=rule))
        for test in _tests(rule.when):
            for outcome in (True, False):
                outcomes += 1
                if (id(test), outcome) not in seen:
                    missing.append(Unreached(rule=rule, condition=test, outcome=outcome))
    used = {rule.action.profile for rule in ruleset.rules if rule.name in decided}
    profiles = [profile.name.removeprefix("profile ") for profile in ruleset.profiles]
    missing += [Unreached(profile=name) for name in profiles if name not in used]
    return Coverage(
        rules=(sum(rule.name in decided for rule in ruleset.rules), len(ruleset.rules)),
        outcomes=(len(seen), outcomes),
        profiles=(sum(name in used for name in profiles), len(profiles)),
        unreached=tuple(missing),
    )


def _outcomes(condition: Condition | None, given: Given) -> Iterator[tuple[int, bool]]:
    for test in _tests(condition):
        outcome = outcome_of(test, given.facts)
        if outcome is not None:
            yield id(test), outcome


def _tests(condition: Condition | None) -> Iterator[Test]:
    if isinstance(condition, Test):
        yield condition
    elif isinstance(condition, Not):
        yield from _tests(condition.part)
    elif isinstance(condition, AllOf | AnyOf):
        for part in condition.parts:
            yield from _tests(part)
