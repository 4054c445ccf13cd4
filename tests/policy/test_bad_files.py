"""Every kind of wrong rules file with the whole text that its writer gets to read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from av1rules.policy.load import check_rules, load_rules
from av1rules.policy.model import Severity
from av1rules.policy.problems import RulesError, render_all

BAD = Path(__file__).parent / "bad"
FILES = sorted(path.name for path in BAD.glob("*.yaml"))
WARNED_ONLY = {
    "dead.yaml",
    "replace_deletes.yaml",
    "replace_keeps_briefly.yaml",
    "review_unused.yaml",
    "unknown_words.yaml",
    "unused_in_beside.yaml",
    "unused_in_replace.yaml",
    "without_unit.yaml",
}


@pytest.mark.parametrize("name", FILES)
def test_text_of_all_problems(
    name: str, golden: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(BAD)
    _, problems = check_rules(Path(name))
    golden(name.replace(".yaml", ".txt"), render_all(problems) + "\n")


@pytest.mark.parametrize("name", FILES)
def test_problems_are_sorted_and_the_file_is_refused(name: str) -> None:
    ruleset, problems = check_rules(BAD / name)
    assert problems
    assert [problem.place for problem in problems] == sorted(p.place for p in problems)
    assert (ruleset is not None) == (name in WARNED_ONLY)
    assert any(p.severity is Severity.ERROR for p in problems) == (name not in WARNED_ONLY)


@pytest.mark.parametrize("name", [name for name in FILES if name not in WARNED_ONLY])
def test_load_raises_with_all_problems(name: str) -> None:
    with pytest.raises(RulesError) as caught:
        load_rules(BAD / name)
    assert caught.value.problems == check_rules(BAD / name)[1]
    assert all(problem.message in str(caught.value) for problem in caught.value.problems)


@pytest.mark.parametrize("name", FILES)
def test_each_place_is_inside_the_file(name: str) -> None:
    lines = (BAD / name).read_bytes().decode("utf-8-sig", "replace").splitlines() or [""]
    for problem in check_rules(BAD / name)[1]:
        assert 1 <= problem.place.line <= len(lines) + 1
        if problem.place.line <= len(lines):
            assert 1 <= problem.place.column <= len(lines[problem.place.line - 1]) + 1


def test_no_two_problems_for_one_value() -> None:
    for name in FILES:
        places = [(p.place, p.path) for p in check_rules(BAD / name)[1]]
        assert len(places) == len(set(places)), name
