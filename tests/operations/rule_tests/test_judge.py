"""What rules say of stated films, where that differs from what was expected, and what no case
reached."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from av1rules.operations.rule_tests.judge import Mismatch, TestResult, coverage, run_rule_tests
from av1rules.policy.load import load_rules
from av1rules.policy.model import RuleSet
from av1rules.policy.rule_tests.cases import TestAction, parse_rule_tests
from av1rules.report.rule_tests.results import unreached_text
from tests.policy.conftest import write_rules  # noqa: F401 - a fixture

WriteRules = Callable[[str], Path]

RULES = """\
profiles:
  fine: {crf: 20}
  spare: {crf: 10}
rules:
  - name: uhd
    when: {source_tier: remux, height: {min: 1440}}
    encode: {use: fine, film_grain: auto, keyint: 10s}
  - {name: japanese, when: {audio_language: ja}, skip: in Japanese}
  - {name: waits, when: {path: "**/wait/**"}, hold: true}
  - {name: grainy, when: {grain: {min: 2}}, encode: {accept: [chroma]}}
  - {name: web, when: {source_tier: web-dl}, encode: {force: true}, review: canary(3)}
"""


@pytest.fixture
def ruleset(write_rules: WriteRules) -> RuleSet:  # noqa: F811
    return load_rules(write_rules(RULES))


def case_of(ruleset: RuleSet, given: str, expect: str) -> TestResult:
    text = f"version: 1\ncases: [{{name: a, given: {given}, expect: {expect}}}]\n"
    found = parse_rule_tests(text.encode(), file="a", ruleset=ruleset)
    assert not found.problems
    (result,) = run_rule_tests(ruleset, found.cases)
    return result


KNOWN = "audio_language: de, grain: 0.5"


@pytest.mark.parametrize(
    ("given", "expect"),
    [
        (
            "{path: movies/A.mkv, source_tier: remux, height: 2160}",
            "{rule: uhd, action: encode, settings: {crf: 20, film_grain: auto, preset: 3}}",
        ),
        (
            "{path: movies/A.mkv, source_tier: remux, height: 2160}",
            "{review: each, losses: [], passed_over: []}",
        ),
        ("{path: movies/A.mkv, height: 720, audio_language: ja}", "{rule: japanese, action: skip}"),
        ("{path: movies/wait/A.mkv, height: 720, audio_language: de}", "{action: hold}"),
        (f"{{path: movies/A.mkv, height: 720, {KNOWN}, source_tier: remux}}", "{action: none}"),
        (f"{{path: movies/A.mkv, height: 720, {KNOWN}, source_tier: remux}}", "{rule: null}"),
        (
            f"{{path: movies/A.mkv, height: 720, {KNOWN}, video_codec: hevc}}",
            "{rule: web, action: encode, source_tier: web-dl, review: canary(3)}",
        ),
        ("{path: movies/A.mkv, height: 720, audio_language: de}", "{action: measure}"),
        (
            "{path: movies/A.mkv, height: 720, grain: 0.5, source_tier: web-dl}",
            "{rule: web, passed_over: [japanese]}",
        ),
        (
            '{path: movies/A.mkv, height: 720, audio_language: de, grain: 3, chroma: "444"}',
            "{rule: grainy, action: encode, losses: [chroma]}",
        ),
        (
            f'{{path: movies/A.mkv, height: 720, {KNOWN}, chroma: "444", source_tier: web-dl}}',
            "{rule: web, action: hold, losses: [chroma]}",
        ),
    ],
)
def test_what_the_rules_say(ruleset: RuleSet, given: str, expect: str) -> None:
    assert case_of(ruleset, given, expect).mismatches == ()


@pytest.mark.parametrize(
    ("expect", "mismatch"),
    [
        ("{rule: web}", ("rule",)),
        ("{rule: null}", ("rule",)),
        ("{action: skip}", ("action",)),
        ("{source_tier: web-dl}", ("source_tier",)),
        ("{settings: {crf: 21}}", ("settings", "crf")),
        ("{settings: {film_grain: 8}}", ("settings", "film_grain")),
        ("{review: never}", ("review",)),
        ("{losses: [chroma]}", ("losses",)),
        ("{passed_over: [web]}", ("passed_over",)),
    ],
)
def test_each_expectation_that_does_not_hold_is_found(
    ruleset: RuleSet, expect: str, mismatch: tuple[str, ...]
) -> None:
    given = "{path: movies/A.mkv, source_tier: remux, height: 2160}"
    (found,) = case_of(ruleset, given, expect).mismatches
    assert found.at == mismatch


def test_a_mismatch_has_both_values_and_the_line_that_set_one(ruleset: RuleSet) -> None:
    given = "{path: movies/A.mkv, source_tier: remux, height: 2160}"
    (found,) = case_of(ruleset, given, "{settings: {crf: 21}}").mismatches
    assert found == Mismatch(
        at=("settings", "crf"),
        expected=21.0,
        found=20.0,
        origin="rules.yaml:4 (profile fine)",
    )


@pytest.mark.parametrize("name", ["crf", "preset"])
def test_settings_of_a_film_that_is_not_encoded_are_none(ruleset: RuleSet, name: str) -> None:
    given = "{path: movies/A.mkv, height: 720, audio_language: ja}"
    (found,) = case_of(ruleset, given, f"{{settings: {{{name}: 5}}}}").mismatches
    assert found.found is None


def test_coverage_names_what_no_case_reached(ruleset: RuleSet) -> None:
    results = [
        case_of(ruleset, given, "{action: encode}")
        for given in (
            "{path: movies/A.mkv, source_tier: remux, height: 2160}",
            "{path: movies/A.mkv, source_tier: remux, height: 720, audio_language: de, grain: 3}",
        )
    ]
    found = coverage(ruleset, results)
    assert (found.rules, found.outcomes, found.profiles) == ((2, 5), (6, 12), (1, 2))
    assert [unreached_text(one) for one in found.unreached] == [
        "rules.yaml:8: source_tier: remux is false nowhere",
        "rules.yaml:10: rule japanese decides nowhere",
        "rules.yaml:10: audio_language: ja is true nowhere",
        "rules.yaml:11: rule waits decides nowhere",
        "rules.yaml:11: path: **/wait/** is true nowhere",
        "rules.yaml:12: grain: {min: 2} is false nowhere",
        "rules.yaml:13: rule web decides nowhere",
        "rules.yaml:13: source_tier: web-dl is true nowhere",
        "rules.yaml:13: source_tier: web-dl is false nowhere",
        "profile spare is used nowhere",
    ]


def test_a_condition_behind_the_rule_that_decides_is_not_reached(ruleset: RuleSet) -> None:
    result = case_of(
        ruleset, "{path: movies/A.mkv, source_tier: remux, height: 2160}", "{rule: uhd}"
    )
    assert coverage(ruleset, [result]).outcomes == (2, 12)


def test_what_is_expected_is_compared_as_rules_write_it(ruleset: RuleSet) -> None:
    text = "{path: movies/A.mkv, source_tier: remux, height: 2160}"
    found = case_of(ruleset, text, "{settings: {crf: 20.0, keyint: 10s}, losses: []}")
    assert found.mismatches == ()
    assert found.said.action is TestAction.ENCODE
