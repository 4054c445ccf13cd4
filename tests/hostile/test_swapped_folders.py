"""A folder is exchanged while a run is at work: for a link to elsewhere, or, in a folder that
everybody may write to, for one of another user with a file of the expected name.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from av1rules.base.errors import Av1rulesError
from av1rules.execute.film_folders import FilmFolders
from tests.faults.live import failures, rules, run_with
from tests.hostile import forge
from tests.sample_library import SampleLibrary

VICTIM = b"somebody's film\n"

STEPS = ("source read", "encoded", "verified")
"""From the first look at the source to the last step before anything is put in place."""


@pytest.fixture
def shelf(tmp_path: Path) -> SampleLibrary:
    film = tmp_path / "film.mkv"
    film.write_bytes(forge.matroska())
    made = SampleLibrary(folder=tmp_path / "shelf", clip=film)
    made.add("show/film.mkv")
    elsewhere = made.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "film.mkv").write_bytes(VICTIM)
    return made


def swap(folder: Path, shelf: SampleLibrary) -> Callable[[], None]:
    def act() -> None:
        folder.rename(folder.with_name(f"{folder.name} before"))
        folder.symlink_to(shelf.folder / "elsewhere")

    return act


def require_untouched(shelf: SampleLibrary) -> None:
    elsewhere = shelf.folder / "elsewhere"
    assert [path.name for path in elsewhere.iterdir()] == ["film.mkv"]
    assert (elsewhere / "film.mkv").read_bytes() == VICTIM


@pytest.mark.real
@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("place", ["output", "output's root", "temp"])
def test_nothing_is_written_through_a_new_link(place: str, step: str, shelf: SampleLibrary) -> None:
    temp = shelf.folder / "temp"
    temp.mkdir()
    rules(shelf, f"mode: mirror, root: out, temp_dir: {temp}")
    folder = {"output": "out/films/show", "output's root": "out/films", "temp": "temp"}[place]
    done = run_with(shelf, at=step, do=swap(shelf.folder / folder, shelf))
    assert done.done == 0
    assert len(failures(shelf)) + done.dropped == 1, shelf.output()
    require_untouched(shelf)
    assert shelf.ledger_rows() == ()


@pytest.mark.real
@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("temp", ["near", "far"])
def test_original_is_not_replaced_through_a_new_link(
    temp: str, step: str, shelf: SampleLibrary
) -> None:
    far = shelf.folder / "temp"
    far.mkdir()
    rules(shelf, "mode: replace" + (f", temp_dir: {far}" if temp == "far" else ""))
    source = shelf.folder / "films" / "show"
    before = (source / "film.mkv").read_bytes()
    done = run_with(shelf, at=step, do=swap(source, shelf))
    assert done.done == 0
    require_untouched(shelf)
    assert (source.with_name("show before") / "film.mkv").read_bytes() == before


@pytest.mark.real
@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("step", ["source read", "verified", "prepared"])
def test_original_does_not_follow_a_new_link_of_the_trash(step: str, shelf: SampleLibrary) -> None:
    rules(shelf, "mode: replace")
    trash = shelf.folder / "films" / ".av1rules-kept"
    trash.mkdir()
    source = shelf.folder / "films" / "show" / "film.mkv"
    before = source.read_bytes()
    done = run_with(shelf, at=step, do=swap(trash, shelf))
    assert done.done == 0
    assert ".av1rules-kept" in shelf.output()
    require_untouched(shelf)
    assert source.read_bytes() == before


@pytest.mark.real
@pytest.mark.usefixtures("tools")
def test_links_of_the_user_are_followed(shelf: SampleLibrary) -> None:
    rules(shelf, "mode: mirror, root: out")
    disk = shelf.folder / "disk"
    disk.mkdir()
    (shelf.folder / "out" / "films").mkdir(parents=True)
    (shelf.folder / "out" / "films" / "show").symlink_to(disk)
    assert shelf.run().done == 1
    assert [path.name for path in disk.iterdir()] == ["film.mkv"]


@pytest.mark.real
@pytest.mark.usefixtures("tools")
@pytest.mark.skipif(os.geteuid() != 0, reason="root makes folders of another user")
@pytest.mark.parametrize("mode", [0o777, 0o1777], ids=["for all", "sticky"])
def test_result_of_another_user_is_not_published(mode: int, shelf: SampleLibrary) -> None:
    """In a temporary folder without sticky bit everybody may rename the folder of the job."""
    temp = shelf.folder / "temp"
    temp.mkdir()
    temp.chmod(mode)
    rules(shelf, f"mode: mirror, root: out, temp_dir: {temp}")

    def exchange() -> None:
        (ours,) = temp.iterdir()
        (result,) = ours.iterdir()
        ours.rename(temp / "taken")
        ours.mkdir()
        (ours / result.name).write_bytes(VICTIM)
        for path in (ours, ours / result.name):
            os.chown(path, 65534, 65534)

    done = run_with(shelf, at="verified", do=exchange)
    assert done.done == 0
    (failure,) = failures(shelf)
    assert "was exchanged by another user" in shelf.output()
    assert failure.source == "films/show/film.mkv"
    assert not shelf.target("show/film.mkv").exists()


def test_each_exchange_is_noticed(tmp_path: Path) -> None:
    for name in ("a", "b", "private"):
        (tmp_path / name).mkdir()
    private = tmp_path / "private"
    files = [str(tmp_path / name / "film.mkv") for name in ("a", "b")]
    folders = FilmFolders.of(str(private), *files)
    folders.require_same()
    for name, word in (("a", "for another one"), ("private", "by another user")):
        place = tmp_path / name
        place.rename(tmp_path / "aside")
        place.symlink_to(tmp_path / "b")
        with pytest.raises(Av1rulesError, match=word):
            folders.require_same()
        place.unlink()
        (tmp_path / "aside").rename(place)
    folders.require_same()
    private.rmdir()
    with pytest.raises(FileNotFoundError):
        folders.require_same()
