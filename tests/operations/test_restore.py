"""Every original has a way out of the trash, and it says what is given up."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from av1rules.base.errors import UsageError
from av1rules.execute.startup import start_session
from av1rules.execute.trash import Purged, purge, purged_line
from av1rules.operations import restore as restore_module
from av1rules.operations.restore import Restored, restore
from av1rules.operations.undo import find_entries, undo
from av1rules.plan.workspace import Workspace, open_workspace
from tests.conftest import MakeClip
from tests.fakes.worker import FakeClips
from tests.plan.moved.test_find import film, made, there
from tests.sample_library import SampleLibrary


@pytest.fixture
def make_clip(fake_clips: FakeClips) -> MakeClip:
    return fake_clips


@pytest.fixture
def superseded(library: SampleLibrary, make_clip: MakeClip) -> SampleLibrary:
    """e.mp4 was replaced by e.mkv, then a better e.mkv was put over it, and replaced too."""
    made(library, make_clip, "mode: replace", "e.mp4")
    library.add("e.mkv", make_clip("better.mkv", "a better one"))
    assert library.run().done == 1
    assert len(library.kept()) == 2
    return library


@contextmanager
def opened(library: SampleLibrary) -> Iterator[Workspace]:
    with (
        open_workspace(library.rules_file, write=False) as workspace,
        start_session(workspace, library.events.append) as session,
    ):
        yield session.workspace


def purged(library: SampleLibrary, *, with_last_copies: bool = False) -> list[Purged]:
    with opened(library) as workspace:
        entries = [one for one in workspace.ledger.kept.entries() if one.gone_at is None]
        found = purge(
            workspace.ledger, workspace.ruleset, entries, with_last_copies=with_last_copies
        )
        return list(found)


def restored(library: SampleLibrary, folder: Path, *, is_dry: bool = False) -> list[Restored]:
    with opened(library) as workspace:
        entries = [one for one in workspace.ledger.kept.entries() if one.gone_at is None]
        return list(restore(workspace.ledger, entries, str(folder), is_dry=is_dry))


def test_the_refusal_of_a_superseded_original_names_the_ways_out(
    superseded: SampleLibrary,
) -> None:
    first, _ = superseded.kept()
    refused, done = purged(superseded)
    assert done.refusal is None
    assert refused.refusal is not None
    assert refused.hint == (
        f"`av1rules originals restore {first.path} --to FOLDER` takes it out of the trash; "
        f"`av1rules originals purge --last-copy {first.path}` gives it up"
    )
    assert purged_line(refused).endswith(f"\n  hint: {refused.hint}")
    assert Path(first.path).exists()


def test_a_last_copy_is_given_up_by_its_own_word_and_says_so(superseded: SampleLibrary) -> None:
    purged(superseded)
    (done,) = purged(superseded, with_last_copies=True)
    assert done.refusal is None
    assert done.given_up is not None
    assert ", the last copy: its target has " in purged_line(done) or (
        "the last copy: its target is not what was written" in purged_line(done)
    )
    assert superseded.kept() == ()
    assert there(superseded) == ["films/e.mkv"]


def test_other_content_is_no_last_copy_to_give_up(superseded: SampleLibrary) -> None:
    """Whatever lies in the trash under its name was never av1rules' to delete."""
    first, _ = superseded.kept()
    Path(first.path).write_bytes(b"mine")
    refused = purged(superseded, with_last_copies=True)[0]
    assert refused.refusal == "the file there is not the one that was moved to the trash"
    assert refused.hint is not None
    assert "originals restore" in refused.hint
    assert "--last-copy" not in refused.hint


def test_restore_takes_all_out_under_their_former_names(
    superseded: SampleLibrary, make_clip: MakeClip, tmp_path: Path
) -> None:
    goal = tmp_path / "out of it" / "all"
    assert [one.refusal for one in restored(superseded, goal, is_dry=True)] == [None, None]
    assert not goal.exists()
    assert [one.refusal for one in restored(superseded, goal)] == [None, None]
    assert sorted(os.listdir(goal)) == ["e.mkv", "e.mp4"]
    assert (goal / "e.mp4").read_bytes() == make_clip("0.mp4", "hue 0").read_bytes()
    assert superseded.kept() == ()
    assert not (superseded.folder / "films" / ".av1rules-kept").exists()
    assert there(superseded) == ["films/e.mkv"]
    assert not superseded.plan().has_work


def test_restore_overwrites_nothing(superseded: SampleLibrary, tmp_path: Path) -> None:
    (tmp_path / "e.mp4").write_text("mine")
    first, second = restored(superseded, tmp_path)
    assert first.refusal == f"another file has its name there: {tmp_path}/e.mp4"
    assert second.refusal is None
    assert (tmp_path / "e.mp4").read_text() == "mine"
    assert len(superseded.kept()) == 1


@pytest.mark.parametrize("step", ["copied", "moved"])
def test_a_killed_restore_is_completed_by_the_next(
    superseded: SampleLibrary, tmp_path: Path, step: str
) -> None:
    """Killed between the two names, or before the ledger knew."""
    first, _ = superseded.kept()
    content = Path(first.path).read_bytes()
    os.link(first.path, tmp_path / "e.mp4")
    if step == "moved":
        os.unlink(first.path)
    results = restored(superseded, tmp_path)
    assert results[1].refusal is None
    assert (tmp_path / "e.mp4").read_bytes() == content
    if step == "copied":
        assert superseded.kept() == ()
    else:
        assert results[0].refusal == "it is no longer there"
        purged(superseded)
        assert superseded.kept() == ()


def test_to_another_disk_it_is_copied_and_compared(
    superseded: SampleLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on_another(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    content = Path(superseded.kept()[0].path).read_bytes()
    monkeypatch.setattr(restore_module, "rename_new", on_another)
    assert [one.refusal for one in restored(superseded, tmp_path)] == [None, None]
    assert (tmp_path / "e.mp4").read_bytes() == content
    assert superseded.kept() == ()


def test_undo_of_a_superseded_original_names_the_way_out(superseded: SampleLibrary) -> None:
    with (
        open_workspace(superseded.rules_file, write=False) as workspace,
        start_session(workspace, superseded.events.append) as session,
    ):
        ledger = session.workspace.ledger
        (first,) = (kept for kept in ledger.kept.entries() if kept.run == 1)
        (done,) = undo(session, (first,))
        with pytest.raises(UsageError):
            find_entries(ledger, ["99"])
    assert f"`av1rules originals restore {first.path} --to FOLDER`" in (done.refusal or "")
    assert film(superseded, "e.mkv").exists()
