"""Facts plan identically to the library that they were exported from, whatever is in it, and after
an edit of the rules.

`AV1RULES_FACTS=1 pytest tests/plan tests/execute` compares each plan of those tests, too.
"""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from av1rules.plan.items import PlanAction
from av1rules.plan.workspace import open_workspace
from av1rules.policy.load import load_rules
from tests.conftest import MakeClip
from tests.facts_of import assert_facts_plan_alike, assert_plans_alike, export, plan_of_facts
from tests.fakes.worker import FakeClips
from tests.mirror_shelf import Shelf
from tests.plan.test_found import RULES, change
from tests.sample_library import SampleLibrary


@pytest.fixture
def make_clip(fake_clips: FakeClips) -> MakeClip:
    return fake_clips


def assert_alike(library: SampleLibrary) -> None:
    with open_workspace(library.rules_file, write=False) as workspace:
        assert_facts_plan_alike(workspace)


@pytest.mark.parametrize("mode", ["mirror, root: out", "beside", "replace"])
@pytest.mark.parametrize("seed", range(2))
def test_whatever_became_of_a_library_its_facts_plan_the_same(
    library: SampleLibrary, clip: Path, other_clip: Path, mode: str, seed: int
) -> None:
    chance = random.Random(seed)
    (library.folder / "more").mkdir()
    library.rules(RULES.format(mode=mode, reason="later", crf=30))
    for _ in range(12):
        change(library, chance, [clip, other_clip], mode)
    for _ in range(4):
        for _ in range(chance.randint(1, 3)):
            change(library, chance, [clip, other_clip], mode)
        if chance.random() < 0.6:
            library.run(accept_missing=True)
        assert_alike(library)


@pytest.mark.parametrize("mode", ["mirror, root: out", "beside", "replace"])
def test_an_edit_of_the_rules_plans_the_same(
    library: SampleLibrary, clip: Path, other_clip: Path, mode: str, tmp_path: Path
) -> None:
    """Also of films that no rule asked for before: their content is in the facts."""
    library.rules(RULES.format(mode=mode, reason="later", crf=30))
    (library.folder / "more").mkdir()
    for name in ("a1.mp4", "b1.mp4", "h1.mp4", "s1.mp4"):
        library.add(name, clip if name < "b" else other_clip)
    library.run()
    facts = export(library.rules_file, tmp_path / "facts.jsonl.gz")
    edited = RULES.format(mode=mode, reason="later", crf=31)
    library.rules(
        edited.replace("hold: later", "encode: {crf: 20}").replace(
            "skip: fine as they are", "encode: {crf: 21}"
        )
    )
    plan = library.plan()
    assert_plans_alike(plan_of_facts(facts, load_rules(library.rules_file)), plan)
    assert len(plan.of(PlanAction.ENCODE)) >= 2


def test_films_that_new_rules_let_in_are_told_as_unknown(
    library: SampleLibrary, tmp_path: Path
) -> None:
    """They were left out before, so that nobody probed them."""
    text = (
        "version: 1\nlibrary: {roots: [films], settle: 0%s}\noutput: {mode: beside}\n"
        "rules: [{name: all, encode: {crf: 30}, review: never}]\n"
    )
    library.rules(text % ", exclude: ['**/extras/**']")
    library.add("extras/a.mp4")
    facts = export(library.rules_file, tmp_path / "facts.jsonl.gz")
    library.rules(text % "")
    (row,) = plan_of_facts(facts, library.ruleset()).rows
    assert row.action is PlanAction.BLOCKED
    assert row.causes == ("can't be read as video: its facts were not recorded",)


@pytest.mark.parametrize("rest", ["hardlink", "symlink", "copy"])
def test_the_rest_of_a_mirror(library: SampleLibrary, make_clip: MakeClip, rest: str) -> None:
    shelf = Shelf(library, make_clip)
    shelf.rules(rest)
    shelf.film("A/a.mp4")
    shelf.film("A/kept.mp4")
    shelf.side("A/a.srt")
    shelf.side("A/notes.nfo")
    assert_alike(library)
    shelf.run()
    assert_alike(library)
    shelf.at("A/a.srt").unlink()
    shelf.at("A/notes.nfo").unlink()
    shelf.at("A/notes.nfo").write_text("mine")
    shelf.side("A/new.srt")
    shelf.source("A/kept.mp4").unlink()
    assert_alike(library)


def test_odd_files_where_targets_go(library: SampleLibrary, clip: Path, other_clip: Path) -> None:
    library.rules()
    for name in (b"a.mkv", b"b.mkv", b"c.mkv", b"d.mkv", b"e.mkv", b"odd \xff.mkv"):
        library.add(name, clip)
    out = library.folder / "out" / "films"
    out.mkdir(parents=True)
    shutil.copy(other_clip, out / "a.mkv")  # a file of others
    (out / "b.mkv").mkdir()
    (out / "c.mkv").symlink_to("nowhere")
    (out / "d.mkv").write_bytes(b"")
    os.mkfifo(library.folder / "films" / "pipe.mkv")
    assert_alike(library)


def test_a_library_behind_links(library: SampleLibrary, tmp_path: Path) -> None:
    library.rules()
    library.add("a.mkv")
    library.run()
    for name in ("films", "out"):
        (library.folder / name).rename(tmp_path / name)
        (library.folder / name).symlink_to(tmp_path / name)
    library.add("b.mkv")
    assert_alike(library)


def test_markers_and_settling_files(library: SampleLibrary) -> None:
    library.rules(
        "version: 1\nlibrary: {roots: [films], settle: 1d, min_size: 10}\n"
        "output: {mode: beside}\nrules: [{name: all, encode: {crf: 30}}]\n"
    )
    library.add("a/a.mp4")
    library.add("b/b.mp4")
    library.add("c/c.mp4")
    (library.folder / "films/a/.av1skip").touch()
    (library.folder / "films/b/b.av1skip").touch()
    assert_alike(library)


def test_a_disk_that_is_not_mounted(library: SampleLibrary) -> None:
    library.rules()
    for number in range(6):
        library.add(f"{number}.mp4")
    library.run()
    shutil.rmtree(library.folder / "out")
    assert_alike(library)
    (library.folder / "films").rename(library.folder / "gone")
    (library.folder / "films").mkdir()
    assert_alike(library)
