"""Files of rules tests are found, run with the rules that they name, and updated in place."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.base.errors import UsageError
from av1rules.operations.rule_tests.files import (
    coverage_of,
    find_test_files,
    run_test_files,
    update,
)

ROOT = Path(__file__).parents[3]
RULES = """\
version: 1
library: {roots: [/media/movies]}
output: {mode: mirror, root: /media/av1}
rules: [{name: all, encode: {crf: 20, accept: [chroma, alpha], params: {sharpness: 1}}}]
"""
CASES = """\
version: 1   # of the format
cases:
  # the only one
  - name: one
    given: {path: movies/A.mkv, source_tier: remux}
    expect:
      action: skip         # wrong
      rule: null
      settings: {crf: 21, film_grain_denoise: false, accept: [], tune: ssim, params: {}}
      losses: [chroma]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "rules.tests.yaml").write_text(CASES)
    return tmp_path


def test_finds_files_beside_the_rules(folder: Path) -> None:
    (folder / "tests").mkdir()
    (folder / "tests" / "b.yaml").touch()
    (folder / "tests" / "notes.txt").touch()
    assert [path.relative_to(folder).as_posix() for path in find_test_files(folder)] == [
        "rules.tests.yaml",
        "tests/b.yaml",
    ]


def test_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there are no tests of these rules") as caught:
        find_test_files(tmp_path)
    assert "*.tests.yaml, tests/*.yaml" in str(caught.value)


def test_update_writes_what_was_found_and_keeps_the_rest(folder: Path) -> None:
    rules, tests = folder / "rules.yaml", folder / "rules.tests.yaml"
    (before,) = run_test_files([tests], rules)
    assert len(before.failed[0].mismatches) == 8
    assert update(before)
    assert tests.read_text() == (
        CASES.replace("version: 1   #", "version: 1  #")
        .replace("action: skip         # wrong", "action: encode  # wrong")
        .replace("rule: null", "rule: all")
        .replace("crf: 21", "crf: 20")
        .replace("denoise: false", "denoise: true")
        .replace("accept: []", "accept: [alpha, chroma]")
        .replace(" tune: ssim,", "")
        .replace("params: {}", "params: {sharpness: 1}")
        .replace("losses: [chroma]", "losses: []")
    )
    (after,) = run_test_files([tests], rules)
    assert after.failed == ()


def test_a_file_runs_with_the_rules_that_it_names(folder: Path) -> None:
    (folder / "other.yaml").write_text(RULES.replace("crf: 20", "crf: 30"))
    (folder / "tests").mkdir()
    other = folder / "tests" / "other.yaml"
    other.write_text(
        "version: 1\nrules: ../other.yaml\ncases:\n"
        "  - {name: a, given: {path: movies/A.mkv}, expect: {settings: {crf: 30}}}\n"
    )
    found = run_test_files([folder / "rules.tests.yaml", other], folder / "rules.yaml")
    assert [bool(one.failed) for one in found] == [True, False]
    assert [rules.file.name for rules, _ in coverage_of(found)] == ["rules.yaml", "other.yaml"]


def test_the_example_has_a_full_set() -> None:
    tests = ROOT / "docs" / "rules.example.tests.yaml"
    (found,) = run_test_files([tests], ROOT / "rules.example.yaml")
    assert not found.tests.problems
    assert not found.failed
    ((_, reached),) = coverage_of([found])
    assert reached.unreached == ()
