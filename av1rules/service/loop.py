"""The loop of the watcher: it waits until a round is due, has it done, and starts again.

A round holds the run lock, the time between rounds does not. While a round is at work a thread
attends to what comes meanwhile: signals, edited rules, words in the spool, the service manager.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from msgspec.structs import replace

from av1rules.base.children import Children
from av1rules.base.errors import Av1rulesError, BusyError, LedgerError
from av1rules.base.events import Note, Sink, Watching
from av1rules.base.text import printable
from av1rules.base.units import local_time_text, now_text
from av1rules.execute.control.hold import held_by
from av1rules.execute.resources.watcher import (
    BEAT_S,
    WatcherState,
    forget_watcher,
    this_host,
    write_watcher,
)
from av1rules.ledger.controls import ALL_FILMS, ControlKind
from av1rules.ledger.ledger import Ledger
from av1rules.policy.model import RuleSet
from av1rules.service.file_events import ChangedPaths, RootEvents
from av1rules.service.idle_sender import IdleSender
from av1rules.service.policy_files import PolicyFiles, PolicyInForce
from av1rules.service.round import RoundAtWork, RoundEnd
from av1rules.service.sd_notify import ServiceManager
from av1rules.service.spool import SpoolWord, read_words, remove_words, waiting_words
from av1rules.service.wake import Pace, WakeCause, Wakes, ends_round

_log = logging.getLogger(__name__)

TICK_S = 0.5
"""How soon a signal, a word in the spool or an edit is seen."""

ROOTS_S = 15.0
"""How often the roots are looked at, for a disk that came or went."""

BUSY_S = 5.0
"""How often a watcher asks whether another run has ended."""

LET_GO_S = 2.0
"""How soon it sees that a user lets it go on."""

MACHINE_S = 120.0
"""How often it asks whether the machine is free again: as long as that must have been so."""

SLEPT_S = 30.0
"""A machine that slept for longer may have missed events."""


class DoRound(Protocol):
    def __call__(self, policy: PolicyInForce, at_work: RoundAtWork) -> RoundEnd:
        """Plan and run once, under the run lock; `at_work` sees its events and attends to it.
        Raises Av1rulesError and OSError if there can be no round now."""


class Watcher:
    """`sink` gets what it says. `children` are stopped to end it; `interval_s` and `is_listening`
    (to file events) go before what the policy says."""

    def __init__(
        self,
        policy: PolicyFiles,
        do_round: DoRound,
        *,
        sink: Sink,
        children: Children,
        manager: ServiceManager,
        interval_s: float | None = None,
        is_listening: bool = True,
    ) -> None:
        self._policy = policy
        self._do_round = do_round
        self._sink = sink
        self._children = children
        self._manager = manager
        self._interval_s = interval_s
        self._changed = ChangedPaths(self._own_folders())
        self._roots = RootEvents(
            self._changed, say=self._say, is_on=is_listening and self._ruleset.watch.events
        )
        self._idle_sender = IdleSender(
            lambda: self._ruleset, lambda text, bad: sink(Note(message=text, is_problem=bad))
        )
        self._wakes = Wakes(pace=self._pace())
        self._lock = threading.Lock()
        self._hangups = self._hangups_seen = 0
        self._spooled: frozenset[str] = frozenset()
        self._roots_at = -ROOTS_S
        self._slept_s = _slept_s()
        self._is_other_policy = False
        self._since = now_text()
        self._state = Watching(state="idle")
        self._kept_by: Watching | None = None
        self._beat_at = 0.0
        self._rounds = 0

    def hang_up(self) -> None:
        """SIGHUP: read the policy again. Safe in a signal handler."""
        self._hangups += 1

    def run(self) -> None:
        """Watch until the children are stopped."""
        self._look_at_roots()
        self._ask(WakeCause.START)
        self._manager.ready("started")
        try:
            while not self._children.is_stopping:
                self._look()
                self._look_at_roots()
                if self._wakes.due <= time.monotonic():
                    self._round()
                else:
                    time.sleep(TICK_S)
        finally:
            self._manager.stopping("stopped")
            self._idle_sender.close()
            self._roots.close()
            forget_watcher(self._ruleset.run.state_dir)

    @property
    def _ruleset(self) -> RuleSet:
        return self._policy.in_force.ruleset

    @property
    def _spool(self) -> Path:
        return self._ruleset.watch.spool_in(self._ruleset.run.state_dir)

    def _pace(self) -> Pace:
        interval_s = self._interval_s or self._ruleset.watch.interval_s
        return Pace(interval_s=interval_s, settle_s=self._ruleset.library.settle_s)

    def _own_folders(self) -> tuple[str, ...]:
        """Where only the watcher's own files change, as far as it goes by them."""
        output = self._ruleset.output
        folders = (self._ruleset.run.state_dir, self._spool, output.root, output.temp_dir)
        return tuple(str(folder) for folder in folders if folder is not None)

    # --- what comes in

    def _look(self) -> None:
        """Look at all that may ask for a round, and say that this watcher is alive. Called by one
        thread at a time: this one, or the one that attends to a round."""
        with self._lock:
            self._manager.alive()
            if time.monotonic() - self._beat_at >= BEAT_S:
                self._beat()
            if self._hangups != self._hangups_seen:
                self._hangups_seen = self._hangups
                self._manager.reloading()
                self._read_policy()
                self._manager.ready(_status(self._state))
                self._ask(WakeCause.SIGNAL)
            if self._policy.have_changed():
                self._ask(WakeCause.RULES)
            if self._changed.take():
                self._ask(WakeCause.FILES)
            names = frozenset(path.name for path in waiting_words(self._spool))
            if names - self._spooled:
                self._ask(WakeCause.SPOOL)
            self._spooled = names
            former, self._slept_s = self._slept_s, _slept_s()
            if self._slept_s - former > SLEPT_S:
                self._ask(WakeCause.SLEPT)

    def _look_at_roots(self) -> None:
        """Between rounds only: a dead disk may hold this up, which a round must not notice."""
        now = time.monotonic()
        if now - self._roots_at < ROOTS_S:
            return
        is_first, self._roots_at = self._roots_at < 0, now
        roots = (str(root.path) for root in self._ruleset.library.roots)
        if self._roots.follow(roots) and not is_first:
            self._ask(WakeCause.AGAIN)

    def _ask(self, cause: WakeCause) -> None:
        self._wakes = self._wakes.ask(cause, time.monotonic())

    def _read_policy(self) -> None:
        before = self._ruleset.digest
        if self._policy.read_again(self._say) and self._ruleset.digest != before:
            self._is_other_policy = True
            self._changed.ignore(self._own_folders())
            self._wakes = replace(self._wakes, pace=self._pace())
            self._roots_at = -ROOTS_S

    # --- rounds

    def _round(self) -> None:
        begun = time.monotonic()
        causes = self._wakes.causes(begun)
        if WakeCause.RULES in causes or WakeCause.START in causes:
            self._read_policy()
        self._is_other_policy = False
        self._wakes = self._wakes.begin(begun)
        if (held := self._held()) is not None:
            self._wait(LET_GO_S)
            self._kept(Watching(state="held", reason=held))
            return
        words = read_words(waiting_words(self._spool))
        self._state_is(Watching(state="round", reason=causes[0].value if causes else None))
        at_work = RoundAtWork(self._ruleset, on_own=self._changed.add_own, attend=self._attend)
        self._idle_sender.rest()
        try:
            end = self._do_round(self._policy.in_force, at_work)
        except BusyError as busy:
            self._wait(BUSY_S)
            self._kept(Watching(state="waiting", reason=busy.message))
        except (Av1rulesError, OSError) as problem:
            if not self._children.is_stopping:
                self._wait(None)
                until = _time_of(self._wakes.due)
                reason = " ".join(str(problem).split())  # a journal and a status have one line
                self._kept(Watching(state="waiting", reason=reason, until=until))
        else:
            self._ended(end, words)
        finally:
            self._idle_sender.go_on()

    def _ended(self, end: RoundEnd, words: tuple[SpoolWord, ...]) -> None:
        self._rounds += 1
        for word in words:
            if word.entry is None:
                name = printable(word.path.name)
                self._say(f"a word in the spool can't be read, and is removed: {name}")
        for left in remove_words(words):
            self._say(f"a word in the spool can't be removed: {printable(str(left))}")
        now = time.monotonic()
        self._wakes = self._wakes.end(
            now, plan_s=end.plan_s, is_settling=end.is_settling, has_rest=end.has_rest
        )
        if end.held is None:
            self._goes_on()
            return
        wait_s = LET_GO_S if end.is_by_user else MACHINE_S
        if end.until is not None and not end.is_by_user:
            wait_s = max(_seconds_until(end.until), LET_GO_S)
        self._wakes = self._wakes.ask_at(WakeCause.AGAIN, now + wait_s)
        self._kept(Watching(state="held", reason=end.held, until=end.until))

    def _wait(self, seconds: float | None) -> None:
        self._wakes = self._wakes.wait(time.monotonic(), seconds)

    def _held(self) -> str | None:
        """Why a user wants no round at all now."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        try:
            with closing(Ledger.read(self._ruleset.run.state_dir)) as ledger:
                controls = ledger.controls.current()
        except LedgerError:  # the round will say so
            return None
        found = (controls.find(kind, ALL_FILMS, now) for kind in _KEEPING)
        control = next((one for one in found if one is not None), None)
        return None if control is None else held_by(control).reason

    def _attend(self, at_work: RoundAtWork, ended: threading.Event) -> None:
        """See what comes in while a round is at work, and what it asks of the round."""
        while not ended.wait(TICK_S):
            try:
                self._look()
                now = time.monotonic()
                if WakeCause.RULES in self._wakes.causes(now) and not self._is_other_policy:
                    self._read_policy()
                if self._is_other_policy or ends_round(self._wakes, now, began=at_work.began):
                    at_work.end_soon()
                at_work.end_if_held(now)
            except Exception:  # noqa: BLE001 - the round goes on, whatever happens here
                _log.exception("the watcher could not look")

    # --- what it says

    def _say(self, text: str) -> None:
        for line in text.splitlines():
            self._sink(Note(message=line, is_problem=True))

    def _kept(self, why: Watching) -> None:
        """Something keeps it from a round: told once."""
        former, self._kept_by = self._kept_by, why
        self._state_is(why)
        if former is None or (former.state, former.reason) != (why.state, why.reason):
            self._sink(why)

    def _goes_on(self) -> None:
        self._state_is(Watching(state="idle", until=_time_of(self._wakes.due)))
        if self._kept_by is not None:
            self._kept_by = None
            self._sink(self._state)

    def _state_is(self, state: Watching) -> None:
        is_other = replace(state, until=None) != replace(self._state, until=None)
        self._state = state
        self._manager.status(_status(state))
        if is_other or self._beat_at == 0.0:
            self._beat()

    def _beat(self) -> None:
        self._beat_at = time.monotonic()
        write_watcher(
            self._ruleset.run.state_dir,
            WatcherState(
                pid=os.getpid(),
                host=this_host(),
                since=self._since,
                state=self._state.state,
                beat_s=time.time(),
                reason=self._state.reason,
                until=self._state.until,
                rounds=self._rounds,
            ),
        )


_KEEPING = (ControlKind.STOP, ControlKind.PAUSE)


def _status(state: Watching) -> str:
    """In one line, for people."""
    text = state.state if state.reason is None else f"{state.state}: {state.reason}"
    return text if state.until is None else f"{text}; looks again {local_time_text(state.until)}"


def _slept_s() -> float:
    """How long the machine has slept since it was started, as far as the system tells."""
    since_boot_s = now_s = time.monotonic()
    if sys.platform == "linux":
        since_boot_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    return since_boot_s - now_s


def _time_of(due: float) -> str:
    """A time of the monotonic clock as ISO 8601."""
    at = datetime.now(UTC) + timedelta(seconds=max(due - time.monotonic(), 0.0))
    return at.isoformat(timespec="seconds")


def _seconds_until(until: str) -> float:
    at = datetime.fromisoformat(until)
    return (at if at.tzinfo else at.astimezone()).timestamp() - time.time()
