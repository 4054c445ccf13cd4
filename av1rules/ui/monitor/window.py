"""The part of the list that is read: a screen and some more, whatever the length of the list."""

from __future__ import annotations

from msgspec.structs import replace

from av1rules.ledger.films.film_list import FilmQuery
from av1rules.ui.monitor.model import ListFilter, ListView
from av1rules.ui.monitor.source import MonitorSource

MARGIN = 100
"""Rows read beyond the screen, each way: some presses of PageDown without a query."""


def moved(shown: ListView, by: int, height: int) -> ListView:
    """The list with its cursor so many rows further, on a screen of `height` rows. Pure."""
    cursor = max(min(shown.cursor + by, shown.total - 1), 0)
    top = min(shown.top, cursor)
    top = max(top, cursor - max(height, 1) + 1)
    return replace(shown, cursor=cursor, top=max(min(top, shown.total - height), 0))


def needs_rows(shown: ListView, height: int) -> bool:
    """Whether a row of the screen is not read. Pure."""
    last = min(shown.top + height, shown.total)
    return shown.top < shown.offset or last > shown.offset + len(shown.rows)


def read_list(
    source: MonitorSource, shown: ListView, running: tuple[str, ...], height: int
) -> ListView:
    """The list as it is now; the cursor stays on its film if that is still near. Raises
    LedgerError."""
    selected = shown.selected
    query = shown.query(running)
    total = source.count(query)
    everything = FilmQuery()
    all_films = total if query == everything else source.count(everything)
    shown = moved(replace(shown, total=total, all_films=all_films), 0, height)
    shown = read_rows(source, shown, running, height)
    if selected is None or shown.selected == selected or shown.cursor == 0:
        return shown
    films = [row.film for row in shown.rows]
    if selected.film in films:
        by = shown.offset + films.index(selected.film) - shown.cursor
        shown = moved(shown, by, height)
    return shown


def read_rows(
    source: MonitorSource, shown: ListView, running: tuple[str, ...], height: int
) -> ListView:
    """Read the rows around the screen. Raises LedgerError."""
    offset = max(shown.top - MARGIN, 0)
    count = height + 2 * MARGIN
    rows = source.page(shown.query(running), offset=offset, count=count)
    return replace(shown, offset=offset, rows=rows)


def filtered(shown: ListView, chosen: ListFilter) -> ListView:
    """From the top of another part of the list. Pure."""
    return replace(shown, filter=chosen, cursor=0, top=0, offset=0, rows=())
