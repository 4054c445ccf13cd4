"""`av1rules validate` and what is no fault of the text: who else can write to the file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from av1rules.cli.policy.validate import command
from av1rules.policy.problems import RulesError

GOOD = "version: 1\nlibrary: {roots: [x]}\nrules: []\n"


def test_file_that_everyone_writes_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "rules.yaml"
    file.write_text(GOOD)
    os.chmod(file, 0o644)
    quiet = CliRunner().invoke(command, ["--strict"], standalone_mode=False)
    assert (quiet.return_value, quiet.output) == (
        0,
        "rules.yaml: 0 rules, 0 profiles, 0 warnings: valid\n",
    )
    os.chmod(file, 0o666)
    warned = CliRunner().invoke(command, [], standalone_mode=False)
    assert warned.return_value == 0
    assert warned.output == (
        "rules.yaml: warning: every user can change the rules file and so choose the programs "
        f"that a run starts; to close it: chmod o-w {file}\n"
        "rules.yaml: 0 rules, 0 profiles, 1 warning: valid\n"
    )
    strict = CliRunner().invoke(command, ["--strict"], standalone_mode=False)
    assert (strict.return_value, strict.output) == (2, warned.output)


def test_approvals_beside_it_are_checked_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.yaml").write_text(GOOD)
    (tmp_path / "approvals.yaml").write_text("version: 1\ndecisions:\n  - {source: a}\n")
    with pytest.raises(RulesError, match=r"approvals\.yaml:3"):
        CliRunner().invoke(command, [], standalone_mode=False, catch_exceptions=False)


def in_form(form: str, *options: str) -> tuple[int, str]:
    done = CliRunner().invoke(command, ["--format", form, *options], standalone_mode=False)
    assert done.exception is None, done.output
    return done.return_value, done.output


def test_problems_of_rules_for_a_ci_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.yaml").write_text(f"{GOOD}defaults: {{crf: 99}}\n")
    code, output = in_form("github")
    assert code == 2
    assert output.startswith("::error file=rules.yaml,line=4,col=17,title=defaults.crf::99 is ")
    code, output = in_form("gitlab")
    assert (code, [one["location"] for one in json.loads(output)]) == (
        2, [{"path": "rules.yaml", "lines": {"begin": 4}}],
    )  # fmt: skip
    code, output = in_form("sarif")
    assert (code, json.loads(output)["runs"][0]["results"][0]["level"]) == (2, "error")


def test_what_is_wrong_beside_the_rules_is_told_to_a_ci_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rules, approvals = tmp_path / "rules.yaml", tmp_path / "approvals.yaml"
    rules.write_text(GOOD)
    assert in_form("github") == (0, "")
    assert in_form("gitlab", "--strict") == (0, "[]\n")
    approvals.write_text("version: 1\ndecisions:\n  - {source: a}\n")
    code, output = in_form("github")
    assert code == 2
    assert output.startswith("::error file=approvals.yaml,line=3,")
    approvals.unlink()
    os.chmod(rules, 0o666)
    assert in_form("github", "--strict") == (0, ""), "no matter of a checkout in CI"
    rules.write_text(
        "version: 1\nlibrary: {roots: [x]}\nrules: [{name: a, skip: x}, {name: b, skip: x}]\n"
    )
    code, output = in_form("github")
    assert code == 0
    assert output.startswith("::warning file=rules.yaml,line=3,")
    assert in_form("github", "--strict") == (2, output)
