"""Warnings about valid rules that have no effect: dead, shadowed, unused. Pure.

It reports only what is certain, that is, true for every possible source.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Iterator

from av1rules.policy.facts import FACTS
from av1rules.policy.globs import glob_doubts
from av1rules.policy.model import (
    ActionKind,
    AllOf,
    AnyOf,
    Condition,
    Not,
    OutputMode,
    Problem,
    Range,
    Rule,
    RuleSet,
    SettingsLayer,
    Severity,
    Test,
)

_UNSUPPORTED: dict[str, dict[str, str]] = {
    "librav1e": {
        "film_grain": "film grain synthesis",
        "params": "parameters of SVT-AV1",
        "tune": "this tune",
    },
    "libaom-av1": {"params": "parameters of SVT-AV1", "tune": "this tune"},
}
"""What encoders other than SVT-AV1 don't support, by setting."""

_OTHER_TUNES = {"libaom-av1": ("psnr", "ssim"), "librav1e": ("psnr",)}


def lint(ruleset: RuleSet) -> tuple[Problem, ...]:
    """All warnings about a rule set."""
    return (
        *_dead_rules(ruleset.rules),
        *_impossible_rules(ruleset.rules),
        *_unused_profiles(ruleset),
        *_unsupported_settings(ruleset),
        *_folders(ruleset),
        *_doubtful_globs(ruleset),
    )


def _warning(rule: Rule, index: int, message: str, hint: str) -> Problem:
    return Problem(
        place=rule.place,
        path=f"rules[{index}]",
        message=message,
        severity=Severity.WARNING,
        hint=hint,
    )


MOST_COMPARISONS = 200_000
"""Pairs of rules that are compared, half a second's work. A policy by people needs a few per rule,
since only rules that share a value are compared; a generated one could need the square."""


def _dead_rules(rules: tuple[Rule, ...]) -> Iterator[Problem]:
    compared = 0
    sharing = _RulesByValue(rules)
    for index, rule in enumerate(rules):
        for first in sharing.earlier_than(index):
            compared += 1
            earlier = rules[first]
            if implies(rule.when, earlier.when):
                yield _dead_rule(rule, index, earlier)
                break
        if compared > MOST_COMPARISONS:
            message = f"only the first {index + 1} rules were searched for rules that never decide"
            hint = "the rules are too many and too alike to compare them all: `any:` joins them"
            yield _warning(rule, index, message, hint)
            return


def _dead_rule(rule: Rule, index: int, earlier: Rule) -> Problem:
    matches = "matches every source" if earlier.when is None else "matches all of its sources"
    message = (
        f"rule {rule.name} never decides: rule {earlier.name} (line {earlier.place.line}) {matches}"
    )
    return _warning(rule, index, message, "put it first, or remove it")


_Value = tuple[str, object]
"""A fact and a value that a test wants of it; None where equality does not decide (a range)."""


class _RulesByValue:
    """Finds the rules that can imply another one without comparing all pairs.

    What implies a test has a test of the same fact with one of its values, so each rule is filed
    under the values of its rarest condition, and looked for under all values of the other rule.
    """

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._mentioned = [frozenset(_all_values(rule.when)) for rule in rules]
        self._frequency = Counter(value for values in self._mentioned for value in values)
        self._under: dict[_Value, list[int]] = {}
        self._always: list[int] = []
        for index, rule in enumerate(rules):
            values = frozenset(self._filed_under(rule.when))
            for value in values:
                self._under.setdefault(value, []).append(index)
            if not values:
                self._always.append(index)

    def earlier_than(self, index: int) -> Iterator[int]:
        """The rules before it that it may imply, in their order."""
        mentioned = self._mentioned[index]
        wanted = mentioned | {(fact, None) for fact, _ in mentioned}
        found = heapq.merge(self._always, *(self._under.get(value, ()) for value in wanted))
        earlier = itertools.takewhile(lambda other: other < index, found)
        return (other for other, _ in itertools.groupby(earlier))

    def _filed_under(self, condition: Condition | None) -> tuple[_Value, ...]:
        if isinstance(condition, AllOf):
            parts = [self._filed_under(part) for part in condition.parts]
            return min(parts, key=self._total_frequency, default=())
        if isinstance(condition, AnyOf):
            return tuple(value for part in condition.parts for value in self._filed_under(part))
        return tuple(_all_values(condition))

    def _total_frequency(self, values: tuple[_Value, ...]) -> int:
        return sum(self._frequency[value] for value in values)


def _all_values(condition: Condition | None) -> Iterator[_Value]:
    for test in _all_tests(condition):
        for wanted in test.wanted:
            yield test.fact, None if isinstance(wanted, Range) else wanted


def _impossible_rules(rules: tuple[Rule, ...]) -> Iterator[Problem]:
    for index, rule in enumerate(rules):
        fact = None if rule.when is None else _contradiction(rule.when)
        if fact is not None:
            message = f"rule {rule.name} never matches: its conditions on {fact} exclude each other"
            yield _warning(rule, index, message, "any: is true when one of its conditions is")


def _unused_profiles(ruleset: RuleSet) -> Iterator[Problem]:
    used = {rule.action.profile for rule in ruleset.rules}
    for profile in ruleset.profiles:
        name = profile.name.removeprefix("profile ")
        if name not in used and profile.settings:
            yield Problem(
                place=profile.settings[0].place,
                path=f"profiles.{name}",
                message=f"no rule uses profile {name}",
                severity=Severity.WARNING,
                hint=f"write use: {name} in a rule's encode, or remove it",
            )


def _unsupported_settings(ruleset: RuleSet) -> Iterator[Problem]:
    """Settings that the encoder of the same rule doesn't support."""
    profiles = {profile.name.removeprefix("profile "): profile for profile in ruleset.profiles}
    for index, rule in enumerate(ruleset.rules):
        if rule.action.kind is not ActionKind.ENCODE or rule.action.layer is None:
            continue
        profile = profiles.get(rule.action.profile or "")
        layers = [layer for layer in (ruleset.defaults, profile, rule.action.layer) if layer]
        values = _values(layers)
        encoder = str(values.get("encoder", "auto"))
        if encoder == "auto":
            encoder = ruleset.tools.preferred_encoder or encoder
        for field, what in _UNSUPPORTED.get(encoder, {}).items():
            value = values.get(field)
            if value and not (field == "tune" and value in _OTHER_TUNES[encoder]):
                message = f"rule {rule.name}: {encoder} doesn't support {what} ({field})"
                yield _warning(rule, index, message, f"leave {field} out, or use libsvtav1")


def _folders(ruleset: RuleSet) -> Iterator[Problem]:
    """Roots inside roots, and a mirror inside a root."""
    roots = ruleset.library.roots
    for index, root in enumerate(roots):
        outer = next((o for o in roots if o is not root and o.path in root.path.parents), None)
        if outer is not None:
            yield Problem(
                place=root.place,
                path=f"library.roots[{index}]",
                message=f"root {root.name} is inside root {outer.name}: its files count only once",
                severity=Severity.WARNING,
                hint="remove one of the two",
            )
    mirror = ruleset.output.root
    if ruleset.output.mode is not OutputMode.MIRROR or mirror is None or not ruleset.output.place:
        return
    inside = next((r for r in roots if r.path in mirror.parents), None)
    if inside is not None:
        yield Problem(
            place=ruleset.output.place,
            path="output.root",
            message=f"the mirror is inside root {inside.name}: every walk goes through it",
            severity=Severity.WARNING,
            hint="put it outside the roots",
        )


def _doubtful_globs(ruleset: RuleSet) -> Iterator[Problem]:
    names = tuple(root.name for root in ruleset.library.roots)
    for index, rule in enumerate(ruleset.rules):
        for test in _all_tests(rule.when):
            for wanted in test.wanted if test.fact == "path" else ():
                for message, hint in glob_doubts(str(wanted), names):
                    yield Problem(
                        place=test.place,
                        path=f"rules[{index}].when",
                        message=message,
                        severity=Severity.WARNING,
                        hint=hint,
                    )


def _all_tests(condition: Condition | None) -> Iterator[Test]:
    if isinstance(condition, Test):
        yield condition
    elif isinstance(condition, Not):
        yield from _all_tests(condition.part)
    elif condition is not None:
        for part in condition.parts:
            yield from _all_tests(part)


def _values(layers: list[SettingsLayer]) -> dict[str, object]:
    return {setting.field: setting.value for layer in layers for setting in layer.settings}


def implies(narrow: Condition | None, wide: Condition | None) -> bool:
    """Whether `wide` is true whenever `narrow` is. False also if that can't be proved."""
    if wide is None:
        return True
    if narrow is None:
        return False
    if isinstance(wide, AllOf):
        return all(implies(narrow, part) for part in wide.parts)
    if isinstance(narrow, AnyOf):
        return all(implies(part, wide) for part in narrow.parts)
    if isinstance(wide, AnyOf) and any(implies(narrow, part) for part in wide.parts):
        return True
    if isinstance(narrow, AllOf):
        return any(implies(part, wide) for part in narrow.parts)
    if isinstance(narrow, Not) and isinstance(wide, Not):
        return _is_same(narrow.part, wide.part)
    if isinstance(narrow, Test) and isinstance(wide, Test):
        return narrow.fact == wide.fact and _within(narrow, wide)
    return False


def _is_same(one: Condition, other: Condition) -> bool:
    """Equal except for place and spelling. Under `not`, implication alone proves nothing, since
    unknown facts count as well."""
    if isinstance(one, Test) and isinstance(other, Test):
        return one.fact == other.fact and set(one.wanted) == set(other.wanted)
    if isinstance(one, Not) and isinstance(other, Not):
        return _is_same(one.part, other.part)
    if type(one) is type(other) and isinstance(one, AllOf | AnyOf):
        assert isinstance(other, AllOf | AnyOf)
        pairs = zip(one.parts, other.parts, strict=False)
        return len(one.parts) == len(other.parts) and all(_is_same(*pair) for pair in pairs)
    return False


def _within(narrow: Test, wide: Test) -> bool:
    return all(any(_covers(big, small) for big in wide.wanted) for small in narrow.wanted)


def _covers(big: object, small: object) -> bool:
    if isinstance(big, Range):
        low, high = _bounds(small)
        return (big.min is None or (low is not None and low >= big.min)) and (
            big.max is None or (high is not None and high <= big.max)
        )
    return not isinstance(small, Range) and big == small


def _bounds(wanted: object) -> tuple[float | None, float | None]:
    if isinstance(wanted, Range):
        return wanted.min, wanted.max
    return (float(wanted), float(wanted)) if isinstance(wanted, int | float) else (None, None)


def _contradiction(condition: Condition) -> str | None:
    """A fact with two conditions that must both hold but exclude each other."""
    if isinstance(condition, AnyOf):
        facts = [_contradiction(part) for part in condition.parts]
        return facts[0] if facts and all(facts) else None
    inner = list(_conjuncts(condition))
    for part in inner:
        if isinstance(part, AnyOf) and (fact := _contradiction(part)) is not None:
            return fact
        if isinstance(part, Not):
            others = AllOf(parts=tuple(p for p in inner if p is not part), place=part.place)
            test = next(_all_tests(part), None)
            if test is not None and implies(others, part.part):
                return test.fact
    tests = [part for part in inner if isinstance(part, Test)]
    for index, first in enumerate(tests):
        for second in tests[index + 1 :]:
            if first.fact != second.fact or FACTS[first.fact].has_many:
                continue
            if first.wanted and second.wanted and not _overlap(first, second):
                return first.fact
    return None


def _conjuncts(condition: Condition) -> Iterator[Condition]:
    """The conditions that must all hold, including those of nested `all`."""
    if isinstance(condition, AllOf):
        for part in condition.parts:
            yield from _conjuncts(part)
    else:
        yield condition


def _overlap(first: Test, second: Test) -> bool:
    return any(_meet(one, other) for one in first.wanted for other in second.wanted)


def _meet(one: object, other: object) -> bool:
    if not (isinstance(one, Range) or isinstance(other, Range)):
        return one == other
    (low_1, high_1), (low_2, high_2) = _bounds(one), _bounds(other)
    lows = [low for low in (low_1, low_2) if low is not None]
    highs = [high for high in (high_1, high_2) if high is not None]
    return not lows or not highs or max(lows) <= min(highs)
