"""Evaluates conditions on facts with three values: true, false and None for unknown. Pure.

A rule matches only if its condition is true. Unknown propagates: `not` of unknown is
unknown, so no rule matches because of an unknown fact.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator

import msgspec
from msgspec.structs import replace

from av1rules.base.memo import by_identity
from av1rules.base.text import printable
from av1rules.base.units import format_duration, format_rate, format_size
from av1rules.policy.facts import FACTS, FactKind, Facts, facts_of
from av1rules.policy.globs import path_matcher
from av1rules.policy.model import AllOf, AnyOf, Condition, Not, Range, Rule, Test

__all__ = [
    "Facts",
    "MatchOutcome",
    "PassedOver",
    "RuleMatch",
    "evaluate",
    "explain_rules",
    "facts_of",
    "first_match",
    "outcome_of",
]


class MatchOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one condition: `seen` is the fact's value as text, or "unknown".

    `text` is the condition as written; compound conditions have `parts` and no `seen`.
    """

    outcome: bool | None
    text: str
    seen: str = ""
    parts: tuple[MatchOutcome, ...] = ()


class RuleMatch(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one rule for a source; `is_decisive` marks the first that matched."""

    rule: Rule
    outcome: bool | None
    condition: MatchOutcome | None  # None: the rule has no condition
    is_decisive: bool = False


class PassedOver(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A rule before the one that decides, of which nobody knows whether it matches: the names of
    the unknown `facts` that it asks for."""

    rule: str
    facts: tuple[str, ...]


def outcome_of(condition: Condition | None, facts: Facts) -> bool | None:
    """True, false or unknown; allocates nothing, so it is cheap enough for every file."""
    if condition is None:
        return True
    if type(condition) is Test:
        return _outcome_of_test(condition, facts)
    if type(condition) is Not:
        inner = outcome_of(condition.part, facts)
        return None if inner is None else not inner
    assert isinstance(condition, AllOf | AnyOf)
    decisive = type(condition) is AnyOf  # the value that decides immediately
    result: bool | None = not decisive
    for part in condition.parts:
        outcome = outcome_of(part, facts)
        if outcome is decisive:
            return decisive
        if outcome is None:
            result = None
    return result


def _outcome_of_test(test: Test, facts: Facts) -> bool | None:
    value = getattr(facts, test.fact)
    if value is None:
        return None
    if type(value) is tuple:
        return bool(path_matcher(test.wanted)(value))
    if type(value) is frozenset:
        return _any_member(test, value)
    for wanted in test.wanted:
        if wanted.holds(value) if type(wanted) is Range else wanted == value:
            return True
    return False


def _any_member(test: Test, members: frozenset[str | int | None]) -> bool | None:
    for wanted in test.wanted:
        if type(wanted) is Range:
            if any(type(member) is int and wanted.holds(member) for member in members):
                return True
        elif wanted in members:
            return True
    return None if None in members else False


_WORDS = {Not: "not", AllOf: "all of", AnyOf: "any of"}


def evaluate(condition: Condition, facts: Facts) -> MatchOutcome:
    """The outcome of a condition and of all its parts, for `explain`."""
    if isinstance(condition, Test):
        return MatchOutcome(
            outcome=outcome_of(condition, facts),
            text=condition.text,
            seen=seen_value(condition.fact, facts),
        )
    inner = (condition.part,) if isinstance(condition, Not) else condition.parts
    parts = tuple(evaluate(part, facts) for part in inner)
    word = _WORDS[type(condition)]
    return MatchOutcome(outcome=outcome_of(condition, facts), text=word, parts=parts)


def first_match(rules: Iterable[Rule], facts: Facts) -> tuple[Rule | None, tuple[PassedOver, ...]]:
    """The first rule whose condition is true, and those before it that were passed over."""
    undecided: list[Rule] = []
    found = None
    for rule in rules:
        outcome = outcome_of(rule.when, facts)
        if outcome:
            found = rule
            break
        if outcome is None:
            undecided.append(rule)
    return found, tuple(_passed_over(rule, facts) for rule in undecided)


def _passed_over(rule: Rule, facts: Facts) -> PassedOver:
    assert rule.when is not None  # else it matches
    return _shared_passed_over(rule.name, tuple(dict.fromkeys(_unknown_facts(rule.when, facts))))


@functools.lru_cache(maxsize=1024)
def _shared_passed_over(rule: str, names: tuple[str, ...]) -> PassedOver:
    """The same object for many films."""
    return PassedOver(rule, names)


def _unknown_facts(condition: Condition, facts: Facts) -> Iterator[str]:
    """The facts that keep a condition from being true or false."""
    if outcome_of(condition, facts) is not None:
        return
    if isinstance(condition, Test):
        yield condition.fact
        return
    parts = (condition.part,) if isinstance(condition, Not) else condition.parts
    for part in parts:
        yield from _unknown_facts(part, facts)


def unmeasured_rule(rules: Iterable[Rule], facts: Facts) -> Rule | None:
    """The first rule, before one that matches, that might match once the grain is measured."""
    if facts.grain is not None:
        return None
    for rule in rules:
        outcome = outcome_of(rule.when, facts)
        if outcome is True:
            return None
        if outcome is None and rule.when is not None and _might_match(rule.when, facts):
            return rule
    return None


@by_identity
def asks_for_grain(rules: tuple[Rule, ...]) -> bool:
    """Whether any condition depends on grain."""
    conditions = (rule.when for rule in rules if rule.when is not None)
    return any(True for condition in conditions for _ in _grain_values(condition))


def _might_match(condition: Condition, facts: Facts) -> bool:
    """Try every value at which a grain condition may change, and the values next to it."""
    edges = set(_grain_values(condition))
    values = sorted({edge + step for edge in edges for step in (-0.01, 0.0, 0.01)})
    return any(outcome_of(condition, replace(facts, grain=value)) is True for value in values)


def _grain_values(condition: Condition) -> Iterator[float]:
    if isinstance(condition, Not):
        yield from _grain_values(condition.part)
    elif isinstance(condition, AllOf | AnyOf):
        for part in condition.parts:
            yield from _grain_values(part)
    elif condition.fact == "grain":
        for wanted in condition.wanted:
            if isinstance(wanted, Range):
                yield from (end for end in (wanted.min, wanted.max) if end is not None)
            else:
                yield float(wanted)


def explain_rules(rules: Iterable[Rule], facts: Facts) -> tuple[RuleMatch, ...]:
    """Every rule with the outcome of its condition, in file order."""
    matches: list[RuleMatch] = []
    is_open = True
    for rule in rules:
        outcome = outcome_of(rule.when, facts)
        matches.append(
            RuleMatch(
                rule=rule,
                outcome=outcome,
                condition=None if rule.when is None else evaluate(rule.when, facts),
                is_decisive=is_open and outcome is True,
            )
        )
        is_open = is_open and outcome is not True
    return tuple(matches)


def seen_value(fact: str, facts: Facts) -> str:
    """The value of a fact as text: `1080p`, `25.5 Mb/s`, `eng, jpn`, `unknown`."""
    value = getattr(facts, fact)
    if value is None:
        return "unknown"
    if type(value) is tuple:
        return printable(value[1])
    if type(value) is frozenset:
        return ", ".join(sorted(_shown(fact, member) for member in value)) or "none"
    return _shown(fact, value)


def _shown(fact: str, value: object) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return printable(value, limit=80)
    assert isinstance(value, int | float)
    match FACTS[fact].kind:
        case FactKind.SIZE:
            return format_size(value)
        case FactKind.RATE:
            return format_rate(value)
        case FactKind.DURATION:
            return format_duration(value)
        case _:
            return str(value) if isinstance(value, int) else f"{value:.5g}"
