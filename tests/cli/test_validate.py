"""`av1rules validate` and what is no fault of the text: who else can write to the file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from av1rules.cli.validate import command
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
