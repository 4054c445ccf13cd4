"""The GitHub Action: its form, and each of its steps run as GitHub's runner does."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ci.runner import (
    ACTION,
    RULES,
    TESTS,
    GithubRunner,
    git,
    load,
    policy,
    policy_branch,
    program,
)
from tests.ui import library

VALIDATE, TEST = "validate", "Run the tests of the rules"


@pytest.fixture
def runner(tmp_path: Path) -> GithubRunner:
    return GithubRunner(tmp_path / "runner", policy(tmp_path / "work"), program(tmp_path / "bin"))


def test_is_what_github_takes() -> None:
    """By the schema that check-jsonschema brings along."""
    checker = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run(
        [checker, "--builtin-schema", "vendor.github-actions", ACTION],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_input_is_used_and_every_used_one_is_there() -> None:
    text = ACTION.read_text(encoding="utf-8")
    assert set(re.findall(r"\binputs\.(\w+)", text)) == set(load(ACTION)["inputs"])


def test_no_input_is_part_of_a_script() -> None:
    scripts = [step["run"] for step in load(ACTION)["runs"]["steps"] if "run" in step]
    assert len(scripts) == 4
    assert [script for script in scripts if "${{" in script] == []


def test_a_good_policy_passes(runner: GithubRunner) -> None:
    ended = runner.run()
    assert (ended.codes, ended.output, ended.summary) == ({VALIDATE: 0, TEST: 0}, "", "")


def test_mistakes_in_rules_are_shown_beside_their_lines(runner: GithubRunner) -> None:
    (runner.checkout / "rules.yaml").write_text(RULES.replace("crf: 26", "crf: 99"))
    ended = runner.run(facts="facts.json")
    assert ended.codes == {VALIDATE: 2}
    assert "::error file=rules.yaml,line=6,col=19,title=rules[0].encode.crf::99 is " in ended.output


def test_a_failed_case_is_shown_beside_its_line(runner: GithubRunner) -> None:
    (runner.checkout / "rules.tests.yaml").write_text(TESTS.replace("crf: 26", "crf: 27"))
    ended = runner.run()
    assert ended.codes == {VALIDATE: 0, TEST: 1}
    assert ended.output.startswith("::error file=rules.tests.yaml,line=5,col=41,title=a film is ")


def test_rules_may_stand_elsewhere(runner: GithubRunner) -> None:
    folder = runner.checkout / "a policy; exit 3"
    folder.mkdir()
    for name in ("rules.yaml", "rules.tests.yaml"):
        (runner.checkout / name).rename(folder / name)
    ended = runner.run(rules=f"{folder.name}/rules.yaml")
    assert ended.codes == {VALIDATE: 0, TEST: 0}, ended.output


@pytest.fixture
def branch(runner: GithubRunner, facts: Path) -> Path:
    """The checkout of a pull request: one CRF is another on its branch."""
    shutil.rmtree(runner.checkout)
    return policy_branch(runner.checkout, facts)


PLAN = "Show what would change"
CHANGE = r"crf 30 -\> 34 (rules.yaml:17)"


def test_a_pull_request_shows_what_it_would_redo(runner: GithubRunner, branch: Path) -> None:
    """With facts alone: the films are elsewhere, and so is FFmpeg."""
    ended = runner.run(facts="facts.jsonl.gz", against="main")
    assert ended.codes == {VALIDATE: 0, TEST: 0, PLAN: 0}, ended.output
    assert CHANGE in ended.summary
    for name in library.OLD:
        assert Path(name).stem in ended.summary


def test_a_checkout_without_history_fetches_what_it_compares_with(
    runner: GithubRunner, branch: Path, tmp_path: Path
) -> None:
    """As actions/checkout makes it; whatever the branch is called."""
    base = "main; $(touch planted)"
    base = base.replace(" ", "\u00a0")  # a space is the one thing that no branch has
    git(branch, "branch", base, "main")
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth=1", "--branch=smaller", branch.as_uri(), "shallow")
    ended = GithubRunner(runner.folder, shallow, runner.path).run(
        facts="facts.jsonl.gz", against=base
    )
    assert ended.codes == {VALIDATE: 0, TEST: 0, PLAN: 0}, ended.output
    assert CHANGE in ended.summary
    assert f"against origin/{base.split(';')[0]}" in ended.summary
    assert not list(tmp_path.rglob("planted"))


def test_a_commit_is_fetched_too(runner: GithubRunner, branch: Path, tmp_path: Path) -> None:
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth=1", "--branch=smaller", branch.as_uri(), "shallow")
    ended = GithubRunner(runner.folder, shallow, runner.path).run(
        facts="facts.jsonl.gz", against=git(branch, "rev-parse", "main").strip()
    )
    assert ended.codes == {VALIDATE: 0, TEST: 0, PLAN: 0}, ended.output
    assert CHANGE in ended.summary


def test_a_failed_case_hides_no_plan(runner: GithubRunner, branch: Path) -> None:
    (branch / "rules.tests.yaml").write_text(TESTS.replace("movies/A.mkv", "films/A.mkv"))
    ended = runner.run(facts="facts.jsonl.gz", against="main")
    assert ended.codes == {VALIDATE: 0, TEST: 2, PLAN: 0}
    assert CHANGE in ended.summary


def test_without_a_revision_the_plan_itself_is_shown(runner: GithubRunner, branch: Path) -> None:
    """On a push."""
    ended = runner.run(facts="facts.jsonl.gz")
    assert ended.codes == {VALIDATE: 0, TEST: 0, PLAN: 0}, ended.output
    assert "\n# Plan: 21 files, " in ended.summary


@pytest.mark.real
def test_installs_what_it_belongs_to(runner: GithubRunner) -> None:
    """From nothing, by pip: nothing of this environment is on the path of the later steps."""
    without = GithubRunner(runner.folder, runner.checkout, runner.path, left_out=())
    (runner.path / "av1rules").unlink()
    ended = without.run()
    assert ended.codes == {"Install av1rules": 0, VALIDATE: 0, TEST: 0}, ended.output
