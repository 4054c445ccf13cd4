"""Under which of two policies the cases of their rules tests pass."""

from __future__ import annotations

from pathlib import Path

from av1rules.operations.against.policy_then import TestText
from av1rules.operations.against.rule_tests import Passes, compare_tests
from av1rules.policy.load import rules_of
from av1rules.policy.model import RuleSet

RULES = """\
version: 1
library: {roots: [films]}
output: {mode: mirror, root: out}
rules:
  - {name: NAME, when: {path: "**"}, encode: {crf: CRF}}
"""

NOW = """\
version: 1
cases:
  - {name: as before, given: {path: films/a.mkv}, expect: {action: encode}}
  - {name: changed, given: {path: films/a.mkv}, expect: {settings: {crf: 28}}}
  - {name: forgotten, given: {path: films/a.mkv}, expect: {settings: {crf: 26}}}
  - {name: wrong, given: {path: films/a.mkv}, expect: {settings: {crf: 1}}}
"""


def ruleset(crf: int, name: str = "all") -> RuleSet:
    text = RULES.replace("CRF", str(crf)).replace("NAME", name)
    return rules_of(text.encode(), Path("/p/rules.yaml"), shown_as="rules.yaml")


def text(raw: str, name: str = "rules.tests.yaml") -> TestText:
    return TestText(name=name, shown_as=name, raw=raw.encode())


def test_each_case_says_with_which_policy_it_passes() -> None:
    found = compare_tests(ruleset(26), ruleset(28), [], [text(NOW)])
    assert {one.name: one.passes for one in found.cases} == {
        "as before": Passes.BOTH,
        "changed": Passes.NOW,
        "forgotten": Passes.THEN,
        "wrong": Passes.NEITHER,
    }
    assert found.cases[1].where == "rules.tests.yaml:4"
    assert not any(one.is_of_then for one in found.cases)


def test_a_case_of_then_counts_where_it_comes_out_otherwise() -> None:
    then = text(NOW.replace("crf: 28", "crf: 26"), "then.tests.yaml")
    found = compare_tests(ruleset(26), ruleset(28), [then], [text(NOW)])
    (only,) = [one for one in found.cases if one.is_of_then]
    assert (only.name, only.passes) == ("changed", Passes.THEN)
    same = compare_tests(ruleset(26), ruleset(28), [text(NOW)], [text(NOW)])
    assert len(same.cases) == 4


def test_cases_may_name_rules_of_their_own_policy_only() -> None:
    case = "version: 1\ncases: [{name: a, given: {path: films/a.mkv}, expect: {rule: NAME}}]\n"
    found = compare_tests(
        ruleset(26, "old"),
        ruleset(26, "new"),
        [text(case.replace("NAME", "old"), "then")],
        [text(case.replace("NAME", "new"), "now")],
    )
    assert [(one.passes, one.is_of_then) for one in found.cases] == [
        (Passes.NOW, False),
        (Passes.THEN, True),
    ]
    assert not found.unread


def test_tests_of_other_rules_and_with_mistakes() -> None:
    other = text(f"rules: ../else.yaml\n{NOW}", "other.tests.yaml")
    own = text(f"rules: ../rules.yaml\n{NOW}", "tests/own.yaml")
    broken = text("version: 1\ncases: [{name: a}]\n", "broken.tests.yaml")
    found = compare_tests(ruleset(26), ruleset(28), [], [other, own, broken])
    assert len(found.cases) == 4
    assert found.unread == ("broken.tests.yaml",)
