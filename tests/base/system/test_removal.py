"""A file is deleted below a folder, and never through a link, by both ways."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from av1rules.base.system.removal import remove_after_look, remove_below

Remove = Callable[[str, Sequence[str], str], os.stat_result]
both = pytest.mark.parametrize("remove", [remove_below, remove_after_look])


@both
def test_the_file_goes_and_its_folders_stay(remove: Remove, tmp_path: Path) -> None:
    film = tmp_path / "kept" / "a" / "b" / "film.mkv"
    film.parent.mkdir(parents=True)
    film.write_bytes(b"1234")
    assert remove(str(tmp_path / "kept"), ["a", "b"], "film.mkv").st_size == 4
    assert (film.exists(), film.parent.exists()) == (False, True)


@both
@pytest.mark.parametrize("linked", ["kept", "kept/a", "kept/a/b"])
def test_a_link_on_the_way_is_refused(remove: Remove, linked: str, tmp_path: Path) -> None:
    there = tmp_path / "elsewhere" / "a" / "b"
    for place in (there, there.parent, there.parents[1]):
        place.mkdir(parents=True, exist_ok=True)
        (place / "film.mkv").write_bytes(b"loved")
    link = tmp_path / linked
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(tmp_path.joinpath("elsewhere", *linked.split("/")[1:]))
    with pytest.raises(OSError, match=r"symbolic links|Not a directory"):
        remove(str(tmp_path / "kept"), ["a", "b"], "film.mkv")
    assert (there / "film.mkv").read_bytes() == b"loved"


@both
def test_a_link_itself_is_deleted_and_not_its_target(remove: Remove, tmp_path: Path) -> None:
    film, link = tmp_path / "film.mkv", tmp_path / "link.mkv"
    film.write_bytes(b"loved")
    link.symlink_to(film)
    remove(str(tmp_path), [], "link.mkv")
    assert (film.read_bytes(), link.is_symlink()) == (b"loved", False)
