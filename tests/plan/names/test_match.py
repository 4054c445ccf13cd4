"""What a name means: printed names before paths, paths before globs, globs before parts."""

from __future__ import annotations

import time

import pytest

from av1rules.base.text import printable
from av1rules.plan.names.match import FilmNames, NamedFilm, NameKind, WantedName

HEAT = "movies/Heat (1995).mkv"
THE_HEAT = "movies/The Heat (2013).mkv"
AMELIE = "movies/Ame\u0301lie (2001).mkv"  # as macOS writes it
GROUP = "anime/[SubGrp] Film - 01.mkv"
EPISODES = ("tv/Show/S01/Show - S01E01.mkv", "tv/Show/S01/Show - S01E02.mkv")
ODD = "movies/odd \udcff name.mkv"
LIKE_A_GLOB = "movies/What? [1].mkv"
ALL = (HEAT, THE_HEAT, AMELIE, GROUP, *EPISODES, ODD, LIKE_A_GLOB)

NAMES = FilmNames([NamedFilm(name, (f"/media/{name}", f"/av1/{name}")) for name in ALL])


def meant(text: str, *places: str, pattern: str = "") -> tuple[NameKind | None, tuple[str, ...]]:
    match = NAMES.match(WantedName(text, places, pattern))
    return match.kind, tuple(ALL[at] for at in match.films)


@pytest.mark.parametrize("name", ALL)
def test_every_name_as_printed_means_its_film(name: str) -> None:
    assert meant(name) == (NameKind.NAME, (name,))
    assert meant(printable(name)) == (NameKind.NAME, (name,))


@pytest.mark.parametrize("cut", ["…", "..."])
@pytest.mark.parametrize("name", [HEAT, EPISODES[1]])
def test_a_name_that_a_narrow_table_cut_means_its_film(name: str, cut: str) -> None:
    assert meant(f"{name[:6]}{cut}{name[-7:]}") == (NameKind.NAME, (name,))


@pytest.mark.parametrize("folder", ["tv", "tv/", "tv/Show", "tv/Show/S01", "tv/Show/S01/"])
def test_a_folder_means_all_films_below_it(folder: str) -> None:
    assert meant(folder) == (NameKind.NAME, EPISODES)


@pytest.mark.parametrize("top", ["/media", "/av1"])
def test_paths_of_sources_and_of_targets(top: str) -> None:
    assert meant("x", f"{top}/{HEAT}") == (NameKind.PLACE, (HEAT,))
    assert meant("x", f"{top}/tv") == (NameKind.PLACE, EPISODES)
    assert meant("x", "/") == (NameKind.PLACE, ALL)
    assert meant("x", f"{top}/movies/Hea") == (None, ())


@pytest.mark.parametrize(
    ("glob", "films"),
    [
        ("*Heat*", (HEAT, THE_HEAT)),
        ("Heat*", (HEAT,)),
        ("S01", EPISODES),
        ("S0?", EPISODES),
        ("*.{mkv,mp4}", ALL),
        ("movies/*1995*", (HEAT,)),
        ("*/Heat*", (HEAT,)),
        ("Show/**", EPISODES),
        ("tv/S*", EPISODES),
        ("**/*E02.mkv", EPISODES[1:]),
        ("[SubGrp]*", (GROUP,)),
        ("*[0-9][0-9].mkv", (GROUP, *EPISODES)),
    ],
)
def test_globs(glob: str, films: tuple[str, ...]) -> None:
    assert meant(glob)[1] == films


def test_a_glob_of_paths_on_disk() -> None:
    assert meant("lib/Th*", pattern="/av1/movies/Th*") == (NameKind.GLOB, (THE_HEAT,))
    assert meant("../t*", pattern="/media/t*") == (NameKind.GLOB, EPISODES)


@pytest.mark.parametrize("broken", ["[", "{1..9999}", "a[", "*[z-a]*", "{,"])
def test_a_broken_glob_means_no_film(broken: str) -> None:
    assert meant(broken)[0] in (None, NameKind.PART)


@pytest.mark.parametrize(
    ("part", "films"),
    [
        ("heat (1995)", (HEAT,)),
        ("HEAT", (HEAT, THE_HEAT)),
        ("heat 1995", (HEAT,)),
        ("the.heat.2013", (THE_HEAT,)),
        ("amelie", (AMELIE,)),
        ("s01e02", EPISODES[1:]),
        ("show s01", EPISODES),
        ("Grp] F", (GROUP,)),
        ("nothing of this", ()),
        ("  ", ()),
        ("///", ()),
        ("!!!", ()),
    ],
)
def test_parts_of_names(part: str, films: tuple[str, ...]) -> None:
    assert meant(part)[1] == films


def test_a_file_name_goes_before_a_folder_of_the_same_name() -> None:
    names = FilmNames([NamedFilm("m/Heat/Heat.mkv"), NamedFilm("m/Heat/Extra.mkv")])
    assert names.match(WantedName("hea")).films == (0,)
    assert names.match(WantedName("heat/")).films == (0, 1)


def test_each_way_of_understanding_goes_before_the_next() -> None:
    films = [NamedFilm("a/*.mkv"), NamedFilm("b/x.mkv", ("/lib/a/*.mkv",)), NamedFilm("a/y.mkv")]
    wanted = WantedName("a/*.mkv", ("/lib/a/*.mkv",), "/lib/a/*.mkv")
    assert FilmNames(films).match(wanted).films == (0,)
    assert FilmNames(films[1:]).match(wanted).films == (0,)
    assert FilmNames(films[2:]).match(wanted).kind is NameKind.GLOB


def test_a_long_list_of_names_takes_no_look_at_every_film_for_each() -> None:
    films = [NamedFilm(f"tv/Show {n // 50}/E{n}.mkv", (f"/tv/{n}.mkv",)) for n in range(20_000)]
    names = FilmNames(films)
    started = time.process_time()
    for at, film in enumerate(films):
        assert names.match(WantedName(film.name)).films == (at,)
        assert names.match(WantedName("x", film.paths)).films == (at,)
    assert time.process_time() - started < 3  # a quarter of a second; comparing each takes minutes
