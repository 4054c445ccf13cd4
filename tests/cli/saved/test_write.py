"""`plan -o FILE`: what is written where, and over what nothing is written."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from av1rules.base.errors import UsageError
from av1rules.cli.main import cli
from av1rules.report.saved.read import PlanReader
from tests.conftest import MakeClip
from tests.fakes.worker import FakeClips
from tests.output.check import check_output
from tests.sample_library import SampleLibrary


@pytest.fixture
def make_clip(fake_clips: FakeClips) -> MakeClip:
    return fake_clips


@pytest.fixture
def shelf(
    library: SampleLibrary, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> SampleLibrary:
    library.add("a.mkv", make_clip("a.mkv"))
    library.add("b.mkv", make_clip("b.mkv"))
    monkeypatch.chdir(library.folder)
    return library


def typed(*words: str) -> Result:
    return CliRunner().invoke(cli, words, standalone_mode=False)


def said(*words: str) -> str:
    """What a refused command says."""
    problem = typed(*words).exception
    assert isinstance(problem, UsageError | click.UsageError), problem
    return str(problem)


def test_the_form_is_that_of_the_ending_and_the_screen_shows_the_plan(
    shelf: SampleLibrary,
) -> None:
    plain = typed("plan")
    for name in ("plan.json", "plan.md", "PLAN.CSV"):
        done = typed("plan", "-o", name)
        assert (done.return_value, done.stdout) == (0, plain.stdout)
        assert f"saved in {name}" in done.stderr
    check_output(("plan",), (shelf.folder / "plan.json").read_text())
    assert (shelf.folder / "plan.md").read_text().startswith("<!-- av1rules plan -->\n# Plan: 2 ")
    lines = list(csv.DictReader((shelf.folder / "PLAN.CSV").read_text().splitlines()))
    assert [line["action"] for line in lines] == ["encode", "encode"]
    assert [path.name for path in shelf.folder.glob(".av1rules-*")] == []


def test_markdown_on_the_screen_is_that_of_a_file(shelf: SampleLibrary) -> None:
    shown = typed("plan", "--markdown", "-o", "plan.md").stdout
    saved = (shelf.folder / "plan.md").read_text()
    assert shown == saved
    assert "## To encode (2 files)" in shown


def test_only_a_plan_with_work_that_can_be_run_names_run(shelf: SampleLibrary) -> None:
    assert (
        "`av1rules run plan.json` does exactly its rows" in typed("plan", "-o", "plan.json").stderr
    )
    assert "run plan" not in typed("plan", "-o", "plan.md").stderr
    shelf.run()
    assert "run plan" not in typed("plan", "-o", "plan.json").stderr


def test_quiet_says_nothing_of_it(shelf: SampleLibrary) -> None:
    done = typed("-q", "plan", "-o", "plan.json")
    assert (done.stdout, done.stderr) == ("", "")
    assert (shelf.folder / "plan.json").exists()


def test_a_redirect_is_a_saved_plan_too(shelf: SampleLibrary) -> None:
    typed("plan", "-o", "plan.json")
    saved = json.loads((shelf.folder / "plan.json").read_text())
    shown = json.loads(typed("plan", "--json").stdout)
    for one in (saved, shown):
        del one["origin"]["at"]
    assert saved == shown
    both = typed("plan", "--json", "-o", "plan.json")
    assert json.loads(both.stdout)["rows"] == saved["rows"]


def test_another_ending_is_refused_before_any_work(shelf: SampleLibrary) -> None:
    message = said("plan", "-o", "plan.txt")
    assert "this is no file name for a plan" in message
    assert ".json, .md, .csv" in message
    assert not shelf.state_dir.exists()


@pytest.mark.parametrize("ending", ["json", "md", "csv"])
def test_only_a_plan_of_the_same_form_is_replaced(shelf: SampleLibrary, ending: str) -> None:
    goal = shelf.folder / f"notes.{ending}"
    goal.write_text('{"format": 1, "totals": {}}')
    assert "this file exists, and it is no plan of this form" in said("plan", "-o", goal.name)
    assert goal.read_text() == '{"format": 1, "totals": {}}'
    goal.write_text("")
    for _ in range(2):
        assert typed("plan", "-o", goal.name).return_value == 0
    for other in {"json", "md", "csv"} - {ending}:
        goal.rename(shelf.folder / f"notes.{other}")
        assert "no plan of this form" in said("plan", "-o", f"notes.{other}")
        (shelf.folder / f"notes.{other}").rename(goal)


def test_a_film_or_a_folder_is_never_written_over(shelf: SampleLibrary) -> None:
    film = shelf.folder / "films" / "a.mkv"
    before = film.read_bytes()
    (shelf.folder / "link.json").symlink_to(film)
    assert "no plan of this form" in said("plan", "-o", "link.json")
    assert film.read_bytes() == before
    (shelf.folder / "folder.json").mkdir()
    assert "can't be read: it is not a regular file" in said("plan", "-o", "folder.json")


def test_a_link_to_a_plan_is_followed(shelf: SampleLibrary, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (shelf.folder / "plan.json").symlink_to(tmp_path / "there" / "plan.json")
    assert typed("plan", "-o", "plan.json").return_value == 0
    assert (shelf.folder / "plan.json").is_symlink()
    assert len(list(PlanReader(tmp_path / "there" / "plan.json").rows())) == 2


def test_a_folder_that_takes_nothing_is_told(shelf: SampleLibrary) -> None:
    assert "could not be saved: No such file" in said("plan", "-o", "missing/plan.json")


def test_names_that_are_not_utf_8_stand_in_it_twice(
    shelf: SampleLibrary, make_clip: MakeClip
) -> None:
    shelf.add(b"w\xff.mkv", make_clip("w.mkv"))
    typed("plan", "-o", "plan.json")
    *_, row = PlanReader(shelf.folder / "plan.json").rows()
    assert row.path.endswith("/w\\xff.mkv")
    assert row.path_base64 == os.fsencode(shelf.folder) + b"/films/w\xff.mkv"
    assert row.target_base64 == os.fsencode(shelf.folder) + b"/out/films/w\xff.mkv"
