"""Rounds that come to nothing say nothing, and problems that stay are told once: a journal of a
watcher would hold little else."""

from __future__ import annotations

import threading

from av1rules.base.events import (
    Event,
    JobDropped,
    Note,
    Outcome,
    Probing,
    RunFinished,
    RunForecast,
    RunStarted,
    Sink,
)

_Said = set[tuple[str | None, str]]


class QuietRounds:
    """What the rounds of one watcher have said."""

    def __init__(self) -> None:
        self._said: _Said = set()

    def over(self, sink: Sink) -> Sink:
        """A sink for one round, which passes on to `sink` what is worth it."""
        return _QuietRound(sink, self._said)


class _QuietRound:
    def __init__(self, sink: Sink, said: _Said) -> None:
        self._sink = sink
        self._said = said
        self._now: _Said = set()
        self._held: list[Event] = []
        self._is_open = False
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        with self._lock:
            shown = self._shown(event)
        for one in shown:
            self._sink(one)

    def _shown(self, event: Event) -> list[Event]:
        if isinstance(event, Note):
            return self._new_note(event)
        if isinstance(event, Probing):
            return [event]
        if isinstance(event, RunStarted | RunForecast):
            self._held.append(event)
            return []
        if isinstance(event, JobDropped) and not event.is_by_user and not self._is_new(event, ""):
            return []  # a disk that stays full: its reason has other figures each time
        if isinstance(event, RunFinished):
            # What holds in the next round too is told no more; what has ended may come again.
            self._said.intersection_update(self._now)
            if not self._is_open and (event.run is None or _left_all(event)):
                return []
        self._is_open = True
        held, self._held = self._held, []
        return [*held, event]

    def _new_note(self, event: Note) -> list[Event]:
        return [event] if self._is_new(event, event.message) else []

    def _is_new(self, event: Event, what: str) -> bool:
        key = (event.source, what)
        self._now.add(key)
        is_new = key not in self._said
        self._said.add(key)
        return is_new


def _left_all(event: RunFinished) -> bool:
    """Whether a run did nothing but leave films for the next."""
    met = {outcome for outcome, count in event.counts.items() if count}
    return Outcome.NOT_ATTEMPTED in met and met <= {Outcome.NOT_ATTEMPTED, Outcome.OVER_BUDGET}
