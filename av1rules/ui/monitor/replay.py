"""A recorded event log as a source for the monitor: to look back, to show a bug, to test."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from av1rules.base.errors import UsageError
from av1rules.base.events import Outcome
from av1rules.ledger.films.film_list import FilmQuery, FilmSort, FilmState, ListedFilm
from av1rules.ledger.films.queue import QueuedFilm
from av1rules.operations.clips.ledger_status import ClipAndStatus
from av1rules.policy.model import RuleSet
from av1rules.report.live.fold import after_event
from av1rules.report.live.model import LibraryFigures, LiveResult, LiveState
from av1rules.report.live.wire import LoggedEvent, read_event_line
from av1rules.ui.monitor.model import Gauges

_STATES = {
    Outcome.DONE: FilmState.DONE,
    Outcome.COPIED: FilmState.DONE,
    Outcome.FAILED: FilmState.FAILED,
    Outcome.DISCARDED: FilmState.DECIDED,
    Outcome.NO_ACCEPTABLE_CRF: FilmState.DECIDED,
}


def read_event_file(path: Path) -> list[LoggedEvent]:
    """The events of a file that `run --json` wrote, or of an event log. Raises UsageError."""
    try:
        with open(path, "rb") as file:
            events = [event for line in file if (event := read_event_line(line)) is not None]
    except OSError as problem:
        raise UsageError(
            f"the events can't be read: {problem.strerror}", where=str(path)
        ) from problem
    timed = [event for event in events if _time(event) is not None]
    if not timed:
        raise UsageError(
            "no event is in this file",
            where=str(path),
            hint="`av1rules run --json > FILE` writes one; a state folder has events.ndjson",
        )
    return timed


def _time(event: LoggedEvent) -> datetime | None:
    try:
        found = datetime.fromisoformat(event.time)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


class ReplaySource:
    """Plays events `speed` times as fast as they happened, at once if that is infinite. Nothing can
    be done to them."""

    ruleset: RuleSet | None = None

    def __init__(
        self,
        events: list[LoggedEvent],
        *,
        speed: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.title = "replay" if math.isinf(speed) else f"replay {speed:g}x"
        self._events = events
        self._times = [found for one in events if (found := _time(one)) is not None]
        self._speed = speed
        self._clock = clock
        self._begun = clock()
        self._next = 0
        self._state = LiveState(holder="a recorded run")
        self._films: dict[str, ListedFilm] = {}

    def now(self) -> datetime:
        if math.isinf(self._speed):
            return self._times[-1]
        gone = timedelta(seconds=(self._clock() - self._begun) * self._speed)
        return min(self._times[0] + gone, self._times[-1])

    def live(self) -> LiveState:
        now = self.now()
        while self._next < len(self._events) and self._times[self._next] <= now:
            event = self._events[self._next]
            before = self._state
            self._state = after_event(before, event)
            self._follow(before)
            self._next += 1
        self._state = replace(self._state, library=self._library())
        return self._state

    def gauges(self) -> Gauges:
        return Gauges()

    def version(self) -> object:
        return self._next

    def page(self, query: FilmQuery, *, offset: int, count: int) -> tuple[ListedFilm, ...]:
        return tuple(self._matching(query)[offset : offset + count])

    def count(self, query: FilmQuery) -> int:
        return len(self._matching(query))

    def facts(self, films: tuple[str, ...]) -> dict[str, QueuedFilm]:
        return {}

    def held(self) -> dict[str, str]:
        return {}

    def clips(self) -> tuple[ClipAndStatus, ...]:
        return ()

    def changed(self) -> None:
        pass

    def close(self) -> None:
        pass

    def _follow(self, before: LiveState) -> None:
        """Take what an event says of films into the list."""
        for job in self._state.jobs:
            if job.film not in self._films or self._films[job.film].at is not None:
                self._films[job.film] = ListedFilm(
                    film=job.film, state=FilmState.WAITING, source_bytes=job.source_bytes
                )
            known = self._films[job.film]
            size = job.source_bytes or known.source_bytes
            self._films[job.film] = replace(
                known, source_bytes=size, result_bytes=job.projected_bytes
            )
        if self._state.results[:1] != before.results[:1]:
            self._end(self._state.results[0])

    def _end(self, result: LiveResult) -> None:
        state = _STATES.get(result.outcome, FilmState.WAITING)
        known = self._films.get(result.film)
        size = result.source_bytes or (0 if known is None else known.source_bytes)
        self._films[result.film] = ListedFilm(
            film=result.film,
            state=state,
            source_bytes=size,
            result_bytes=result.target_bytes or None,
            at=None if state is FilmState.WAITING else result.at,
            seconds=result.encode_s or None,
            detail=result.detail,
        )

    def _library(self) -> LibraryFigures:
        films = self._films.values()
        done = [one for one in films if one.state is FilmState.DONE]
        waiting = [one for one in films if one.state is FilmState.WAITING]
        results = self._state.results
        shares = (one.saved_share for one in reversed(results) if one.saved_share is not None)
        return LibraryFigures(
            targets=len(done),
            source_bytes=sum(one.source_bytes for one in done),
            target_bytes=sum(one.result_bytes or 0 for one in done),
            encode_s=sum(one.seconds or 0.0 for one in done),
            waiting=len(waiting),
            waiting_bytes=sum(one.source_bytes for one in waiting),
            failed=sum(one.state is FilmState.FAILED for one in films),
            saved_shares=tuple(shares),
            speeds=tuple(one.fps for one in reversed(results) if one.fps is not None),
        )

    def _matching(self, query: FilmQuery) -> list[ListedFilm]:
        text = query.text.lower()
        found = [
            one
            for one in self._films.values()
            if one.state in query.states
            and text in one.film.lower()
            and (query.films is None or one.film in query.films)
        ]
        found.sort(key=lambda one: one.film)
        if query.sort is FilmSort.DATE:
            found.sort(key=lambda one: one.at or "~", reverse=True)
        elif query.sort is FilmSort.SIZE:
            found.sort(key=lambda one: -one.source_bytes)
        elif query.sort is FilmSort.STATUS:
            found.sort(key=lambda one: one.state.value)
        elif query.sort is FilmSort.SAVINGS:
            found.sort(key=lambda one: -(one.source_bytes - (one.result_bytes or one.source_bytes)))
        return found
