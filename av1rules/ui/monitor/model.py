"""What the monitor shows, as frozen values: filter, cursor, the rows of the list, messages."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import msgspec

from av1rules.ledger.films.film_list import FilmQuery, FilmSort, FilmState, ListedFilm
from av1rules.ledger.films.queue import QueuedFilm
from av1rules.report.live.model import LiveState


class ListFilter(Enum):
    """Which films the list has. The value is its name for users; its place is its key."""

    ALL = "all"
    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    LEFT = "no target"

    @property
    def states(self) -> frozenset[FilmState]:
        return _STATES[self]


_STATES = {
    ListFilter.ALL: frozenset(FilmState),
    ListFilter.PENDING: frozenset({FilmState.WAITING}),
    ListFilter.RUNNING: frozenset({FilmState.WAITING}),
    ListFilter.SUCCESS: frozenset({FilmState.DONE}),
    ListFilter.FAILED: frozenset({FilmState.FAILED}),
    ListFilter.LEFT: frozenset({FilmState.DECIDED}),
}


class Gauges(msgspec.Struct, frozen=True, kw_only=True):
    """The machine at a moment. Shares are 0..1, None where this system does not tell them."""

    cpu: float | None = None
    memory: float | None = None
    gpu: float | None = None
    load: float | None = None
    temperature_c: float | None = None
    temp_free: int | None = None
    target_free: int | None = None


class ListView(msgspec.Struct, frozen=True, kw_only=True):
    """The list: what is asked for, where the cursor stands, and the rows from `offset` on that are
    read. `total` counts those that the filter lets pass, `all_films` all that there are."""

    filter: ListFilter = ListFilter.ALL
    sort: FilmSort = FilmSort.DATE
    text: str = ""
    cursor: int = 0
    top: int = 0
    offset: int = 0
    rows: tuple[ListedFilm, ...] = ()
    total: int = 0
    all_films: int = 0

    @property
    def selected(self) -> ListedFilm | None:
        return self.row_at(self.cursor)

    def row_at(self, place: int) -> ListedFilm | None:
        at = place - self.offset
        return self.rows[at] if 0 <= at < len(self.rows) else None

    def query(self, running: tuple[str, ...]) -> FilmQuery:
        """What to ask the ledger. A film that runs waits no more, though the ledger has it in the
        queue until its job ends."""
        films = running if self.filter is ListFilter.RUNNING else None
        return FilmQuery(states=self.filter.states, sort=self.sort, text=self.text, films=films)


class ScreenState(msgspec.Struct, frozen=True, kw_only=True):
    """All that one frame shows. `now` has a time zone; `held` are the words of what holds single
    films, `facts` are those of films that run. `title` says what is shown if it is no library of
    this moment. `stills` are drawn pictures: lines of half blocks."""

    now: datetime
    live: LiveState = LiveState()
    gauges: Gauges = Gauges()
    list: ListView = ListView()
    held: dict[str, str] = {}
    facts: dict[str, QueuedFilm] = {}
    message: str = ""
    title: str = ""
    is_searching: bool = False
