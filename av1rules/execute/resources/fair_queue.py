"""A queue of jobs that wait for a shared resource: disk space or memory.

First come, first served, so that a large job does not starve behind small ones. Jobs block each
other only if they wait for the same resource.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

POLL_S = 0.5
"""How often a waiting job checks whether the run stops and whether others freed something."""

Measured = TypeVar("Measured")


def nothing_to_check() -> None:
    """The `check` of a job that can't be interrupted."""


def ignore_reason(_reason: str) -> None:
    """The `report` of a job that waits silently."""


class _Ticket(msgspec.Struct, frozen=True, eq=False):
    wants: frozenset[Hashable]


@dataclass(slots=True)
class FairQueue:
    """The lock of a shared resource and the queue of jobs that wait for it."""

    lock: threading.Condition = field(default_factory=threading.Condition)
    _queue: list[_Ticket] = field(default_factory=list)

    def enter(
        self,
        wants: frozenset[Hashable],
        *,
        measure: Callable[[], Measured],
        take: Callable[[Measured], str | None],
        check: Callable[[], None],
        report: Callable[[str], None],
    ) -> None:
        """Return once `take` has reserved what the job wants.

        `take` runs under the lock when it is the job's turn. It returns None, or the reason to
        wait, which `report` is called with once. `measure` reads what `take` needs, without the
        lock, since a dead disk must not block other jobs. An exception of any of them or of `check`
        ends the wait.
        """
        ticket = _Ticket(wants)
        rounds = 0
        with self.lock:
            self._queue.append(ticket)
        try:
            while (reason := self._try(ticket, measure(), take)) is not None:
                if rounds == 1:  # not for another job that holds the lock for a moment
                    report(reason)
                rounds += 1
                check()
                with self.lock:
                    self.lock.wait(POLL_S)
        finally:
            with self.lock:
                self._queue.remove(ticket)
                self.lock.notify_all()

    def try_now(self, wants: frozenset[Hashable], take: Callable[[], str | None]) -> bool:
        """Whether `take`, called under the lock, has reserved what is wanted. False, too, if a job
        waits for the same: it comes first."""
        with self.lock:
            if any(wants & waiting.wants for waiting in self._queue):
                return False
            return take() is None

    def _try(
        self, ticket: _Ticket, measured: Measured, take: Callable[[Measured], str | None]
    ) -> str | None:
        with self.lock:
            earlier = self._queue[: self._queue.index(ticket)]
            if any(ticket.wants & other.wants for other in earlier):
                return "waits behind other jobs that wait for the same"
            return take(measured)
