"""Which decisions an edit of the rules can have touched, as digests of what each depends on. Pure.

The decision on a film depends on the conditions of the rules up to the one that matched it (and on
their names: those passed over are named), on that rule with its defaults and profile, and on all
that is not a rule. An edit further down, or of a rule that did not match it, can't change it.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from av1rules.base.text import text_digest
from av1rules.policy.model import Rest, RuleSet
from av1rules.policy.resolve import layers_of


class DecisionDigests(msgspec.Struct, frozen=True, kw_only=True):
    """`rules` by name: a decision by a rule still holds where its digest is the same. `no_rule` is
    the digest of the decision that no rule matches, `base` of what is not a rule."""

    base: str
    rules: dict[str, str]
    no_rule: str

    def of(self, rule: str | None) -> str | None:
        return self.no_rule if rule is None else self.rules.get(rule)

    def still_holds(self, rule: str | None, before: DecisionDigests) -> bool:
        """Whether decisions by this rule (None: by none) that were made `before` hold today."""
        return self.base == before.base and self.of(rule) == before.of(rule) is not None


def decision_digests(ruleset: RuleSet, *others: str) -> DecisionDigests:
    """The digests for a rule set; `others` is what decisions depend on besides it."""
    # What becomes of the rest of a mirror decides on no film.
    output = replace(ruleset.output, rest=Rest.LEAVE)
    fixed = (ruleset.library, output, ruleset.tools, ruleset.tiers, ruleset.run)
    conditions = ""
    rules: dict[str, str] = {}
    for rule in ruleset.rules:
        conditions = text_digest(f"{conditions}\n{_text((rule.name, rule.when))}")
        layers = layers_of(ruleset.defaults, ruleset.profiles, rule.action)
        deciding = replace(rule, priority=0, schedule=None)  # which only say what comes when
        digest = text_digest(f"{conditions}\n{_text(deciding)}\n{_text(layers)}")
        rules[rule.name] = text_digest(f"{rules.get(rule.name, '')}{digest}")
    return DecisionDigests(
        base=text_digest("\n".join((_text(fixed), *others))), rules=rules, no_rule=conditions
    )


def _text(value: object) -> str:
    """A value as text, without places: a line added above changes no decision."""
    plain = msgspec.to_builtins(value, order="deterministic", enc_hook=repr)
    return msgspec.json.encode(_without_places(plain)).decode()


def _without_places(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_places(part) for key, part in value.items() if key != "place"}
    if isinstance(value, list | tuple):
        return [_without_places(part) for part in value]
    return value
