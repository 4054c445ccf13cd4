"""`on_change` and `--redo`: which finished work an edit of the policy touches, and what is written
down of that."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from av1rules.forecast.decided import decided_plan
from av1rules.plan.context import PlanRequest
from av1rules.plan.items import Plan, PlanAction, PlanItem
from av1rules.plan.packed.cache import CACHE_NAME
from av1rules.plan.workspace import open_workspace
from av1rules.policy.redo.choice import parse_redo
from tests.cli.test_commands import av1rules
from tests.graph.test_doit import DODO, doit
from tests.sample_library import SampleLibrary

RULES = """\
version: 1
library: {{roots: [films], settle: 0}}
output: {{mode: {mode}}}
run: {{reserve: 0, max_failures: 1}}
rules:
  - name: all
    encode: {{crf: {crf}, preset: 12, film_grain: 0, max_size_ratio: {ratio}{more}}}
    review: never
"""


def policy(
    library: SampleLibrary,
    crf: float,
    on_change: str | None = None,
    *,
    mode: str = "mirror, root: out",
    ratio: float = 9,
) -> None:
    more = "" if on_change is None else f', on_change: "{on_change}"'
    library.rules(RULES.format(crf=crf, more=more, mode=mode, ratio=ratio))


def plan(library: SampleLibrary, redo: str | None = None, *, force: bool = False) -> Plan:
    request = PlanRequest(redo=None if redo is None else parse_redo(redo), force=force)
    with open_workspace(library.rules_file, write=False) as workspace:
        return decided_plan(workspace, request)


def row(library: SampleLibrary, redo: str | None = None, *, force: bool = False) -> PlanItem:
    (item,) = plan(library, redo, force=force).rows
    return item


def run(library: SampleLibrary, *options: str, code: int = 0) -> None:
    av1rules("run", *options, cwd=library.folder, code=code)


@pytest.fixture
def made(library: SampleLibrary) -> SampleLibrary:
    """One film, made with CRF 50."""
    policy(library, 50)
    library.add("a.mkv")
    run(library)
    return library


pytestmark = pytest.mark.real


def test_new_keeps_a_finished_target_and_says_why(made: SampleLibrary) -> None:
    policy(made, 45, "new")
    made.add("b.mkv", made.clip).write_bytes(made.clip.read_bytes() + b"\0")
    kept, new = plan(made).rows
    assert (kept.action, new.action) == (PlanAction.FRESH, PlanAction.ENCODE)
    assert kept.causes == ("kept as made: crf 50, not 45 (rules.yaml:7); on_change: new",)
    text = av1rules("plan", cwd=made.folder).stdout
    assert "1 film stays as it was made, though the policy asks for other settings" in text
    document = json.loads(av1rules("plan", "--json", cwd=made.folder).stdout)
    assert document["left_as_made"] == 1
    assert [one.get("as_made") for one in document["rows"]] == ["new", None]
    explained = av1rules("explain", "a.mkv", cwd=made.folder).stdout
    assert "kept as made: crf 50, not 45" in explained


def test_what_a_run_kept_stays_kept_until_the_settings_change_again(made: SampleLibrary) -> None:
    policy(made, 45, "new")
    assert row(made).as_made is not None
    policy(made, 45)  # no run has written it down
    assert row(made).action is PlanAction.ENCODE
    policy(made, 45, "new")
    run(made)
    policy(made, 45, "all")
    kept = row(made)
    assert kept.action is PlanAction.FRESH
    assert "accepted by an earlier run" in kept.causes[0]
    assert row(made).causes == kept.causes, "from the cache"
    (made.state_dir / CACHE_NAME).unlink()
    assert row(made).causes == kept.causes
    assert row(made, "all").action is PlanAction.ENCODE
    assert row(made, force=True).action is PlanAction.ENCODE
    assert row(made).action is PlanAction.FRESH, "a plan writes nothing down"
    policy(made, 44, "all")
    assert row(made).action is PlanAction.ENCODE
    run(made)
    policy(made, 45, "all")
    assert row(made).action is PlanAction.ENCODE, "it is another target now"


def test_redo_on_the_command_line_is_for_one_run_and_is_written_down(made: SampleLibrary) -> None:
    policy(made, 45)
    assert row(made, "new").action is PlanAction.FRESH
    assert row(made).action is PlanAction.ENCODE, "the plan before left nothing in the cache"
    assert "on_change" not in row(made, "new").causes[0]
    run(made, "--redo", "new")
    assert row(made).action is PlanAction.FRESH
    policy(made, 45, "new")
    run(made, "--redo", "all")
    (target,) = made.ledger_rows()
    assert target.settings.crf == 45


def test_renaming_moves_what_is_kept(made: SampleLibrary) -> None:
    policy(made, 45, "new")
    films = made.folder / "films"
    (films / "a.mkv").rename(films / "b.mkv")
    assert row(made).action is PlanAction.MOVE
    run(made)
    policy(made, 45, "new")
    assert row(made).action is PlanAction.FRESH
    run(made)
    (films / "b.mkv").rename(films / "c.mkv")
    policy(made, 45)
    run(made)
    assert row(made).action is PlanAction.FRESH, "accepted wherever it is"
    assert made.ledger_rows()[0].settings.crf == 50


@pytest.mark.parametrize("loss", ["missing", "damaged", "source"])
def test_a_target_that_is_lost_or_of_other_content_is_redone(
    made: SampleLibrary, loss: str, other_clip: Path
) -> None:
    policy(made, 45, "none")
    run(made)
    target = made.target("a.mkv")
    if loss == "missing":
        target.unlink()
    elif loss == "damaged":
        target.write_bytes(target.read_bytes()[:-100])
    else:
        made.add("a.mkv", other_clip)
    assert row(made).action is PlanAction.ENCODE


def test_none_tries_no_earlier_result_again(library: SampleLibrary, other_clip: Path) -> None:
    policy(library, 1, ratio=0.01)
    library.add("large.mkv")
    run(library)
    assert row(library).action is PlanAction.LEFT_ALONE
    policy(library, 2, "new", ratio=0.01)
    assert row(library).action is PlanAction.ENCODE
    policy(library, 2, "none", ratio=0.01)
    left = row(library)
    assert left.action is PlanAction.LEFT_ALONE
    assert "too large with the settings of then" in left.causes[0]
    assert "(on_change: none)" in left.causes[0]
    run(library)
    policy(library, 2, "all", ratio=0.01)
    assert row(library).action is PlanAction.LEFT_ALONE, "written down"
    assert row(library, force=True).action is PlanAction.ENCODE
    policy(library, 3, "all", ratio=0.01)
    assert row(library).action is PlanAction.ENCODE
    policy(library, 3, "none", ratio=0.01)
    library.add("new.mkv", other_clip)
    assert {one.file.relative_path: one.action for one in plan(library).rows} == {
        "large.mkv": PlanAction.LEFT_ALONE,
        "new.mkv": PlanAction.ENCODE,
    }


def test_in_place_of_the_source_too(library: SampleLibrary) -> None:
    policy(library, 50, mode="replace")
    library.add("a.mkv")
    run(library)
    policy(library, 45, "new", mode="replace")
    assert row(library).as_made is not None
    run(library)
    policy(library, 45, mode="replace")
    assert row(library).action is PlanAction.FRESH
    assert row(library, "all").action is PlanAction.ENCODE


def test_gain_redoes_only_what_comes_out_so_much_smaller(made: SampleLibrary) -> None:
    policy(made, 51, "gain > 20%")
    kept = row(made)
    assert kept.action is PlanAction.FRESH
    assert "smaller by the forecast, on_change: gain > 20%" in kept.causes[0]
    policy(made, 60, "gain > 20%")
    redone = row(made)
    assert redone.action is PlanAction.ENCODE
    assert any("smaller by the forecast than the target that is there" in n for n in redone.notes)
    policy(made, 40, "gain > 0%")
    assert "larger by the forecast" in row(made).causes[0]
    run(made)
    policy(made, 40)
    assert row(made).action is PlanAction.FRESH, "written down"
    policy(made, 40, "new")
    assert row(made, "gain > 20%").action is PlanAction.FRESH
    assert row(made, "all").action is PlanAction.ENCODE


@pytest.mark.parametrize(("crf", "is_fresh"), [(51, True), (60, False)])
def test_plan_and_graph_agree(made: SampleLibrary, crf: int, is_fresh: bool) -> None:
    policy(made, crf, "gain > 20%")
    (made.folder / "dodo.py").write_text(DODO)
    assert (row(made).action is PlanAction.FRESH) is is_fresh
    (line,) = doit(made, "list", "--all", "--status", "-q").splitlines()[-1:]
    assert line.split()[0] == ("U" if is_fresh else "R")


def test_unknown_words_are_usage_errors(made: SampleLibrary) -> None:
    done = av1rules("plan", "--redo", "20%", cwd=made.folder, code=2)
    assert "write gain > 20%" in done.stderr


def test_a_comparison_shows_what_is_kept(made: SampleLibrary) -> None:
    (made.folder / "then.yaml").write_text(made.rules_file.read_text())
    policy(made, 45, "new")
    found: Any = json.loads(
        av1rules("plan", "--against", "./then.yaml", "--json", cwd=made.folder).stdout
    )
    (changed,) = found["rows"]
    assert changed["kind"] == "kept as made"
    assert changed["why"].startswith("kept as made: crf 50, not 45")
    found = json.loads(
        av1rules(
            "plan", "--against", "./then.yaml", "--redo", "all", "--json", cwd=made.folder
        ).stdout
    )
    assert [one["kind"] for one in found["rows"]] == ["would be redone"]


def test_nothing_shows_or_does_a_plan_without_these_decisions() -> None:
    """`build_plan` alone does not know what the forecast decides."""
    root = Path(__file__).parents[3] / "av1rules"
    callers = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "build_plan"
    }
    deciding = {"forecast/decided.py", "cli/plan.py"}
    only_looking = {"cli/facts.py", "plan/saved/recheck.py"}  # at films, and at rows decided before
    assert callers <= deciding | only_looking
