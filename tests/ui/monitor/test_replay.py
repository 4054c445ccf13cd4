"""A recorded run, played."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.base.errors import UsageError
from av1rules.ledger.films.film_list import FilmQuery, FilmSort, FilmState
from av1rules.ui.monitor.replay import ReplaySource, read_event_file
from tests.ui.monitor.recorded import EVENTS, source


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_is_played_as_fast_as_asked() -> None:
    clock = Clock()
    played = ReplaySource(read_event_file(EVENTS), speed=60.0, clock=clock)
    assert played.live().jobs == ()
    clock.now += 1
    assert len(played.live().jobs) == 2
    seen = played.version()
    clock.now += 60
    assert played.version() == seen, "nothing new before it is asked for"
    state = played.live()
    assert played.version() != seen
    assert [one.film.rpartition("/")[2] for one in state.results] == [
        "Old Holiday Tape (1989).avi", "The Wire S01E01 The Target.mkv",
    ]  # fmt: skip
    clock.now += 10**6
    assert played.live().run is not None
    assert played.now().isoformat() == read_event_file(EVENTS)[-1].time.replace(".947", ".947000")


def test_its_films_are_a_list() -> None:
    played = source()
    library = played.live().library
    assert (library.targets, library.failed, library.waiting) == (2, 1, 2)
    assert played.count(FilmQuery()) == 6
    done = played.page(FilmQuery(states=frozenset({FilmState.DONE})), offset=0, count=9)
    assert [one.saved_share is not None for one in done] == [True, True]
    by_size = played.page(FilmQuery(sort=FilmSort.SIZE), offset=0, count=1)
    assert by_size[0].film.startswith("movies/Blade Runner")
    assert played.count(FilmQuery(text="WIRE")) == 1
    assert played.page(FilmQuery(sort=FilmSort.SAVINGS), offset=5, count=9)
    assert played.page(FilmQuery(sort=FilmSort.STATUS), offset=5, count=9)


@pytest.mark.parametrize(
    "text", ["", "no events\n", '{"type": "note", "time": "x", "message": ""}']
)
def test_what_is_no_recording(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.ndjson"
    with pytest.raises(UsageError, match="can't be read"):
        read_event_file(path)
    path.write_text(text)
    with pytest.raises(UsageError, match="no event"):
        read_event_file(path)
