"""The gate of a run: each job passes it, and while it runs stands still or ends as it is asked to.

Users write controls into the ledger from other processes; a thread of the run reads them twice a
second, and applies them with the schedules and limits of the policy.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from av1rules.base.children import Children
from av1rules.base.errors import LedgerError
from av1rules.base.events import Paused, Resumed, Sink
from av1rules.execute.control.hold import Hold, HoldKind, Moment, next_to_begin
from av1rules.execute.control.hours import ScheduleClock
from av1rules.ledger.controls import ControlKind, Controls
from av1rules.ledger.ledger import Ledger
from av1rules.plan.items import RunItem

if TYPE_CHECKING:
    from av1rules.execute.control.machine import MachineWatch

_log = logging.getLogger(__name__)

LOOK_S = 0.5
"""How often controls and hours are looked at: a user sees what a command did at once."""


class _Job(msgspec.Struct, kw_only=True, eq=False):
    """A job that has passed the gate. `is_reported`: an event said that it alone is paused."""

    film: str
    rule: str | None
    children: Children
    paused_at: float | None = None
    is_reported: bool = False


class ControlGate:
    """Used from many threads. `hours` tell which schedules are closed now, `machine` what the
    machine asks for. Only `running` makes jobs that have begun follow; without it jobs wait before
    they begin."""

    def __init__(
        self,
        ledger: Ledger,
        children: Children,
        sink: Sink,
        *,
        hours: ScheduleClock = ScheduleClock({}),
        machine: MachineWatch | None = None,
    ) -> None:
        self._ledger = ledger
        self._children = children
        self._sink = sink
        self._hours = hours
        self._machine = machine
        self._lock = threading.RLock()
        self._jobs: list[_Job] = []
        self._held: Hold | None = None
        self._held_at = 0.0
        self._is_ending = threading.Event()
        self._is_over = threading.Event()
        self._controls = Controls()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """While this is open, jobs follow controls, schedules and limits."""
        self._is_over.clear()
        watching = contextlib.nullcontext() if self._machine is None else self._machine.running()
        thread = threading.Thread(target=self._serve, daemon=True, name="control-gate")
        with watching:
            thread.start()
            try:
                yield
            finally:
                self._is_over.set()
                thread.join()

    def end_round(self) -> None:
        """Let what runs finish, and begin nothing more: the rest is for the next round."""
        self._is_ending.set()

    @property
    def is_ending(self) -> bool:
        return self._is_ending.is_set()

    @property
    def films(self) -> tuple[str, ...]:
        """The library paths of the jobs that have begun."""
        with self._lock:
            return tuple(job.film for job in self._jobs)

    def give_up(self, film: str, why: str) -> None:
        """End the jobs of a film that can't come to anything any more."""
        with self._lock:
            jobs = tuple(job for job in self._jobs if job.film == film)
        for job in jobs:
            job.children.stop(why=why)

    def choose(self, rows: Sequence[RunItem]) -> int | None:
        """The place of the row to be begun next; waits while all of them are held. None if nothing
        more is to be begun in this round. In a run that is stopped, jobs end as they begin."""
        waited: Moment | None = None
        while not self.is_ending:
            if self._children.is_stopping:
                return 0
            moment = self._look()
            self._tell(moment)
            if not moment.same_as(waited):  # a hundred thousand rows are not asked twice a second
                if (best := next_to_begin(rows, moment)) is not None:
                    return best
                waited = moment
            self._is_ending.wait(LOOK_S)
        return None

    @contextlib.contextmanager
    def job(self, row: RunItem) -> Iterator[Children | Hold]:
        """The children of a job that begins now, after it has waited for its time; or why it is
        left. Raises RunInterruptedError if the run is stopped meanwhile."""
        film, rule = row.file.library_path, row.rule
        while True:
            with self._lock:
                moment = self._look()
                hold = moment.of_film(film, rule, is_begun=False)
                if hold is None:
                    job = _Job(film=film, rule=rule, children=Children(parent=self._children))
                    self._jobs.append(job)
                    break
            self._tell(moment)
            self._children.check_stop()
            if not hold.waits:
                yield hold
                return
            self._is_over.wait(LOOK_S)
        try:
            yield job.children
        finally:
            with self._lock:
                self._jobs.remove(job)

    def is_held_by_user(self, film: str) -> bool:
        """Whether a user holds this film alone, by its library path."""
        moment = self._look()
        return moment.controls.holding(film, moment.now) is not None

    def forget_place(self, row: RunItem) -> None:
        """A film that is done needs no place in the order any more. Raises LedgerError."""
        film = row.file.library_path
        if film in self._look().controls.places():
            self._ledger.controls.remove((film,), (ControlKind.ORDER,))

    def _serve(self) -> None:
        while not self._is_over.wait(LOOK_S):
            try:
                self._apply()
            except Exception:  # noqa: BLE001 - a run must not lose its brakes for one bad look
                _log.exception("controls could not be applied")

    def _apply(self) -> None:
        moment = self._look()
        self._tell(moment)
        with self._lock:
            jobs = tuple(self._jobs)
        for job in jobs:
            hold = moment.of_film(job.film, job.rule, is_begun=True)
            if hold is not None and hold.kind is HoldKind.GIVE_UP:
                job.children.stop(why=hold.reason)
            elif hold is not None and hold.kind is HoldKind.PAUSE:
                self._pause(job, hold)
            else:
                self._resume(job)

    def _pause(self, job: _Job, hold: Hold) -> None:
        if job.paused_at is None:
            job.paused_at = time.monotonic()
            job.children.pause()
        if not (hold.is_of_all or job.is_reported):
            job.is_reported = True
            self._sink(paused_event(hold, source=job.film))

    def _resume(self, job: _Job) -> None:
        if job.paused_at is None:
            return
        paused_s = time.monotonic() - job.paused_at
        job.paused_at = None
        job.children.resume()
        if job.is_reported:
            job.is_reported = False
            self._sink(Resumed(source=job.film, paused_s=paused_s))

    def _look(self) -> Moment:
        """What holds now. What can't be read is as it was."""
        with self._lock:
            with contextlib.suppress(LedgerError):
                self._controls = self._ledger.controls.current()
            return Moment(
                now=datetime.now(UTC).isoformat(timespec="seconds"),
                controls=self._controls,
                closed=self._hours.closed(),
                own_schedules=self._hours.own_schedules,
                machine=None if self._machine is None else self._machine.hold,
            )

    def _tell(self, moment: Moment) -> None:
        """Report what holds all films when it begins, changes and ends; end the run if a user
        stops all."""
        hold = moment.of_all()
        if hold is not None and hold.kind is HoldKind.GIVE_UP:
            if not self._children.is_stopping:
                self._children.stop(why=hold.reason)
            return
        with self._lock:
            former, self._held = self._held, hold
            now = time.monotonic()
            paused_s = now - self._held_at
            if former is None:
                self._held_at = now
        if hold is not None and (former is None or _differ(hold, former)):
            self._sink(paused_event(hold))
        elif hold is None and former is not None:
            self._sink(Resumed(paused_s=paused_s))


def _differ(hold: Hold, former: Hold) -> bool:
    """Whether it is another one: its words may hold a figure that changes all the time."""
    return (hold.kind, hold.cause, hold.until) != (former.kind, former.cause, former.until)


def paused_event(hold: Hold, *, source: str | None = None) -> Paused:
    return Paused(
        source=source,
        cause=hold.cause.value,
        reason=hold.reason,
        until=hold.until,
        is_finishing=hold.kind is HoldKind.FINISH,
    )
