"""The template for GitLab: its form, and each of its jobs run as GitLab's runner does."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.ci.runner import (
    GITLAB,
    ROOT,
    RULES,
    TESTS,
    git,
    gitlab_job,
    load,
    policy,
    policy_branch,
    program,
)


@pytest.fixture
def bin_(tmp_path: Path) -> Path:
    return program(tmp_path / "bin")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return policy(tmp_path / "work")


def test_is_what_gitlab_takes() -> None:
    """By the schema that check-jsonschema brings along."""
    checker = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run(
        [checker, "--builtin-schema", "vendor.gitlab-ci", GITLAB],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def reports(job: str) -> dict[str, str]:
    found: dict[str, str] = load(GITLAB)[job]["artifacts"]["reports"]
    return found


def test_a_good_policy_passes(checkout: Path, bin_: Path) -> None:
    for job in ("av1rules-validate", "av1rules-test"):
        done = gitlab_job(job, checkout, bin_)
        assert (done.returncode, done.stdout) == (0, ""), job
        assert json.loads((checkout / reports(job)["codequality"]).read_text()) == []


def test_mistakes_are_in_the_report(checkout: Path, bin_: Path) -> None:
    (checkout / "rules.yaml").write_text(RULES.replace("crf: 26", "crf: 99"))
    job = "av1rules-validate"
    assert gitlab_job(job, checkout, bin_).returncode == 2
    (found,) = json.loads((checkout / reports(job)["codequality"]).read_text())
    assert found["location"] == {"path": "rules.yaml", "lines": {"begin": 6}}


def test_failed_cases_are_in_both_reports(checkout: Path, bin_: Path) -> None:
    (checkout / "rules.tests.yaml").write_text(TESTS.replace("crf: 26", "crf: 27"))
    job = "av1rules-test"
    assert gitlab_job(job, checkout, bin_).returncode == 1
    (found,) = json.loads((checkout / reports(job)["codequality"]).read_text())
    assert found["location"] == {"path": "rules.tests.yaml", "lines": {"begin": 5}}
    (suite,) = ET.parse(checkout / reports(job)["junit"]).getroot()
    assert suite.get("failures") == "1"


def test_a_merge_request_shows_what_it_would_redo(tmp_path: Path, bin_: Path, facts: Path) -> None:
    """In a checkout without the commit that it is compared with."""
    branch = policy_branch(tmp_path / "branch", facts)
    base = git(branch, "rev-parse", "main").strip()
    git(tmp_path, "clone", "--quiet", "--depth=1", "--branch=smaller", branch.as_uri(), "shallow")
    done = gitlab_job(
        "av1rules-plan",
        tmp_path / "shallow",
        bin_,
        CI_MERGE_REQUEST_DIFF_BASE_SHA=base,
        AV1RULES_FACTS="facts.jsonl.gz",
    )
    assert done.returncode == 0, done.stdout
    (shown,) = load(GITLAB)["av1rules-plan"]["artifacts"]["paths"]
    assert r"crf 30 -\> 34" in (tmp_path / "shallow" / shown).read_text(encoding="utf-8")


@pytest.mark.real
def test_installs_what_a_project_names(checkout: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    done = gitlab_job(
        "av1rules-validate",
        checkout,
        tmp_path / "venv" / "bin",
        is_installed=False,
        AV1RULES_PACKAGE=str(ROOT),
    )
    assert done.returncode == 0, done.stdout
