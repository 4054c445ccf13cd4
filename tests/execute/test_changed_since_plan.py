"""Between plan and run anybody may change a file: what no longer fits is dropped, not done."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from av1rules.base.events import JobDropped, JobStarted
from av1rules.execute.startup import start_session
from av1rules.ledger.ledger import Ledger
from av1rules.plan.items import PlanAction
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import open_workspace
from tests.conftest import MakeClip
from tests.fakes.worker import FakeClips
from tests.runs import RunCounts, run_plan
from tests.sample_library import FAST, SampleLibrary

RULES = f"""\
version: 1
library: {{roots: [films], settle: 0}}
output: {{mode: mirror, root: out, copies: copy}}
run: {{reserve: 0}}
rules:
  - {{name: all, encode: {{{FAST}}}, review: never}}
"""


@pytest.fixture
def make_clip(fake_clips: FakeClips) -> MakeClip:
    return fake_clips


@pytest.fixture
def shelf(library: SampleLibrary, make_clip: MakeClip) -> SampleLibrary:
    """One film with its target."""
    library.rules(RULES)
    library.add("a.mkv", make_clip("a.mkv"))
    assert library.run().done == 1
    return library


def run_after(library: SampleLibrary, change: Callable[[], object]) -> RunCounts:
    """Plan, change something, run what was planned."""
    library.events.clear()
    with (
        open_workspace(library.rules_file, write=False) as workspace,
        start_session(workspace, library.events.append) as session,
    ):
        plan = build_plan(session.workspace)
        change()
        return run_plan(plan, session, jobs=1)


def dropped(library: SampleLibrary) -> list[str]:
    return [event.reason for event in library.events if isinstance(event, JobDropped)]


def targets(library: SampleLibrary) -> list[str]:
    return sorted(path.name for path in (library.folder / "out" / "films").iterdir())


def test_a_source_that_changes_before_its_target_is_moved(
    shelf: SampleLibrary, make_clip: MakeClip
) -> None:
    films = shelf.folder / "films"
    (films / "a.mkv").rename(films / "b.mkv")
    assert shelf.row("b.mkv").action is PlanAction.MOVE
    other = make_clip("other.mkv").read_bytes()
    counts = run_after(shelf, lambda: (films / "b.mkv").write_bytes(other))
    assert counts.moved == 0
    assert dropped(shelf) == ["the source changed since it was planned"]
    assert targets(shelf) == ["a.mkv"], "the target of another film must not get its name"
    assert [row.target for row in shelf.ledger_rows()] == [str(shelf.target("a.mkv"))]


def test_a_record_that_changes_before_its_target_is_moved(shelf: SampleLibrary) -> None:
    films = shelf.folder / "films"
    (films / "a.mkv").rename(films / "b.mkv")

    def forget() -> None:
        ledger = Ledger.open(shelf.state_dir)
        try:
            ledger.forget("films/a.mkv")
        finally:
            ledger.close()

    assert run_after(shelf, forget).moved == 0
    assert dropped(shelf) == ["the ledger's record of its target changed since the plan"]
    assert targets(shelf) == ["a.mkv"]


def test_a_copied_target_comes_of_one_that_is_as_written(shelf: SampleLibrary) -> None:
    """The donor is gone, or another file has its name, once the run comes to the copy."""
    shelf.add("b.mkv", shelf.folder / "films" / "a.mkv")
    donor = shelf.target("a.mkv")
    whole = donor.read_bytes()
    for change in (lambda: donor.write_bytes(whole[:-1]), donor.unlink):
        donor.write_bytes(whole)
        assert shelf.row("b.mkv").action is PlanAction.COPY
        counts = run_after(shelf, change)
        assert (counts.copied, counts.done) == (0, 0)
        assert dropped(shelf) == ["the target of the same content is not there any more"]
        assert not shelf.target("b.mkv").exists()
    assert shelf.leftovers() == []


def test_a_forgotten_target_is_no_donor(shelf: SampleLibrary) -> None:
    """`forget` asks for a new encode: a copy of the old one would be none."""
    shelf.add("b.mkv", shelf.folder / "films" / "a.mkv")
    ledger = Ledger.open(shelf.state_dir)
    try:
        ledger.forget("films/a.mkv")
    finally:
        ledger.close()
    rows = {row.file.relative_path: row for row in shelf.plan().rows}
    assert rows["a.mkv"].action is PlanAction.ENCODE
    assert rows["b.mkv"].action is PlanAction.COPY
    counts = shelf.run()
    assert (counts.done, counts.copied) == (1, 1), "the copy waits for the new encode"
    started = [event for event in shelf.events if isinstance(event, JobStarted)]
    assert [event.source for event in started] == ["films/a.mkv"]


def test_a_rotten_donor_is_not_copied(shelf: SampleLibrary) -> None:
    """`verify` found it damaged, though size and time are as they were."""
    shelf.add("b.mkv", shelf.folder / "films" / "a.mkv")
    donor = shelf.target("a.mkv")
    content = bytearray(donor.read_bytes())
    content[-1] ^= 1
    stat = donor.stat()

    def rot() -> None:
        donor.write_bytes(content)
        os.utime(donor, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    counts = run_after(shelf, rot)
    assert (counts.copied, counts.failed) == (0, 1)
    assert not shelf.target("b.mkv").exists()


def test_running_one_of_two_rivals_makes_neither(
    library: SampleLibrary, make_clip: MakeClip
) -> None:
    """Both would write the same target; the other is not among the paths of the run."""
    library.rules(RULES)
    one = library.add("film.mkv", make_clip("one.mkv"))
    library.add("film.mp4", make_clip("two.mp4"))
    counts = library.run(one)
    assert (counts.done, counts.failed) == (0, 0)
    assert not library.target("film.mkv").exists()
    assert "would write the same target as film.mp4" in library.plan(one).rows[0].causes[0]
    Path(library.folder, "films", "film.mp4").unlink()
    assert library.run(one).done == 1
