"""The window of the list: the cursor, and which rows are read."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from av1rules.ledger.films.film_list import FilmQuery, FilmSort, FilmState, ListedFilm
from av1rules.ui.monitor.model import ListFilter, ListView
from av1rules.ui.monitor.replay import ReplaySource, read_event_file
from av1rules.ui.monitor.window import (
    MARGIN,
    filtered,
    moved,
    needs_rows,
    read_list,
    read_rows,
)
from tests.ui.monitor.recorded import AT_ONCE, EVENTS

FILMS = 100_000


class Large(ReplaySource):
    """A hundred thousand films, counted as they are read."""

    def __init__(self) -> None:
        super().__init__(read_event_file(EVENTS), speed=AT_ONCE)
        self.read = 0

    def page(self, query: FilmQuery, *, offset: int, count: int) -> tuple[ListedFilm, ...]:
        self.read += count
        return tuple(
            ListedFilm(film=f"films/{place:06}.mkv", state=FilmState.DONE, source_bytes=place)
            for place in range(offset, min(offset + count, FILMS))
        )

    def count(self, query: FilmQuery) -> int:
        return FILMS


@pytest.mark.parametrize("by", [1, 5, 30, 99_999, 10**9, -1, -(10**9)])
def test_the_cursor_stays_in_the_list_and_on_the_screen(by: int) -> None:
    start = ListView(total=FILMS, cursor=500, top=490)
    found = moved(start, by, 20)
    assert 0 <= found.cursor < FILMS
    assert found.top <= found.cursor < found.top + 20
    assert 0 <= found.top <= FILMS - 20
    assert moved(ListView(), by, 20) == ListView()


def test_only_what_is_shown_is_read() -> None:
    source = Large()
    shown = read_list(source, ListView(), (), 20)
    for _ in range(50):
        shown = moved(shown, 1, 20)
        if needs_rows(shown, 20):
            shown = read_rows(source, shown, (), 20)
    assert source.read == 20 + 2 * MARGIN
    shown = moved(shown, 10**9, 20)
    assert needs_rows(shown, 20)
    shown = read_rows(source, shown, (), 20)
    assert shown.selected is not None
    assert shown.selected.film == "films/099999.mkv"
    assert source.read == 2 * (20 + 2 * MARGIN)


def test_the_cursor_follows_its_film() -> None:
    class Growing(Large):
        more = 0

        def page(self, query: FilmQuery, *, offset: int, count: int) -> tuple[ListedFilm, ...]:
            return super().page(query, offset=max(offset - self.more, 0), count=count)

    source = Growing()
    shown = moved(read_list(source, ListView(), (), 20), 150, 20)
    shown = read_rows(source, shown, (), 20)
    selected = shown.selected
    source.more = 3
    shown = read_list(source, shown, (), 20)
    assert shown.selected == selected
    assert shown.cursor == 153


def test_what_is_asked_for() -> None:
    shown = filtered(ListView(cursor=5, sort=FilmSort.SIZE), ListFilter.RUNNING)
    query = replace(shown, text="x").query(("films/a.mkv",))
    assert (query.films, query.text, query.sort) == (("films/a.mkv",), "x", FilmSort.SIZE)
    assert shown.cursor == 0
    assert ListView().query(("films/a.mkv",)).films is None
