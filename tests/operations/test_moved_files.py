"""Commands that name a film find it where a user has moved it, before a run has recorded that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from av1rules.cli import receipt
from av1rules.execute.startup import start_session
from av1rules.execute.trash import Purged, purge
from av1rules.ledger.checks import CheckMethod
from av1rules.operations.verify_targets import (
    TargetCheck,
    TargetHealth,
    VerifyOptions,
    check_targets,
)
from av1rules.plan.workspace import Workspace, open_workspace
from av1rules.report.checks import TargetTally
from tests.conftest import MakeClip
from tests.fakes.worker import FakeClips
from tests.plan.moved.test_find import film, made, move, swap, there, undone
from tests.sample_library import SampleLibrary


@pytest.fixture
def make_clip(fake_clips: FakeClips) -> MakeClip:
    return fake_clips


@pytest.fixture
def replaced(library: SampleLibrary, make_clip: MakeClip) -> SampleLibrary:
    return made(library, make_clip, "mode: replace", "S/a.mp4", "S/b.mp4")


@contextmanager
def opened(library: SampleLibrary) -> Iterator[Workspace]:
    with (
        open_workspace(library.rules_file, write=False) as workspace,
        start_session(workspace, library.events.append) as session,
    ):
        yield session.workspace


def verified(library: SampleLibrary, *ways: CheckMethod) -> dict[str, TargetCheck]:
    with opened(library) as workspace:
        rows = tuple(workspace.ledger.briefs())
        options = VerifyOptions(ways=frozenset(ways))
        found = check_targets(rows, workspace, options, known=0, sink=library.events.append)
        return {Path(one.row.target).name: one for one in found}


def purged(library: SampleLibrary, *, is_verified: bool = True) -> list[Purged]:
    with opened(library) as workspace:
        entries = [one for one in workspace.ledger.kept.entries() if one.gone_at is None]
        return list(purge(workspace.ledger, workspace.ruleset, entries, is_verified=is_verified))


def test_undo_finds_a_renamed_film_by_its_new_name(replaced: SampleLibrary) -> None:
    film(replaced, "S").rename(film(replaced, "T"))
    (back,) = undone(replaced, str(film(replaced, "T/a.mkv")))
    assert (back.refusal, back.kept.place) == (None, str(film(replaced, "T/a.mp4")))
    assert there(replaced) == ["films/T/a.mp4", "films/T/b.mkv"]


@pytest.mark.parametrize("word", ["1", "last", "T"])
def test_undo_of_a_run_or_a_folder_finds_renamed_films(replaced: SampleLibrary, word: str) -> None:
    film(replaced, "S").rename(film(replaced, "T"))
    word = str(film(replaced, word)) if word == "T" else word
    assert [one.refusal for one in undone(replaced, word)] == [None, None]
    assert there(replaced) == ["films/T/a.mp4", "films/T/b.mp4"]


def test_a_renamed_original_gets_its_result_back_under_its_new_name(
    replaced: SampleLibrary,
) -> None:
    undone(replaced, str(film(replaced, "S/a.mkv")))
    move(replaced, "S/a.mp4", "T/c.mp4")
    assert not replaced.plan().has_work, "it was undone, whatever its name"
    replaced.run()
    (back,) = undone(replaced, str(film(replaced, "T/c.mp4")))
    assert back.refusal is None
    assert there(replaced) == ["films/S/b.mkv", "films/T/c.mkv"]
    assert not replaced.plan().has_work


def test_verify_finds_and_checks_a_film_where_it_is_now(replaced: SampleLibrary) -> None:
    film(replaced, "S").rename(film(replaced, "T"))
    found = verified(replaced, CheckMethod.DIGEST)
    assert found["a.mkv"].health is TargetHealth.MOVED
    assert found["a.mkv"].detail == f"to {film(replaced, 'T/a.mkv')}"
    tally = TargetTally(found.values(), with_all=False)
    assert tally.is_well
    assert "2 targets checked: 2 moved" in tally.text(skipped=0)


def test_verify_finds_films_that_swapped_names(replaced: SampleLibrary) -> None:
    swap(film(replaced, "S/a.mkv"), film(replaced, "S/b.mkv"))
    found = verified(replaced)
    assert {one.health for one in found.values()} == {TargetHealth.MOVED}
    assert found["a.mkv"].detail == f"to {film(replaced, 'S/b.mkv')}"


def test_verify_takes_no_other_film_for_a_moved_one(replaced: SampleLibrary) -> None:
    """The same size is not the same film."""
    whole = film(replaced, "S/a.mkv").read_bytes()
    film(replaced, "S/a.mkv").unlink()
    film(replaced, "S/c.mkv").write_bytes(whole[::-1])
    assert verified(replaced)["a.mkv"].health is TargetHealth.MISSING


def test_a_film_that_is_really_gone_comes_back_by_undo(replaced: SampleLibrary) -> None:
    """A run can't make it anew: it finds no film there. So verify does not say that it does."""
    film(replaced, "S/a.mkv").unlink()
    found = verified(replaced)["a.mkv"]
    assert found.health is TargetHealth.MISSING
    target = film(replaced, "S/a.mkv")
    assert found.hint == f"`av1rules undo {target}` puts its original back"
    (back,) = undone(replaced, str(target))
    assert back.refusal is None
    assert there(replaced) == ["films/S/a.mp4", "films/S/b.mkv"]


@pytest.mark.parametrize("is_verified", [True, False])
def test_purge_accepts_a_film_where_it_is_now(replaced: SampleLibrary, is_verified: bool) -> None:
    film(replaced, "S").rename(film(replaced, "T"))
    assert [one.refusal for one in purged(replaced, is_verified=is_verified)] == [None, None]
    assert replaced.kept() == ()


def test_purge_takes_no_other_film_for_it(replaced: SampleLibrary) -> None:
    """The same size is not the same film."""
    path = film(replaced, "S/a.mkv")
    whole = path.read_bytes()
    path.unlink()
    film(replaced, "S/c.mkv").write_bytes(whole[::-1])
    refusals = [one.refusal for one in purged(replaced)]
    assert refusals[0] == f"its target is not there: {path}"
    assert refusals[1] is None


def test_purge_finds_a_renamed_original_of_an_undone_result(replaced: SampleLibrary) -> None:
    undone(replaced, str(film(replaced, "S/a.mkv")))
    move(replaced, "S/a.mp4", "c.mp4")
    assert [one.refusal for one in purged(replaced)] == [None, None]


def test_a_receipt_is_found_by_the_new_name(
    replaced: SampleLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(replaced.folder)
    move(replaced, "S/a.mkv", "new.mkv")

    def shown(path: Path) -> dict[str, object]:
        result = CliRunner().invoke(receipt.command, ["--json", str(path)])
        assert result.exit_code == 0, result.output
        document = json.loads(result.stdout)
        assert isinstance(document, dict)
        return document

    before = shown(film(replaced, "new.mkv"))
    assert before["target"] == str(film(replaced, "S/a.mkv"))
    replaced.run()
    after = shown(film(replaced, "new.mkv"))
    assert after["target"] == str(film(replaced, "new.mkv"))
    assert after["source"] == str(film(replaced, "new.mp4"))
    assert after["target_digest"] == before["target_digest"]


def test_of_swapped_films_each_has_its_own_receipt(
    replaced: SampleLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(replaced.folder)
    swap(film(replaced, "S/a.mkv"), film(replaced, "S/b.mkv"))
    result = CliRunner().invoke(receipt.command, ["--json", str(film(replaced, "S/a.mkv"))])
    assert json.loads(result.stdout)["target"] == str(film(replaced, "S/b.mkv"))
