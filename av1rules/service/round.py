"""A round at work, as the watcher sees it: when it should end, what of it is no news, and which
sources went while they were encoded."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator

import msgspec

from av1rules.base.events import (
    Event,
    JobCopied,
    JobDone,
    JobMoved,
    JobProgress,
    Outcome,
    Paused,
    Resumed,
    RunFinished,
)
from av1rules.execute.control.hold import HoldCause
from av1rules.execute.session import Session
from av1rules.policy.model import RuleSet

HELD_S = 10.0
"""A round of which nothing runs and nothing may begin ends after this: the run lock is free then,
and the next round plans anew."""

SOURCES_S = 5.0
"""How often the sources of the films at work are looked at."""

_USER = HoldCause.USER.value

_Seen = tuple[int, int, int]


class RoundEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a round ended: the seconds of its plan, whether it met files that may still be growing,
    and left films that could be done now; `held` says why nothing may begin, perhaps `until` then
    (ISO 8601); `is_by_user`: somebody may let it go on at any moment."""

    plan_s: float
    is_settling: bool = False
    has_rest: bool = False
    held: str | None = None
    until: str | None = None
    is_by_user: bool = True


class RoundAtWork:
    """`on_own` gets the paths that the round itself writes. `attend` runs in a thread while the
    round encodes, until its event is set."""

    def __init__(
        self,
        ruleset: RuleSet,
        *,
        on_own: Callable[[str], None],
        attend: Callable[[RoundAtWork, threading.Event], None],
    ) -> None:
        self.began = time.monotonic()
        self._ruleset = ruleset
        self._on_own = on_own
        self._attend = attend
        self._session: Session | None = None
        self._lock = threading.Lock()
        self._paused: tuple[float, Paused] | None = None
        self._held: Paused | None = None
        self._sources: dict[str, _Seen] = {}
        self._lost: dict[str, str] = {}

    def see(self, event: Event) -> None:
        """Each event of the round, from any thread."""
        if isinstance(event, Paused) and event.source is None:
            self._paused = (time.monotonic(), event)
        elif isinstance(event, Resumed) and event.source is None:
            self._paused = None
        elif isinstance(event, JobDone | JobMoved | JobCopied):
            self._on_own(event.target)
            if event.source is not None and (path := self._path_of(event.source)) is not None:
                self._on_own(path)
        elif isinstance(event, JobProgress) and event.phase == "encode" and self._lost:
            self._give_up(event.source or "")

    @contextlib.contextmanager
    def attending(self, session: Session) -> Iterator[None]:
        """While this is open, the round is attended to."""
        self._session = session
        ended = threading.Event()
        attend = threading.Thread(target=self._attend, args=(self, ended), daemon=True)
        # A dead disk may hold this one up: nobody waits for it.
        sources = threading.Thread(target=self._watch_sources, args=(ended,), daemon=True)
        attend.start()
        sources.start()
        try:
            yield
        finally:
            ended.set()
            attend.join()

    def end_soon(self) -> None:
        """Begin no more films; those at work go on to their ends."""
        if self._session is not None and self._session.gate is not None:
            self._session.gate.end_round()

    def end_if_held(self, now: float) -> None:
        """End it if nothing runs, and nothing may begin."""
        paused, gate = self._paused, None if self._session is None else self._session.gate
        if paused is None or gate is None or gate.films or now - paused[0] < HELD_S:
            return
        self._held = paused[1]
        gate.end_round()

    def end(self, *, plan_s: float, is_settling: bool, finished: RunFinished) -> RoundEnd:
        """What the watcher should know of it."""
        session = self._session
        gate = None if session is None else session.gate
        is_cut = gate is not None and gate.is_ending
        has_rest = is_cut and finished.counts[Outcome.NOT_ATTEMPTED] > 0
        until = None
        if self._held is not None:
            held: str | None = self._held.reason
            until = self._held.until
        else:  # a user may have stopped all
            held = None if session is None else session.workspace.children.reason
        return RoundEnd(
            plan_s=plan_s,
            is_settling=is_settling,
            has_rest=has_rest and held is None,
            held=held,
            until=until,
            is_by_user=self._held is None or self._held.cause == _USER,
        )

    # --- sources that go

    def _watch_sources(self, ended: threading.Event) -> None:
        while not ended.wait(SOURCES_S):
            gate = None if self._session is None else self._session.gate
            for film in () if gate is None else gate.films:
                why = self._changed_source(film)
                with self._lock:
                    if why is not None:
                        self._lost[film] = why

    def _changed_source(self, film: str) -> str | None:
        path = self._path_of(film)
        if path is None:
            return None
        try:
            found = os.stat(path)
        except FileNotFoundError:
            return "its source is gone"
        except OSError:  # the disk: the encode will notice if it matters
            return None
        seen = (found.st_ino, found.st_size, found.st_mtime_ns)
        is_same = self._sources.setdefault(film, seen) == seen
        return None if is_same else "its source was replaced or written to"

    def _give_up(self, film: str) -> None:
        """It is still being encoded after its source went: that target could not be kept. (A source
        that the delivery itself moves away is no longer encoded.)"""
        with self._lock:
            why = self._lost.pop(film, None)
            self._sources.pop(film, None)
        if why is not None and self._session is not None and self._session.gate is not None:
            self._session.gate.give_up(film, why)

    def _path_of(self, film: str) -> str | None:
        for name, path in self._ruleset.library.root_paths.items():
            if film.startswith(f"{name}/"):
                return os.path.join(path, film.removeprefix(f"{name}/"))
        return None
