"""Open files and media servers together: each film once, pauses apart, some unknown."""

from __future__ import annotations

from typing import Any

import pytest

from av1rules.base.children import Children
from av1rules.base.events import Event
from av1rules.execute.control import machine, played, viewers
from av1rules.execute.control.machine import MachineWatch
from av1rules.execute.control.viewers import Viewers, find_viewers, together
from av1rules.integrations.streams import ActiveStream, ServerStreams
from av1rules.policy.schedule.limits import MachineLimits

A, B = "/films/a.mkv", "/films/b.mkv"


def says(*streams: tuple[str | None, bool], problem: str | None = None) -> ServerStreams:
    found = tuple(ActiveStream(server="tv", path=path, is_paused=one) for path, one in streams)
    return ServerStreams(server="tv", streams=found, problem=problem)


@pytest.mark.parametrize(
    ("opened", "servers", "count", "films", "problems"),
    [
        (frozenset(), [], 0, set(), 0),
        (frozenset({A}), [], 1, {A}, 0),
        (frozenset({A}), [says((A, False))], 1, {A}, 0),
        (frozenset({A}), [says((B, False))], 2, {A, B}, 0),
        (frozenset({A}), [says((A, True))], 0, {A}, 0),
        (frozenset(), [says((A, True), (A, False))], 1, {A}, 0),
        (frozenset(), [says((None, False), (None, True))], 1, set(), 0),
        (frozenset(), [says(problem="down"), says((B, False))], 1, {B}, 1),
        (None, [], 0, set(), 1),
        (None, [says()], 0, set(), 0),
    ],
)
def test_each_film_counts_once(
    opened: frozenset[str] | None,
    servers: list[ServerStreams],
    count: int,
    films: set[str],
    problems: int,
) -> None:
    found = together(opened, servers)
    assert (found.count, found.films, len(found.problems)) == (count, frozenset(films), problems)


def watch(monkeypatch: pytest.MonkeyPatch, found: Viewers, **limits: Any) -> MachineWatch:
    asked: list[object] = []

    def ask(*given: object) -> Viewers:
        asked.append(given)
        return found

    monkeypatch.setattr(machine, "find_viewers", ask)
    one = MachineWatch(MachineLimits(viewers=2, **limits), (), lambda _event: None)
    list(one.readings())
    list(one.readings())
    assert len(asked) == 1, "servers are not asked at every look"
    return one


def test_the_limit_of_viewers(monkeypatch: pytest.MonkeyPatch) -> None:
    (reading,) = watch(monkeypatch, Viewers(films=frozenset({A, B}))).readings()
    assert reading.is_beyond
    assert reading.text == "2 films being watched: a.mkv (limits.viewers: 2)"
    (reading,) = watch(monkeypatch, Viewers(films=frozenset({A}))).readings()
    assert reading.is_beyond is False


def test_a_server_that_is_down_leaves_it_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    down = Viewers(films=frozenset({A}), problems=("tv: no answer",))
    (reading,) = watch(monkeypatch, down).readings()
    assert reading.is_beyond is None
    assert "tv: no answer" in reading.text
    enough = Viewers(films=frozenset({A, B}), problems=("tv: no answer",))
    (reading,) = watch(monkeypatch, enough).readings()
    assert reading.is_beyond, "enough are known to watch"


def test_a_film_that_a_server_streams_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [says((A, True)), says((A, False)), says((B, False))]
    monkeypatch.setattr(played, "LOOK_S", 0.01)
    monkeypatch.setattr(viewers, "active_streams", lambda _neighbours: (answers.pop(0),))
    monkeypatch.setattr(viewers, "watched_films", lambda *_given: frozenset())
    events: list[Event] = []
    neighbours: Any = (object(),)
    played.wait_while_played(
        A, name="films/a.mkv", neighbours=neighbours, children=Children(), sink=events.append
    )
    assert answers == []
    assert [type(one).__name__ for one in events] == ["Paused", "Resumed"]


def test_nobody_is_asked_without_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewers, "active_streams", None)
    assert find_viewers((), (), ()).films == frozenset()
