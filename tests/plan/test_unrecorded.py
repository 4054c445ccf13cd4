"""A ledger that does not know what stands in the library says so at once, with the count and the
command: after `state_dir` was changed, or deleted."""

from __future__ import annotations

import shutil
from contextlib import closing

import pytest

from av1rules.ledger.ledger import Ledger
from av1rules.operations.adopt.adopt import AdoptOptions, adopt
from av1rules.operations.status import read_status
from av1rules.plan.workspace import open_workspace
from av1rules.report.status import status_text
from tests.conftest import MakeClip
from tests.fakes.worker import FakeClips
from tests.plan.moved.test_find import made
from tests.sample_library import SampleLibrary

MODES = ["mode: replace", "mode: beside", "mode: mirror, root: out"]


@pytest.fixture
def make_clip(fake_clips: FakeClips) -> MakeClip:
    return fake_clips


@pytest.fixture(params=MODES)
def lost(
    request: pytest.FixtureRequest, library: SampleLibrary, make_clip: MakeClip
) -> SampleLibrary:
    """Two films, made by a ledger that is elsewhere now."""
    made(library, make_clip, request.param, "S/a.mp4", "S/b.mp4")
    text = library.rules_file.read_text()
    library.rules(text.replace("run: {", "run: {state_dir: other, "))
    return library


def notice(library: SampleLibrary) -> str:
    return (
        f"2 files that av1rules made are not in the ledger in {library.folder / 'other'}: was "
        "run.state_dir changed, or the ledger deleted? `av1rules adopt` takes them up"
    )


def test_plan_and_run_say_it_once(lost: SampleLibrary) -> None:
    assert lost.plan().notes[0] == lost.plan().unrecorded == notice(lost)
    lost.run()
    assert lost.output().count("av1rules adopt") >= 1
    assert notice(lost) in lost.output()
    assert lost.plan().unrecorded == notice(lost), "also by what the plan remembers"


def test_status_of_an_empty_ledger_looks_at_names(lost: SampleLibrary) -> None:
    with closing(Ledger.read(lost.folder / "other")) as ledger:
        status = read_status(ledger, lost.ruleset())
    assert status.unrecorded == 2
    assert "2 files in the places of targets or originals" in status_text(status)


def test_nothing_is_said_where_all_is_known(library: SampleLibrary, make_clip: MakeClip) -> None:
    made(library, make_clip, "mode: replace", "S/a.mp4")
    assert library.plan().unrecorded is None
    with closing(Ledger.read(library.state_dir)) as ledger:
        assert read_status(ledger, library.ruleset()).unrecorded == 0


def test_nothing_is_said_of_a_copy_of_a_known_target(
    library: SampleLibrary, make_clip: MakeClip
) -> None:
    made(library, make_clip, "mode: replace", "S/a.mp4")
    shutil.copy(library.folder / "films/S/a.mkv", library.folder / "films/copy.mkv")
    assert library.plan().unrecorded is None


def test_nothing_is_said_before_the_first_run(library: SampleLibrary) -> None:
    library.add("a.mkv")
    with closing(Ledger.read(library.state_dir)) as ledger:
        assert read_status(ledger, library.ruleset()).unrecorded == 0
    assert library.plan().unrecorded is None


def test_adopt_ends_it(library: SampleLibrary, make_clip: MakeClip) -> None:
    made(library, make_clip, "mode: mirror, root: out", "S/a.mp4")
    for path in library.state_dir.glob("ledger*"):
        path.unlink()
    assert library.plan().unrecorded is not None
    with open_workspace(library.rules_file, write=True) as workspace:
        report = adopt(workspace, AdoptOptions(), sink=library.events.append)
    assert len(report.adoptions) == 1
