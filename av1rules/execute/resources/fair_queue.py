"""Waiting in turn for something that jobs share: room on a disk, memory.

Who came first is served first, so that a large job does not starve behind small ones; only those
who want the same thing stand in each other's way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

LOOK_S = 0.5
"""How often one who waits looks whether the run is to stop, and whether others made room."""

Measured = TypeVar("Measured")


def nothing_to_check() -> None:
    """The `check` of those who can't be interrupted."""


def ignore_reason(_reason: str) -> None:
    """The `tell` of those who wait in silence."""


class _Ticket(msgspec.Struct, frozen=True, eq=False):
    wants: frozenset[Hashable]


@dataclass(slots=True)
class FairQueue:
    """One lock for what is shared, and the line of those who wait for it."""

    lock: threading.Condition = field(default_factory=threading.Condition)
    _line: list[_Ticket] = field(default_factory=list)

    def enter(
        self,
        wants: frozenset[Hashable],
        *,
        measure: Callable[[], Measured],
        take: Callable[[Measured], str | None],
        check: Callable[[], None],
        tell: Callable[[str], None],
    ) -> None:
        """Returns once `take` has taken what is wanted, which it is asked to in turn.

        `take` runs under the lock and gives None, or the reason to wait, which `tell` hears once.
        What it needs from outside is measured before, without the lock: a dead disk must not hold
        up the others. What any of them or `check` raises ends the wait.
        """
        ticket = _Ticket(wants)
        rounds = 0
        with self.lock:
            self._line.append(ticket)
        try:
            while (reason := self._try(ticket, measure(), take)) is not None:
                if rounds == 1:  # not for somebody else's short moment at the turnstile
                    tell(reason)
                rounds += 1
                check()
                with self.lock:
                    self.lock.wait(LOOK_S)
        finally:
            with self.lock:
                self._line.remove(ticket)
                self.lock.notify_all()

    def _try(
        self, ticket: _Ticket, measured: Measured, take: Callable[[Measured], str | None]
    ) -> str | None:
        with self.lock:
            earlier = self._line[: self._line.index(ticket)]
            if any(ticket.wants & other.wants for other in earlier):
                return "waits behind other jobs that wait for the same"
            return take(measured)
