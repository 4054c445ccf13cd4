"""Names among the films of a command, and the errors that help to choose."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from av1rules.base.errors import UsageError
from av1rules.plan.names.find import find_films, place_on_disk, wanted_name
from av1rules.plan.names.match import NamedFilm

FILMS = [NamedFilm(f"movies/{name}.mkv") for name in ("Heat", "The Heat", "Alien")]


def found(*words: str, takes_one: bool = False) -> tuple[int, ...]:
    return find_films([wanted_name(word) for word in words], FILMS, takes_one=takes_one)


def test_films_come_once_in_the_order_of_the_names() -> None:
    assert found("alien", "heat", "movies/Heat.mkv") == (2, 0, 1)


def test_one_of_several_names_the_list() -> None:
    with pytest.raises(UsageError) as caught:
        found("heat", takes_one=True)
    assert str(caught.value).splitlines() == [
        "heat: 2 films are meant, and this takes one:",
        "  movies/Heat.mkv",
        "  movies/The Heat.mkv",
        "  hint: give more of the name, or all of it as printed here",
    ]


def test_a_long_list_is_cut() -> None:
    films = [NamedFilm(f"m/film {number}.mkv") for number in range(30)]
    with pytest.raises(UsageError, match="30 films are meant") as caught:
        find_films([wanted_name("film")], films, takes_one=True)
    assert "... and 10 more" in str(caught.value)


def test_none_names_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        found("alein", "movies/Heat.mkv", "zzz")
    assert str(caught.value).splitlines() == [
        "alein: no film has this name (nor 1 other name)",
        "  hint: the nearest name is:",
        "    movies/Alien.mkv",
    ]


def test_names_in_errors_are_safe_to_print() -> None:
    with pytest.raises(UsageError) as caught:
        find_films([wanted_name("\x1b[2J alien")], [NamedFilm("m/alien \x1b[2J.mkv")] * 2)
    assert "\x1b" not in str(caught.value)


def test_a_name_may_be_a_path_from_here_or_through_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    for text in ("real/a.mkv", "link/a.mkv", f"{tmp_path}/link/a.mkv", "./link/../real/a.mkv"):
        assert f"{tmp_path}/real/a.mkv" in wanted_name(text).places


def test_a_glob_from_here_reads_the_folder_as_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a [b] {c}"
    folder.mkdir()
    monkeypatch.chdir(folder)
    films = [NamedFilm("m/x.mkv", (f"{folder}/lib/x.mkv",))]
    for glob in ("lib/x*", "./lib/x*", "../a*/lib/x*"):
        assert find_films([wanted_name(glob)], films) == (0,)


def test_places_on_disk_are_those_of_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    films = tmp_path / "lib" / "films"
    (films / "empty").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    roots = {"m": str(films)}
    known = {"m": films, "m/empty": films / "empty", "lib/films/empty/": films / "empty",
             "lib": tmp_path / "lib", ".": tmp_path}  # fmt: skip
    for text, place in known.items():
        assert place_on_disk(wanted_name(text), roots) == os.fspath(place)
    for text in ("m/none", "films", "other", "lib/films/none"):
        assert place_on_disk(wanted_name(text), roots) is None
