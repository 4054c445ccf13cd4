"""Which policy a user means by a revision, a file or a folder, and what it brings along."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.base.errors import Av1rulesError, UsageError
from av1rules.operations.against.policy_then import find_policy
from av1rules.policy.problems import RulesError
from tests.operations.against.test_git import commit, git

RULES = """\
version: 1
library: {roots: [films]}
output: {mode: mirror, root: out}
rules:
  - name: all
    encode: {crf: CRF}
"""

APPROVALS = """\
version: 1
approvals:
  - content: 00112233445566778899aabbccddeeff
    source: films/a.mkv
    decision: approved
    settings: 00112233445566778899aabbccddeeff
    by: A User
    at: 2026-11-25T14:02:00+00:00
"""


def rules(crf: int) -> str:
    return RULES.replace("CRF", str(crf))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`main` has CRF 26, the working tree 28."""
    folder = tmp_path / "policy"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    commit(folder, rules__yaml=rules(26), rules__tests__yaml="version: 1\ncases: []\n")
    (folder / "rules.yaml").write_text(rules(28))
    monkeypatch.chdir(folder)
    return folder


def crf_of(against: str, folder: Path) -> object:
    (rule,) = find_policy(against, folder / "rules.yaml").ruleset.rules
    assert rule.action.layer is not None
    return rule.action.layer.settings[0].value


def test_a_revision_comes_with_places_tests_and_the_folder_of_now(repository: Path) -> None:
    found = find_policy("main", repository / "rules.yaml")
    short = git(repository, "rev-parse", "HEAD")[:7]
    assert (found.name, found.place) == ("main", f"main ({short})")
    assert found.ruleset.output.root == repository / "out"
    assert found.ruleset.file == repository / "rules.yaml"
    assert found.ruleset.rules[0].place.short == f"{short}:rules.yaml:5"
    assert [(one.name, one.shown_as) for one in found.tests] == [
        ("rules.tests.yaml", f"{short}:rules.tests.yaml")
    ]
    assert crf_of("main", repository) == 26


def test_approvals_are_those_of_the_revision(repository: Path) -> None:
    (repository / "approvals.yaml").write_text("approvals: [\n")  # of now: not read
    none = find_policy("main", repository / "rules.yaml").approvals
    assert (none.book.decisions, none.digest) == ((), "")
    commit(repository, approvals__yaml=APPROVALS.replace("approved", "perhaps"))
    with pytest.raises(RulesError, match=r"[0-9a-f]{7}:approvals.yaml"):
        find_policy("main", repository / "rules.yaml")


def test_a_file_and_a_folder(repository: Path, tmp_path: Path) -> None:
    then = tmp_path / "then"
    (then / "tests").mkdir(parents=True)
    (then / "rules.yaml").write_text(rules(20))
    (then / "other.yaml").write_text(rules(21))
    (then / "tests" / "a.yaml").write_text("version: 1\ncases: []\n")
    for against in (str(then), "../then", "../then/rules.yaml"):
        assert crf_of(against, repository) == 20
    found = find_policy("../then/other.yaml", repository / "rules.yaml")
    assert found.place == "../then/other.yaml"
    assert found.ruleset.output.root == repository / "out", "as the policy of now"
    assert [one.name for one in found.tests] == ["tests/a.yaml"]
    with pytest.raises(UsageError, match=r"the folder has no rules\.yaml"):
        find_policy("..", repository / "rules.yaml")


def test_what_is_both_is_the_revision(repository: Path) -> None:
    (repository / "main").mkdir()
    (repository / "main" / "rules.yaml").write_text(rules(20))
    (repository / "old.yaml").write_text(rules(21))
    assert crf_of("main", repository) == 26
    assert crf_of("./main", repository) == 20
    assert crf_of("old.yaml", repository) == 21
    git(repository, "branch", "old.yaml")
    assert crf_of("old.yaml", repository) == 26


def test_a_rules_file_that_is_a_link_into_a_repository(repository: Path, tmp_path: Path) -> None:
    link = tmp_path / "linked.yaml"
    link.symlink_to(repository / "rules.yaml")
    found = find_policy("main", link)
    assert found.ruleset.output.root == tmp_path / "out"


def test_a_revision_without_the_rules_file(repository: Path) -> None:
    git(repository, "mv", "-f", "rules.yaml", "a")
    (repository / "sub").mkdir()
    git(repository, "mv", "a", "sub/rules.yaml")
    commit(repository)
    (repository / "rules.yaml").write_text(rules(28))
    with pytest.raises(UsageError) as caught:
        find_policy("main", repository / "rules.yaml")
    assert "the revision main has no rules.yaml in this folder" in str(caught.value)
    assert "it has sub/rules.yaml" in str(caught.value)


def test_rules_of_a_newer_version_say_where(repository: Path) -> None:
    commit(repository, rules__yaml=rules(26).replace("encode:", "stabilise: true\n    encode:"))
    with pytest.raises(RulesError) as caught:
        find_policy("main", repository / "rules.yaml")
    short = git(repository, "rev-parse", "HEAD")[:7]
    text = str(caught.value)
    assert text.startswith(
        f"{short}:rules.yaml: 1 problem in the rules of main ({short}), as this version of "
        f"av1rules reads them\n{short}:rules.yaml:6:5: rules[0].stabilise"
    )


def test_nothing_of_that_name(repository: Path) -> None:
    with pytest.raises(Av1rulesError, match="the repository has no such revision: mian"):
        find_policy("mian", repository / "rules.yaml")
    with pytest.raises(Av1rulesError, match="can't read the rules file"):
        find_policy("./none.yaml", repository / "rules.yaml")
