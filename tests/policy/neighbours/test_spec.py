"""Paths between two machines, addresses, and names of variables."""

from __future__ import annotations

import pytest

from av1rules.base.units import UnitError
from av1rules.policy.neighbours.spec import (
    USUAL_EVENTS,
    MappedPath,
    Neighbour,
    NeighbourKind,
    http_url,
    plain_secret,
    variable_name,
)


def neighbour(*paths: tuple[str, str]) -> Neighbour:
    return Neighbour(
        name="x",
        kind=NeighbourKind.JELLYFIN,
        paths=tuple(MappedPath(ours=ours, theirs=theirs) for ours, theirs in paths),
    )


MAPPED = neighbour(("/media", "/data"), ("/media/movies/", "/films"), ("/mnt/nas", "D:\\Nas"))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("/media/tv/a.mkv", "/data/tv/a.mkv"),
        ("/media/movies/a/b.mkv", "/films/a/b.mkv"),  # the longest counts
        ("/media/movies", "/films"),
        ("/mediathek/a.mkv", "/mediathek/a.mkv"),  # not below /media
        ("/mnt/nas/a/b.mkv", "D:\\Nas\\a\\b.mkv"),
        ("/elsewhere/a.mkv", "/elsewhere/a.mkv"),
        ("/media/movies/\udcff.mkv", "/films/\udcff.mkv"),
    ],
)
def test_paths_are_mapped_both_ways(ours: str, theirs: str) -> None:
    assert MAPPED.their_path(ours) == theirs
    assert MAPPED.our_path(theirs) == ours


def test_without_a_map_both_see_the_same() -> None:
    assert neighbour().their_path("/a/b") == neighbour().our_path("/a/b") == "/a/b"


def test_the_root_maps_too() -> None:
    assert neighbour(("/media", "/")).their_path("/media/a.mkv") == "/a.mkv"
    assert neighbour(("/media", "/")).our_path("/a.mkv") == "/media/a.mkv"
    assert neighbour(("/media", "/")).their_path("/media") == "/"


@pytest.mark.parametrize("url", ["http://a:8096", "https://[::1]/base", "http://10.0.0.1/x?y=1"])
def test_addresses(url: str) -> None:
    assert http_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a", "a:80", "http://", "http://a:port", "http://a:0", "http://a b", "http://a/\n",
        "http://me:pw@a", "http://a/?api_key=abc", "http://a/?x=1&Token=abc",
        "file:///etc/passwd", "http://a:99999", "",
    ],
)  # fmt: skip
def test_other_addresses_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UnitError) as caught:
        http_url(url)
    assert "abc" not in str(caught.value)
    assert "pw@" not in str(caught.value)


def test_a_secret_in_the_clear_is_refused_and_not_repeated() -> None:
    with pytest.raises(UnitError, match="does not belong in a rules file") as caught:
        plain_secret("hunter2")
    assert "hunter2" not in f"{caught.value}{caught.value.hint}"


@pytest.mark.parametrize("name", ["$KEY", "a b", "1A", "", "A-B"])
def test_names_of_variables(name: str) -> None:
    assert variable_name("SONARR_KEY") == "SONARR_KEY"
    with pytest.raises(UnitError):
        variable_name(name)


def test_every_kind_is_told_of_something() -> None:
    assert set(USUAL_EVENTS) == set(NeighbourKind)
