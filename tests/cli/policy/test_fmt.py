"""`av1rules fmt` on files: what it writes, says and returns."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from av1rules.cli.policy.fmt import command

UNTIDY = "version:   1\nrules:\n- name: a\n  skip:   true\n"
TIDY = "version: 1\nrules:\n  - name: a\n    skip: true\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def fmt(*args: str, text: str | None = None) -> tuple[int, str]:
    done = CliRunner().invoke(command, args, input=text, standalone_mode=False)
    assert done.exception is None, done.output
    return done.return_value, done.output


def test_writes_the_rules_file_of_this_folder(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(UNTIDY)
    assert fmt() == (0, "changed rules.yaml\n")
    assert rules.read_text() == TIDY
    assert fmt() == (0, "")


def test_tests_and_approvals_beside_it_are_part_of_the_policy(tmp_path: Path) -> None:
    names = ("rules.yaml", "rules.tests.yaml", "approvals.yaml", "other.yaml")
    for name in names:
        (tmp_path / name).write_text(UNTIDY)
    assert fmt() == (0, "".join(f"changed {name}\n" for name in names[:3]))
    assert [(tmp_path / name).read_text() for name in names] == [TIDY] * 3 + [UNTIDY]


def test_check_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(UNTIDY)
    (tmp_path / "b.yaml").write_text(TIDY)
    assert fmt("--check", "a.yaml", "b.yaml") == (1, "would change a.yaml\n")
    assert (tmp_path / "a.yaml").read_text() == UNTIDY
    assert fmt("--check", "b.yaml") == (0, "")


def test_diff_shows_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(UNTIDY)
    code, output = fmt("--diff", "a.yaml")
    assert code == 0
    assert "-version:   1\n+version: 1\n" in output
    assert (tmp_path / "a.yaml").read_text() == UNTIDY


def test_standard_input_goes_to_standard_output() -> None:
    assert fmt("-", text=UNTIDY) == (0, TIDY)
    assert fmt("--check", "-", text=UNTIDY) == (1, "would change standard input\n")


def test_a_file_that_is_no_yaml_is_told_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("rules: [1\n")
    code, output = fmt("a.yaml")
    assert code == 2
    assert "a.yaml:1:8: this [ is never closed" in output
    assert (tmp_path / "a.yaml").read_text() == "rules: [1\n"


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, ["a.yaml"])
    assert "can't read the rules file: No such file or directory" in str(done.exception)
