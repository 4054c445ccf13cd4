"""How a plan is recognised: by the ending of its name and by how it begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.base.errors import UsageError
from av1rules.plan.items import Plan
from av1rules.plan.rows import PlanRows
from av1rules.report.documents.plan import plan_json
from av1rules.report.plan import plan_csv
from av1rules.report.plan_text import shown_plan
from av1rules.report.saved.forms import PlanForm, form_of, is_plan, plan_named
from av1rules.report.saved.markdown import plan_markdown
from tests.plan_items import encode

PLAN = Plan(rows=PlanRows.of((encode("a.mkv"),)))

TEXTS = {
    PlanForm.JSON: "".join(plan_json(PLAN)),
    PlanForm.MARKDOWN: "".join(plan_markdown(shown_plan(PLAN))),
    PlanForm.CSV: "".join(plan_csv(PLAN)),
}


@pytest.mark.parametrize("form", PlanForm)
@pytest.mark.parametrize("wanted", PlanForm)
def test_what_was_written_is_known_as_that(
    form: PlanForm, wanted: PlanForm, tmp_path: Path
) -> None:
    path = tmp_path / "plan"
    path.write_text(TEXTS[form])
    assert is_plan(path, wanted) is (form is wanted)


def test_endings() -> None:
    assert form_of(Path("a/B.JSON")) is PlanForm.JSON
    assert form_of(Path("plan.md")) is PlanForm.MARKDOWN
    for name in ("plan", "plan.yaml", "plan.json.gz", ".json"):
        with pytest.raises(UsageError, match="no file name for a plan"):
            form_of(Path(name))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for form, text in TEXTS.items():
        (tmp_path / f"plan{form.value}").write_text(text)
    (tmp_path / "saved").write_text(TEXTS[PlanForm.JSON])
    (tmp_path / "other.md").write_text("# Notes\n")
    (tmp_path / "film.mkv").write_text('{"a": 1}')
    return tmp_path


@pytest.mark.parametrize("word", ["plan.json", "saved", "missing.json"])
def test_a_plan_is_named(word: str, folder: Path) -> None:
    assert plan_named((word,)) == word


@pytest.mark.parametrize("words", [(), ("film.mkv",), ("other.md",), ("heat", "-"), ("movies/*",)])
def test_films_are_named(words: tuple[str, ...], folder: Path) -> None:
    assert plan_named(words) is None


def test_a_plan_stands_alone(folder: Path) -> None:
    for words in (("heat", "plan.json"), ("saved", "plan.json")):
        with pytest.raises(UsageError, match="a saved plan stands alone"):
            plan_named(words)


@pytest.mark.parametrize("word", ["plan.md", "plan.csv"])
def test_a_form_for_people_is_no_plan_to_run(word: str, folder: Path) -> None:
    with pytest.raises(UsageError, match="this form of a plan is for reading"):
        plan_named((word,))
