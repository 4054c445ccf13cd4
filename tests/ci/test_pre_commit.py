"""The hooks, run by a real pre-commit in a real repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.ci.runner import ROOT, RULES, TESTS, git, policy

HOOKS = ROOT / ".pre-commit-hooks.yaml"
PRE_COMMIT = Path(sys.executable).with_name("pre-commit")

HOOK_LIST: list[dict[str, str]] = YAML(typ="safe").load(HOOKS.read_text(encoding="utf-8"))

PARTS = ("av1rules", "schema", "docs/man", "README.md", "LICENSE", "pyproject.toml", HOOKS.name)
"""Of this repository: what a wheel is made of, and the hooks."""


def pre_commit(*words: str, folder: Path, home: Path) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [PRE_COMMIT, *words],
        cwd=folder,
        env=env | {"PRE_COMMIT_HOME": str(home), "PRE_COMMIT_COLOR": "never"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_are_what_pre_commit_takes(tmp_path: Path) -> None:
    done = pre_commit("validate-manifest", str(HOOKS), folder=tmp_path, home=tmp_path / "home")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("name", "hooks"),
    [
        ("rules.yaml", "validate test fmt"),
        ("policy/home.rules.yml", "validate test fmt"),
        ("rules.tests.yaml", "test fmt"),
        ("tests/tv.yaml", "test"),
        ("approvals.yaml", "validate fmt"),
        ("a/eslint-rules.yaml", ""),
        ("rules.yaml.txt", ""),
        ("compose.yaml", ""),
    ],
)
def test_look_at_files_of_a_policy(name: str, hooks: str) -> None:
    found = [hook["id"] for hook in HOOK_LIST if re.search(hook["files"], name)]
    assert found == [f"av1rules-{hook}" for hook in hooks.split()]


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of this repository as it stands, whatever of it is committed."""
    clone = tmp_path_factory.mktemp("hooks") / "av1rules"
    clone.mkdir()
    for name in PARTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, clone / name)
    git(clone, "init", "--quiet")
    git(clone, "add", ".")
    git(clone, "commit", "--quiet", "-m", "as it stands")
    return clone


@pytest.mark.real
def test_do_what_they_say(hooks: Path, tmp_path: Path) -> None:
    """One story, because pre-commit installs the package for it, by pip."""
    work, home = policy(tmp_path / "work"), tmp_path / "home"
    rules, tests = work / "rules.yaml", work / "rules.tests.yaml"
    config = work / ".pre-commit-config.yaml"
    ids = "".join(f"      - id: {hook['id']}\n" for hook in HOOK_LIST)
    head = git(hooks, "rev-parse", "HEAD").strip()
    config.write_text(f"repos:\n  - repo: {hooks}\n    rev: {head}\n    hooks:\n{ids}")
    git(work, "add", ".")

    said = ""

    def run() -> dict[str, str]:
        nonlocal said
        done = pre_commit("run", "--all-files", folder=work, home=home)
        said = done.stdout
        found = dict(re.findall(r"^av1rules (\w+)\.+(\w+)$", said, re.MULTILINE))
        assert (done.returncode == 0) == (set(found.values()) == {"Passed"}), said
        return found

    assert run() == {"validate": "Passed", "test": "Passed", "fmt": "Passed"}, said

    tests.write_text(TESTS.replace("crf: 26", "crf: 27"))
    assert run() == {"validate": "Passed", "test": "Failed", "fmt": "Passed"}, said
    assert "rules.tests.yaml:5:41: a film is encoded: settings.crf: expected 27" in said
    tests.write_text(TESTS)

    rules.write_text(RULES.replace("encode: {crf: 26}", "encode:   {crf:   26}"))
    assert run() == {"validate": "Passed", "test": "Passed", "fmt": "Failed"}, said
    assert rules.read_text() == RULES, "the hook has put it right"

    rules.write_text(RULES.replace("crf: 26", "crf: 99"))
    assert run() == {"validate": "Failed", "test": "Failed", "fmt": "Passed"}, said
    assert "rules.yaml:6:19: rules[0].encode.crf: 99 is" in said

    rules.write_text(RULES)
    (work / "approvals.yaml").write_text("version: 1\ndecisions:\n  - {source: a}\n")
    git(work, "add", ".")
    assert run() == {"validate": "Failed", "test": "Passed", "fmt": "Passed"}, said
    assert "approvals.yaml:3" in said

    done = pre_commit(
        "try-repo", str(hooks), "av1rules-test", "--all-files", folder=work, home=home
    )
    assert done.returncode == 0, done.stdout
