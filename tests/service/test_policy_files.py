from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.policy.problems import RulesError
from av1rules.service.policy_files import PolicyFiles

RULES = """\
version: 1
library: {roots: [films]}
run: {jobs: 1}
rules:
  - name: all
    encode: {}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules.yaml").write_text(RULES)
    return tmp_path


def test_broken_rules_at_the_start_are_an_error(folder: Path) -> None:
    (folder / "rules.yaml").write_text("version: 1\n")
    with pytest.raises(RulesError):
        PolicyFiles(folder / "rules.yaml")


def test_broken_approvals_at_the_start_are_an_error(folder: Path) -> None:
    (folder / "approvals.yaml").write_text("[\n")
    with pytest.raises(RulesError):
        PolicyFiles(folder / "rules.yaml")


def test_an_edit_is_seen_once(folder: Path) -> None:
    policy = PolicyFiles(folder / "rules.yaml")
    assert not policy.have_changed()
    (folder / "rules.yaml").write_text(RULES.replace("jobs: 1", "jobs: 22"))
    assert policy.have_changed()
    assert not policy.have_changed()
    assert policy.read_again(print)
    assert policy.in_force.ruleset.run.jobs == 22


@pytest.mark.parametrize("name", ["rules.yaml", "approvals.yaml"])
def test_broken_files_are_told_once_and_the_former_go_on(name: str, folder: Path) -> None:
    policy, said = PolicyFiles(folder / "rules.yaml"), list[str]()
    before = policy.in_force
    kept = (folder / name).read_text() if (folder / name).exists() else ""
    (folder / name).write_text("]\n")
    assert policy.have_changed()
    assert not policy.read_again(said.append)
    assert not policy.read_again(said.append)
    assert len(said) == 1
    assert name in said[0]
    assert policy.in_force is before
    (folder / name).write_text(kept)
    assert policy.read_again(said.append)
    assert len(said) == 2


def test_a_missing_file_is_like_a_broken_one(folder: Path) -> None:
    policy, said = PolicyFiles(folder / "rules.yaml"), list[str]()
    (folder / "rules.yaml").unlink()
    assert policy.have_changed()
    assert not policy.read_again(said.append)
    assert said
