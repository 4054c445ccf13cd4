"""Who is watching, asked of strict fakes of three media servers."""

from __future__ import annotations

from typing import Any

import pytest

from av1rules.integrations.streams import ActiveStream, ServerStreams, active_streams
from av1rules.policy.neighbours.spec import NeighbourKind
from tests.fakes.neighbours import (
    FakeArr,
    FakeEmby,
    FakeJellyfin,
    FakePlex,
    FakeServer,
    Fault,
    serving,
)
from tests.integrations.servers import ENVIRON, neighbour_of

ITEM = {"Name": "Pilot", "SeriesName": "Show", "MediaType": "Video", "Path": "/data/tv/a.mkv"}


def asked(server: FakeServer, kind: NeighbourKind) -> ServerStreams:
    with serving(server):
        (found,) = active_streams([neighbour_of(server, kind)], environ=ENVIRON)
    return found


@pytest.mark.parametrize(
    ("server", "kind"),
    [(FakeJellyfin, NeighbourKind.JELLYFIN), (FakeEmby, NeighbourKind.EMBY)],
)
def test_jellyfin_and_emby(server: type[FakeJellyfin], kind: NeighbourKind) -> None:
    sessions: list[dict[str, Any]] = [
        {"Id": "1", "NowPlayingItem": ITEM, "PlayState": {"IsPaused": True}},
        {"Id": "2", "NowPlayingItem": {"Name": "Film\x1b[31m"}},
        {"Id": "3", "NowPlayingItem": ITEM | {"MediaType": "Audio"}},
        {"Id": "4"},
        {"Id": "5", "NowPlayingItem": None},
    ]
    found = asked(server(sessions=sessions), kind)
    assert found.streams == (
        ActiveStream(
            server=kind.value, title="Show: Pilot", path="/media/tv/a.mkv", is_paused=True
        ),
        ActiveStream(server=kind.value, title="Film\\x1b[31m"),
    )
    assert found.is_known


def test_plex_and_the_file_that_its_list_does_not_name() -> None:
    sessions: list[dict[str, Any]] = [
        {
            "type": "movie",
            "title": "Film",
            "Player": {"state": "paused"},
            "Media": [
                {"Part": [{"file": "/data/movies/other.mkv"}]},
                {"selected": True, "Part": [{"file": "/data/movies/film.mkv"}]},
            ],
        },
        {"type": "episode", "grandparentTitle": "Show", "title": "Pilot", "ratingKey": "7"},
        {"type": "track", "title": "Song"},
    ]
    plex = FakePlex(sessions=sessions, items={"7": "/data/tv/pilot.mkv"})
    assert asked(plex, NeighbourKind.PLEX).streams == (
        ActiveStream(server="plex", title="Film", path="/media/movies/film.mkv", is_paused=True),
        ActiveStream(server="plex", title="Show: Pilot", path="/media/tv/pilot.mkv"),
    )


def test_nobody_is_watching() -> None:
    for server, kind in ((FakePlex(), NeighbourKind.PLEX), (FakeEmby(), NeighbourKind.EMBY)):
        assert asked(server, kind) == ServerStreams(server=kind.value)


@pytest.mark.parametrize("fault", [Fault.UNAUTHORIZED, Fault.HTML, Fault.DROPPED, Fault.NO_JSON])
def test_a_server_that_fails_is_unknown_not_empty(fault: Fault) -> None:
    found = asked(FakeJellyfin(faults=[fault]), NeighbourKind.JELLYFIN)
    assert not found.is_known
    assert found.problem


@pytest.mark.parametrize("sessions", [["x"], {"a": 1}, [{"NowPlayingItem": "x"}], None, 7])
def test_an_answer_of_another_form_is_unknown(sessions: Any) -> None:
    found = asked(FakeJellyfin(sessions=sessions), NeighbourKind.JELLYFIN)
    assert not found.is_known


def test_others_are_not_asked_and_a_missing_key_is_told() -> None:
    with serving(arr := FakeArr(), jellyfin := FakeJellyfin()):
        neighbours = [
            neighbour_of(arr, NeighbourKind.SONARR),
            neighbour_of(jellyfin, NeighbourKind.JELLYFIN),
        ]
        (found,) = active_streams(neighbours, environ={})
    assert found.problem == "the environment variable NEIGHBOUR_KEY is not set"
    assert arr.calls == []
