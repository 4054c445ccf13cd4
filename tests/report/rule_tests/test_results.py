"""Results of rules tests in each form; what a file says ends up as text in all of them."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from av1rules.operations.rule_tests.files import FileResult, coverage_of, run_test_files
from av1rules.policy.model import Problem
from av1rules.report.documents.ci import problems_github, problems_gitlab, problems_sarif
from av1rules.report.rule_tests.junit import results_junit
from av1rules.report.rule_tests.results import all_problems, results_text

RULES = """\
version: 1
library: {roots: [/media/movies]}
output: {mode: mirror, root: /media/av1}
rules: [{name: all, encode: {crf: 20}}]
"""
CASES = """\
version: 1
cases:
  - {name: good, given: {path: movies/A.mkv}, expect: {rule: all}}
  - name: "bad <&\\" ::error::\\e[31m\\n50%, a:b"
    given: {path: movies/A.mkv}
    expect: {settings: {crf: 21}, action: skip}
  - {name: broken, given: {path: nowhere/A.mkv}, expect: {rule: all}}
"""


DIFFERENCE = "expected 21, found 20 (rules.yaml:4 (rule all))"
SHOWN = 'bad <&" ::error::\\x1b[31m\\n50%, a:b'


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[FileResult, ...]:
    monkeypatch.chdir(tmp_path)
    Path("rules.yaml").write_text(RULES)
    Path("a.tests.yaml").write_text(CASES)
    return run_test_files([Path("a.tests.yaml")], Path("rules.yaml"))


@pytest.fixture
def problems(results: tuple[FileResult, ...]) -> tuple[Problem, ...]:
    return all_problems(results[0])


def test_text(results: tuple[FileResult, ...]) -> None:
    *lines, totals, reached = results_text(results, coverage_of(results)).splitlines()
    assert lines[::3] == [
        "a.tests.yaml:7:34: cases[2].given.path: nowhere/A.mkv is below no root of the library",
        f"a.tests.yaml:6:43: {SHOWN}: action: expected skip, found encode",
        f"a.tests.yaml:6:30: {SHOWN}: settings.crf: {DIFFERENCE}",
    ]
    assert lines[5].endswith("         ^^^^")
    assert totals == "1 file: 1 of 2 cases passed, 1 file with mistakes"
    assert reached == (
        "rules.yaml: reached 1 of 1 rule, 0 of 0 outcomes of conditions, 0 of 0 profiles"
    )


def test_junit(results: tuple[FileResult, ...]) -> None:
    (suite,) = ET.fromstring(results_junit(results))
    assert suite.attrib == {"name": "a.tests.yaml", "tests": "3", "failures": "1", "errors": "1"}
    assert [case.get("name") for case in suite] == [
        "cases[2].given.path",
        "good",
        'bad <&" ::error::\\x1b[31m\\n50%, a:b',
    ]
    assert [[one.tag for one in case] for case in suite] == [["error"], [], ["failure"] * 2]
    assert suite[2][1].get("message") == "expected 21, found 20 (rules.yaml:4 (rule all))"


def test_github(problems: tuple[Problem, ...]) -> None:
    """One command a problem: nothing that a file says starts another one or ends a property."""
    lines = problems_github(problems).splitlines()
    assert len(lines) == 3
    assert lines[0] == (
        "::error file=a.tests.yaml,line=7,col=34,title=cases[2].given.path::nowhere/A.mkv is below "
        "no root of the library; a path starts with the name of its root: movies"
    )
    assert 'title=bad <&" %3A%3Aerror%3A%3A\\x1b[31m\\n50%25%2C a%3Ab%3A action::' in lines[1]


def test_gitlab(problems: tuple[Problem, ...]) -> None:
    found = json.loads(problems_gitlab(problems))
    assert len({one["fingerprint"] for one in found}) == len(found) == 3
    assert found[2]["location"] == {"path": "a.tests.yaml", "lines": {"begin": 6}}
    assert found[2]["description"].endswith("expected 21, found 20 (rules.yaml:4 (rule all))")


def test_sarif(problems: tuple[Problem, ...]) -> None:
    document = json.loads(problems_sarif(problems, version="1.2"))
    (run,) = document["runs"]
    assert run["tool"]["driver"]["version"] == "1.2"
    assert [one["level"] for one in run["results"]] == ["error"] * 3
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["region"] == {"startLine": 7, "startColumn": 34}
