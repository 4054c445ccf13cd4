"""Files of rules tests: what is read, what is refused and where, and the schema for editors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from av1rules.policy.facts import FACTS
from av1rules.policy.load import load_rules
from av1rules.policy.problems import render_all
from av1rules.policy.rule_tests.cases import (
    RuleTestFile,
    TestAction,
    named_rules,
    parse_rule_tests,
    rule_tests_schema,
)
from av1rules.policy.settings import Loss
from av1rules.policy.yaml.document import parse_document

WriteRules = Callable[[str], Path]
ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "schema" / "tests.schema.json"


@pytest.fixture
def parse(write_rules: WriteRules) -> Callable[[str], RuleTestFile]:
    ruleset = load_rules(write_rules("rules: [{name: all, encode: {}}]\n"))
    return lambda text: parse_rule_tests(text.encode(), file="a.tests.yaml", ruleset=ruleset)


def test_reads_a_case_with_its_place(parse: Callable[[str], RuleTestFile]) -> None:
    (case,) = parse(
        """\
version: 1
cases:
  - name: one
    given: {path: movies/A.mkv, height: 2160}
    expect: {rule: all, action: encode, settings: {crf: 20}, losses: [chroma], review: canary(3)}
"""
    ).cases
    assert (case.name, case.place.line, case.at) == ("one", 3, ("cases", 0))
    assert case.given.facts.height == 2160
    assert (case.expected.rule, case.expected.action) == ("all", TestAction.ENCODE)
    assert case.expected.settings == {"crf": 20.0}
    assert case.expected.losses == frozenset({Loss.CHROMA})
    assert case.expected.review == "canary(3)"


def test_what_is_wrong_is_told_with_its_place(
    parse: Callable[[str], RuleTestFile], golden: Callable[[str, str], None]
) -> None:
    whole = """\
version: 1
cases:
  - name: one
    given: {path: movies/A.mkv, hight: 3, video_codec: hevc, hdr: hdr11, bitrate: 3 gigs, codec: x}
    expect: {rule: all, actoin: encode, action: encoded, settings: {crf: 99, use: x}}
  - name: two
    expect: {}
  - name: three
    given: {height: {min: 720}, audio_language: german, width: many, path: ""}
    expect: {losses: [hdr], review: sometimes}
tests: []
"""
    names = """\
version: 1
cases:
  - name: one
    given: {path: shows/A.mkv}
    expect: {rule: al}
"""
    found = parse(whole)
    assert found.cases == ()
    golden("mistakes.txt", f"{render_all((*found.problems, *parse(names).problems))}\n")


def test_one_case_with_a_mistake_leaves_the_others(parse: Callable[[str], RuleTestFile]) -> None:
    found = parse(
        """\
version: 1
cases:
  - {name: a, given: {path: shows/A.mkv}, expect: {action: skip}}
  - {name: b, given: {path: movies/A.mkv}, expect: {action: skip}}
"""
    )
    assert [case.name for case in found.cases] == ["b"]
    assert [problem.path for problem in found.problems] == ["cases[0].given.path"]


@pytest.mark.parametrize(
    ("text", "rules"),
    [("rules: ../a.yaml\n", "../a.yaml"), ("version: 1\n", None), ("[1]\n", None), ("", None)],
)
def test_a_file_may_name_its_rules(text: str, rules: str | None) -> None:
    assert named_rules(parse_document(text.encode(), file="")) == rules


def test_the_schema_for_editors_is_that_of_the_reader(request: pytest.FixtureRequest) -> None:
    schema = rule_tests_schema()
    Draft202012Validator.check_schema(schema)
    text = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    if request.config.getoption("--update-golden"):
        SCHEMA.write_text(text, encoding="utf-8")
    assert SCHEMA.read_text(encoding="utf-8") == text, "run `doit docs`"
    assert set(schema["$defs"]["case"]["properties"]["given"]["properties"]) == {"from", *FACTS}


def test_the_wheel_takes_the_schema_along() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert '"schema/tests.schema.json" = "av1rules/schema/tests.schema.json"' in text
