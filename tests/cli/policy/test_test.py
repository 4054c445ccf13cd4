"""`av1rules test` as a command: options, files, exit codes. It starts no FFmpeg."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from av1rules.cli.policy.test import command

RULES = """\
version: 1
library: {roots: [/media/movies]}
output: {mode: mirror, root: /media/av1}
rules: [{name: all, encode: {crf: 20}}]
"""
CASE = "version: 1\ncases:\n  - {{name: a, given: {{path: {path}}}, expect: {{rule: {rule}}}}}\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    Path("rules.yaml").write_text(RULES)


def write(rule: str = "all", path: str = "movies/A.mkv", *, name: str = "rules.tests.yaml") -> None:
    Path(name).write_text(CASE.format(rule=rule, path=path))


def run(*args: str) -> tuple[int, str]:
    done = CliRunner().invoke(command, args, standalone_mode=False)
    assert done.exception is None, done.output
    return done.return_value, done.output


def test_passed() -> None:
    write()
    assert run() == (0, "1 file: 1 of 1 case passed\n")


def test_failed() -> None:
    write("null")
    code, output = run()
    assert code == 1
    assert "rules.tests.yaml:3:53: a: rule: expected none, found all" in output


def test_mistakes_of_the_file_outweigh_failures() -> None:
    write("null", name="a.yaml")
    write("al", name="b.yaml")
    code, output = run("a.yaml", "b.yaml")
    assert code == 2
    assert "there is no rule al" in output
    assert output.endswith("2 files: 0 of 1 case passed, 1 file with mistakes\n")


def test_files_elsewhere_have_the_rules_beside_them() -> None:
    for folder in (Path("other/tests"), Path("empty")):
        folder.mkdir(parents=True)
    Path("other/rules.yaml").write_text(RULES.replace("name: all", "name: every film"))
    for name in ("other/a.tests.yaml", "other/tests/a.yaml"):
        write("every film", name=name)
        assert run(name) == (0, "1 file: 1 of 1 case passed\n")
        assert run("-f", "rules.yaml", name)[0] == 2, "there is no such rule"
    write(name="empty/a.tests.yaml")
    assert run("empty/a.tests.yaml")[0] == 0, "the nearest rules above"


def test_update_makes_it_pass() -> None:
    write("null")
    assert run("--update") == (0, "updated rules.tests.yaml\n1 file: 1 of 1 case passed\n")
    assert run("--update") == (0, "1 file: 1 of 1 case passed\n")


def test_junit_goes_to_a_file_beside_the_text() -> None:
    write()
    assert run("--junit", "out.xml") == (0, "1 file: 1 of 1 case passed\n")
    assert '<testcase name="a">' in Path("out.xml").read_text()


@pytest.mark.parametrize(
    ("form", "start"), [("github", "::error file="), ("gitlab", "[\n"), ("sarif", '{\n  "version"')]
)
def test_forms_for_machines(form: str, start: str) -> None:
    write("null")
    code, output = run("--format", form)
    assert code == 1
    assert output.startswith(start)


def test_rules_elsewhere() -> None:
    write()
    Path("policy").mkdir()
    Path("policy/other.yaml").write_text(RULES.replace("name: all", "name: every"))
    code, output = run("-f", "policy/other.yaml", "rules.tests.yaml")
    assert code == 2
    assert "rules of other.yaml: every" in output
