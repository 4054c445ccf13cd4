"""The ledger's table of what users told a run to do: pause, stop, skip, first, last.

Any process may write it beside a run, which reads it twice a second; it outlives both.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from enum import Enum

import msgspec

from av1rules.ledger.database import LedgerDb
from av1rules.ledger.mapping import LedgerPath, RecordMapper, RecordTable

ALL_FILMS = ""
"""In place of a film: all of the library."""


class ControlKind(Enum):
    """What a user wants of a film, or of all. The value is its word in lists and JSON."""

    PAUSE = "pause"  # where it is: its processes stop, and go on at `resume`
    STOP = "stop"  # its encode is given up, and not begun again before `resume`
    SKIP = "skip"  # not begun; what runs already goes on
    ORDER = "order"  # begun before or after others


HOLDING = (ControlKind.STOP, ControlKind.SKIP, ControlKind.PAUSE)
"""Those that keep a film from being begun, the strongest first."""


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """One of them. `film` is a library path, or `ALL_FILMS`. Times are ISO 8601, UTC; at `until` it
    ends by itself. `place` orders films: below 0 before all others, above 0 after them."""

    film: LedgerPath
    kind: ControlKind
    since: str
    until: str | None = None
    reason: str | None = None
    place: int = 0

    def holds_at(self, now: str) -> bool:
        return self.until is None or now < self.until


class Controls(msgspec.Struct, frozen=True):
    """All controls at a moment. `now` is ISO 8601, UTC."""

    entries: tuple[Control, ...] = ()

    def find(self, kind: ControlKind, film: str, now: str) -> Control | None:
        """The control of this kind on this film itself (or on `ALL_FILMS`)."""
        found = (one for one in self.entries if one.kind is kind and one.film == film)
        return next((one for one in found if one.holds_at(now)), None)

    def holding(self, film: str, now: str) -> Control | None:
        """The strongest control that keeps this film, or `ALL_FILMS`, from being begun."""
        found = (self.find(kind, film, now) for kind in HOLDING)
        return next((one for one in found if one is not None), None)

    def held_films(self, now: str) -> dict[str, Control]:
        """What keeps single films from being begun, by film."""
        films = dict.fromkeys(one.film for one in self.entries if one.film != ALL_FILMS)
        held = ((film, self.holding(film, now)) for film in films)
        return {film: control for film, control in held if control is not None}

    def in_force(self, now: str) -> tuple[Control, ...]:
        """Those that have not ended."""
        return tuple(one for one in self.entries if one.holds_at(now))

    def places(self) -> dict[str, int]:
        """The films that a user moved in the order, and where to."""
        return {one.film: one.place for one in self.entries if one.kind is ControlKind.ORDER}


class ControlTable(RecordTable[Control]):
    """One row for each film and kind."""

    name = "controls"
    mapper = RecordMapper(Control)

    def __init__(self, db: LedgerDb) -> None:
        super().__init__(db)
        self._seen: int | None = None
        self._known = Controls()

    def current(self) -> Controls:
        """All of them; cheap if nobody wrote to the ledger since the last call. Raises
        LedgerError."""
        ((seen,),) = self._db.query("PRAGMA data_version")
        if seen != self._seen:
            self._known = Controls(tuple(self.select("ORDER BY film, kind")))
            self._seen = seen
        return self._known

    def put(self, controls: Iterable[Control]) -> None:
        """Write them in one transaction, in place of those of the same films and kinds; those
        that have ended go."""
        written = tuple(controls)
        with self._db.transaction() as write:
            for control in written:
                write.execute("DELETE FROM controls WHERE until <= ?", (control.since,))
                self.insert(write, control)
        self._seen = None

    def remove(self, films: Iterable[str], kinds: Iterable[ControlKind]) -> tuple[Control, ...]:
        """Remove these; returns what there was."""
        wanted = frozenset(kinds)
        gone: list[Control] = []
        with self._db.transaction() as write:
            for film in films:
                found = self.select("WHERE film=?", os.fsencode(film))
                gone += (one for one in found if one.kind in wanted)
            for one in gone:
                sql = "DELETE FROM controls WHERE film=? AND kind=?"
                write.execute(sql, (os.fsencode(one.film), one.kind.value))
        self._seen = None
        return tuple(gone)

    def move(self, films: Iterable[str], since: str, *, to_front: bool) -> None:
        """Place films before or after all others, in the order given."""
        wanted = tuple(films)
        with self._db.transaction() as write:
            sql = "SELECT coalesce(min(place), 0), coalesce(max(place), 0) FROM controls"
            first, last = write.execute(sql).fetchone()
            start = min(first, 0) - len(wanted) if to_front else max(last, 0) + 1
            for number, film in enumerate(wanted):
                place = start + number
                self.insert(
                    write, Control(film=film, kind=ControlKind.ORDER, since=since, place=place)
                )
        self._seen = None
