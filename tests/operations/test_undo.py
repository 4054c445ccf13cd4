"""Undo: which entries, in which order, and what a killed one leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.base.errors import UsageError
from av1rules.execute.startup import start_session
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.trash_table import TrashKind
from av1rules.operations.undo import find_entries, undo
from av1rules.plan.workspace import open_workspace
from tests.conftest import MakeClip
from tests.fakes.worker import FakeClips
from tests.sample_library import FAST, SampleLibrary

RULES = f"""\
version: 1
library: {{roots: [films], settle: 0}}
output: {{mode: replace}}
run: {{reserve: 0}}
rules:
  - {{name: all, encode: {{{FAST}}}, review: never}}
"""


@pytest.fixture
def make_clip(fake_clips: FakeClips) -> MakeClip:
    return fake_clips


@pytest.fixture
def three(library: SampleLibrary, make_clip: MakeClip) -> SampleLibrary:
    """Three films replaced, the last one by a run of its own."""
    library.rules(RULES)
    for name in "ab":
        library.add(f"{name}.mkv", make_clip(f"{name}.mkv"))
    assert library.run().done == 2
    library.add("c.mkv", make_clip("c.mkv"))
    assert library.run().done == 1
    return library


def places(library: SampleLibrary, *words: str) -> list[str]:
    ledger = Ledger.read(library.state_dir)
    try:
        return [Path(entry.place).name for entry in find_entries(ledger, words)]
    finally:
        ledger.close()


def test_the_newest_is_undone_first(three: SampleLibrary) -> None:
    """Of two exchanges at one place, only the newer one can be undone first."""
    assert places(three, "1", "last") == ["c.mkv", "b.mkv", "a.mkv"]
    assert places(three, "last", "r1") == ["c.mkv", "b.mkv", "a.mkv"]
    assert places(three, str(three.folder / "films")) == ["c.mkv", "b.mkv", "a.mkv"]


def test_the_last_run_is_the_last_that_replaced_something(three: SampleLibrary) -> None:
    assert places(three, "last") == ["c.mkv"]
    assert places(three, "1") == ["b.mkv", "a.mkv"]
    assert places(three, str(three.folder / "films" / "b.mkv")) == ["b.mkv"]


@pytest.mark.parametrize("word", ["9", "r9", "first", "/nowhere/a.mkv", ""])
def test_what_selects_nothing_is_refused(three: SampleLibrary, word: str) -> None:
    with pytest.raises(UsageError, match="the trash has nothing to put back"):
        places(three, word)


def test_one_that_can_not_be_undone_stops_no_other(three: SampleLibrary) -> None:
    (three.folder / "films" / "b.mkv").write_bytes(b"someone else's")
    with (
        open_workspace(three.rules_file, write=False) as workspace,
        start_session(workspace, three.events.append) as session,
    ):
        done = list(undo(session, find_entries(session.workspace.ledger, ["1", "last"])))
    assert [one.refusal is None for one in done] == [True, False, True]
    assert "changed or replaced since" in (done[1].refusal or "")


def test_an_undo_that_is_stuck_keeps_both_files(
    three: SampleLibrary, monkeypatch: pytest.MonkeyPatch, make_clip: MakeClip
) -> None:
    """Killed while it put the original back; before the next start somebody puts another film
    there. The AV1 file is in the trash, and an entry says so."""
    film = three.folder / "films" / "c.mkv"
    result = film.read_bytes()

    def crash(step: str) -> None:
        if step == "kept aside":
            raise KeyboardInterrupt

    def no_repair(*_: object) -> None:
        raise OSError  # a killed process repairs nothing

    with (
        monkeypatch.context() as patch,
        open_workspace(three.rules_file, write=False) as workspace,
        start_session(workspace, three.events.append, failpoint=crash) as session,
    ):
        patch.setattr("av1rules.execute.replace_original._repair", no_repair)
        with pytest.raises(KeyboardInterrupt):
            list(undo(session, find_entries(session.workspace.ledger, ["last"])))
    film.unlink()
    film.write_bytes(b"another film of the same name")
    three.events.clear()
    with (
        open_workspace(three.rules_file, write=False) as workspace,
        start_session(workspace, three.events.append),
    ):
        pass
    assert "another file is in the place where a killed run had exchanged files" in three.output()
    assert film.read_bytes() == b"another film of the same name"
    kept = {entry.kind: Path(entry.path).read_bytes() for entry in three.kept() if entry.run == 2
            or Path(entry.place).name == "c.mkv"}  # fmt: skip
    assert kept[TrashKind.ORIGINAL] == make_clip("c.mkv").read_bytes()
    assert kept[TrashKind.ORPHAN] == result
