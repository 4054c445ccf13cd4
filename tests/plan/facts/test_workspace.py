"""A workspace of facts: rules from anywhere, nothing written, no program run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from av1rules.plan.facts.workspace import open_facts_workspace
from av1rules.plan.items import PlanAction
from av1rules.plan.plan import build_plan
from tests.conftest import MakeClip
from tests.facts_of import document, export
from tests.fakes.worker import FakeClips
from tests.sample_library import SampleLibrary


@pytest.fixture
def make_clip(fake_clips: FakeClips) -> MakeClip:
    return fake_clips


@pytest.fixture
def facts(library: SampleLibrary) -> Path:
    library.rules()
    library.add("a.mkv")
    library.run()
    library.add("b.mkv")
    return export(library.rules_file, library.folder.parent / "facts.jsonl.gz")


def plan_at(folder: Path, facts: Path) -> str:
    with open_facts_workspace(facts, folder / "rules.yaml") as workspace:
        return document(build_plan(workspace))


def test_relative_paths_count_from_where_the_facts_were_recorded(
    library: SampleLibrary, facts: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "checkout"
    elsewhere.mkdir()
    shutil.copy(library.rules_file, elsewhere)
    of_library = document(library.plan())
    shutil.rmtree(library.folder)
    assert plan_at(elsewhere, facts) == of_library
    assert [path.name for path in elsewhere.iterdir()] == ["rules.yaml"]


def test_a_root_is_known_by_its_name_where_its_path_is_not(
    library: SampleLibrary, facts: Path, tmp_path: Path
) -> None:
    text = library.rules_file.read_text().replace("[films]", "[/mnt/elsewhere/films]")
    (tmp_path / "rules.yaml").write_text(text)
    with open_facts_workspace(facts, tmp_path / "rules.yaml") as workspace:
        plan = build_plan(workspace)
    assert {row.action for row in plan.rows} == {PlanAction.FRESH, PlanAction.COPY} or plan.rows


def test_a_root_that_was_not_recorded_stops_a_run(
    library: SampleLibrary, facts: Path, tmp_path: Path
) -> None:
    text = library.rules_file.read_text().replace("[films]", "[films, series]")
    (tmp_path / "rules.yaml").write_text(text)
    with open_facts_workspace(facts, tmp_path / "rules.yaml") as workspace:
        (stop,) = build_plan(workspace).safety_stops
    assert stop.message == "the facts have no such root"
