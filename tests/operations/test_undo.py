"""Undo: which entries, in which order, and what a killed one leaves."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from av1rules.base.errors import RunInterruptedError, UsageError
from av1rules.execute.startup import start_session
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.trash_table import TrashKind
from av1rules.operations import undo as undo_module
from av1rules.operations.undo import Undone, find_entries, undo
from av1rules.plan.workspace import open_workspace
from av1rules.report.trash import undone_line
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


def undone(library: SampleLibrary, *words: str) -> list[Undone]:
    with (
        open_workspace(library.rules_file, write=False) as workspace,
        start_session(workspace, library.events.append) as session,
    ):
        return list(undo(session, find_entries(session.workspace.ledger, words)))


def refusal(library: SampleLibrary, word: str = "last") -> str:
    (one,) = undone(library, word)
    assert one.refusal is not None
    assert undone_line(one) == f"{one.kept.place}: not undone: {one.refusal}"
    return one.refusal


def test_one_that_can_not_be_undone_stops_no_other(three: SampleLibrary) -> None:
    (three.folder / "films" / "b.mkv").write_bytes(b"someone else's")
    done = undone(three, "1", "last")
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


# --- what is refused, and what is told


def test_each_kind_says_what_is_back_where(three: SampleLibrary) -> None:
    film = three.folder / "films" / "c.mkv"
    (original,) = undone(three, "last")
    assert (original.refusal, undone_line(original)) == (None, f"{film}: the original is back")
    (result,) = undone(three, str(film))
    assert (
        undone_line(result) == f"{film}: the AV1 file is back, the original is in the trash again"
    )


@pytest.fixture
def orphan(library: SampleLibrary) -> SampleLibrary:
    """A target that went to the trash after its source was deleted."""
    library.rules(RULES.replace("mode: replace", "mode: mirror, root: out, orphans: trash"))
    film = library.add("a.mkv")
    library.add("b.mkv")
    assert library.run().done >= 1
    film.unlink()
    assert library.run().trashed == 1
    return library


def test_an_orphan_comes_back(orphan: SampleLibrary) -> None:
    (one,) = undone(orphan, "last")
    assert undone_line(one) == f"{orphan.target('a.mkv')}: the target is back"
    assert orphan.target("a.mkv").exists()


def test_an_orphan_never_comes_back_over_another_file(orphan: SampleLibrary) -> None:
    place = orphan.target("a.mkv")
    place.write_text("my own")
    assert f"another file is in its place: {place}" in refusal(orphan)
    assert place.read_text() == "my own"


@pytest.fixture
def renamed(library: SampleLibrary, make_clip: MakeClip) -> SampleLibrary:
    """`a.mp4`, replaced by `a.mkv`."""
    library.rules(RULES)
    library.add("a.mp4", make_clip("a.mp4"))
    assert library.run().done == 1
    return library


def test_an_original_never_comes_back_over_another_file(renamed: SampleLibrary) -> None:
    original, result = (renamed.folder / "films" / f"a.{one}" for one in ("mp4", "mkv"))
    before = result.read_bytes()
    original.write_text("my own")
    assert f"another file is in its place: {original}" in refusal(renamed)
    assert (original.read_text(), result.read_bytes()) == ("my own", before)


def test_a_result_that_was_edited_keeps_its_original_in_the_trash(renamed: SampleLibrary) -> None:
    original, result = (renamed.folder / "films" / f"a.{one}" for one in ("mp4", "mkv"))
    result.write_bytes(b"edited")
    assert f"was changed or replaced since: {result}" in refusal(renamed)
    assert not original.exists()
    result.unlink()
    (one,) = undone(renamed, "last")
    assert one.refusal is None, "nothing is in its place any more"
    assert original.exists()


def test_an_original_that_was_edited_after_an_undo_stays(renamed: SampleLibrary) -> None:
    original, result = (renamed.folder / "films" / f"a.{one}" for one in ("mp4", "mkv"))
    undone(renamed, "last")
    assert (original.exists(), result.exists()) == (True, False)
    original.write_bytes(b"edited")
    assert f"was changed or replaced since: {original}" in refusal(renamed)
    assert original.read_bytes() == b"edited"


def test_what_was_purged_is_gone(three: SampleLibrary) -> None:
    ledger = Ledger.open(three.state_dir)
    (entry,) = find_entries(ledger, ["last"])
    ledger.kept.mark_gone(entry.id, "2026-01-02T03:04:05Z")
    ledger.close()
    assert refusal(three) == "it was purged on 2026-01-02T03:04:05Z"
    assert Path(entry.path).exists(), "only the record says so here"


@pytest.mark.parametrize(
    ("problem", "says"),
    [
        (OSError(errno.EROFS, "Read-only file system", "/a/folder"),
         "Read-only file system: /a/folder"),
        (OSError("the disk hangs"), "the disk hangs: {in_the_trash}"),
    ],
)  # fmt: skip
def test_what_the_disk_answers_is_told_with_a_path(
    three: SampleLibrary, monkeypatch: pytest.MonkeyPatch, problem: OSError, says: str
) -> None:
    def fail(*_: object) -> None:
        raise problem

    (kept,) = (entry for entry in three.kept() if Path(entry.place).name == "c.mkv")
    monkeypatch.setattr(undo_module, "undo_entry", fail)
    assert refusal(three) == says.format(in_the_trash=kept.path)


def test_a_stop_ends_it_before_the_next_file(three: SampleLibrary) -> None:
    with (
        open_workspace(three.rules_file, write=False) as workspace,
        start_session(workspace, three.events.append) as session,
    ):
        going = undo(session, find_entries(session.workspace.ledger, ["1", "last"]))
        assert next(going).refusal is None
        session.workspace.children.stop()
        with pytest.raises(RunInterruptedError):
            next(going)
    assert len(three.kept()) == 3, "a result beside two originals"
