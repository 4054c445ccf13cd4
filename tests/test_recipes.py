"""The recipes: each is a policy without faults, and its tests reach all of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from av1rules.operations.rule_tests.files import coverage_of, find_test_files, run_test_files
from av1rules.policy.load import check_rules
from av1rules.policy.yaml.layout import laid_out

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "recipes.md"
FOLDERS = sorted(path for path in (ROOT / "docs" / "recipes").iterdir() if path.is_dir())

recipes = pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)

_SHOWN = re.compile(r"(?<=^<!-- recipe: )([\w-]+) -->\n.*?(?=^##|\Z)", re.MULTILINE | re.DOTALL)


def test_there_are_ten() -> None:
    assert len(FOLDERS) == 10


@recipes
def test_its_rules_have_no_faults(folder: Path) -> None:
    ruleset, problems = check_rules(folder / "rules.yaml")
    assert (ruleset is not None, problems) == (True, ())


@recipes
def test_its_files_are_in_the_one_layout(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == ["rules.tests.yaml", "rules.yaml"]
    for path in folder.iterdir():
        text = path.read_text(encoding="utf-8")
        assert laid_out(text) == text


@recipes
def test_its_cases_pass_and_reach_all_of_it(folder: Path) -> None:
    results = run_test_files(find_test_files(folder), folder / "rules.yaml")
    assert [one.tests.problems for one in results] == [()]
    assert [one.failed for one in results] == [()]
    ((_, reached),) = coverage_of(results)
    assert reached.unreached == ()


@recipes
@pytest.mark.parametrize("key", ["crf", "preset", "film_grain", "bit_depth"])
def test_what_makes_its_pictures_has_a_reason(folder: Path, key: str) -> None:
    """Beside one of the places at least where it is set; not one of a condition."""
    text = (folder / "rules.yaml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if re.search(rf"\b{key}: [\w\"]", line)]
    assert not lines or any("  # " in line for line in lines)


def test_the_page_shows_each_as_it_is(request: pytest.FixtureRequest) -> None:
    text = PAGE.read_text(encoding="utf-8")
    made = _SHOWN.sub(lambda found: f"{found[1]} -->\n{_section(found[1])}\n", text)
    made = made.rstrip("\n") + "\n"
    if request.config.getoption("--update-golden"):
        PAGE.write_text(made, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == made, "`doit docs` writes it"
    assert sorted(re.findall(r"^<!-- recipe: (.+) -->$", text, re.MULTILINE)) == [
        folder.name for folder in FOLDERS
    ]


def _section(name: str) -> str:
    text = (ROOT / "docs" / "recipes" / name / "rules.yaml").read_text(encoding="utf-8")
    cases = f"[rules.tests.yaml](recipes/{name}/rules.tests.yaml)"
    return f"[rules.yaml](recipes/{name}/rules.yaml), with {cases}:\n\n```yaml\n{text}```\n"
