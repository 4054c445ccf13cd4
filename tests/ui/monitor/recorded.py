"""A recorded night for the screens: `run.ndjson` is a run of two slots, 4.4 hours in."""

from __future__ import annotations

from pathlib import Path

from av1rules.ledger.films.film_list import FilmQuery
from av1rules.ui.monitor.model import ListView, ScreenState
from av1rules.ui.monitor.replay import ReplaySource, read_event_file

EVENTS = Path(__file__).with_name("run.ndjson")
AT_ONCE = float("inf")


def source() -> ReplaySource:
    return ReplaySource(read_event_file(EVENTS), speed=AT_ONCE)


def state() -> ScreenState:
    """What the monitor knows at its end."""
    played = source()
    live = played.live()
    rows = played.page(FilmQuery(), offset=0, count=100)
    shown = ListView(rows=rows, total=len(rows), all_films=len(rows))
    return ScreenState(now=played.now(), live=live, list=shown, title=played.title)
