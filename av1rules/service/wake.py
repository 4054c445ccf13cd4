"""When the next round of a watcher is due, and why. Pure: times are seconds of a clock that the
caller reads."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum
from typing import Self

import msgspec
from msgspec.structs import replace


class WakeCause(Enum):
    """Why a round begins. The value is its text for people."""

    START = "the watcher was started"
    INTERVAL = "the interval is over"
    FILES = "files changed"
    SETTLED = "files that were new may be whole now"
    SPOOL = "another program told of files"
    RULES = "the rules or approvals were edited"
    SIGNAL = "it was asked to by SIGHUP"
    SLEPT = "the machine had slept"
    REST = "the last round left films for this one"
    AGAIN = "what kept it may be gone"


SOON_S = 2.0
"""Between an edit of the rules or a word of another program and the round: editors write in steps,
and an import tells of each episode."""

MARGIN_S = 1.0
"""File systems round times: a file written to `settle` ago to the second may not count yet."""

REST_SHARE = 20.0
"""After a round the watcher rests this many times as long as a plan takes, whatever files do: so
plans take a twentieth of one core at most."""

LONG_ROUND_S = 3600.0
"""A round that goes on for longer ends after the films at work if new files are there, so that they
come up in their order, and not after a backlog of weeks."""

_AT_ONCE = frozenset({WakeCause.RULES, WakeCause.SIGNAL, WakeCause.START, WakeCause.REST})
"""A user waits for these, or there is work: no rest before them."""

_NEWS = (WakeCause.FILES, WakeCause.SPOOL, WakeCause.RULES)


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """`interval_s` lies between two rounds without any other cause; files count as whole after
    `settle_s` without a change."""

    interval_s: float
    settle_s: float


class Wakes(msgspec.Struct, frozen=True, kw_only=True):
    """What asks for a round, and from when on; `rest_until` holds back what can wait."""

    pace: Pace
    asked: Mapping[WakeCause, float] = {}
    rest_until: float = 0.0

    @property
    def due(self) -> float:
        """When the next round is due."""
        return min((self._due_of(cause) for cause in self.asked), default=math.inf)

    def causes(self, now: float) -> tuple[WakeCause, ...]:
        """Those that are due by now, in the order of their list."""
        return tuple(one for one in WakeCause if one in self.asked and self._due_of(one) <= now)

    def ask(self, cause: WakeCause, now: float) -> Self:
        """Something happened now. Files that go on changing put it off until they are whole; the
        interval goes on beside that."""
        if cause is WakeCause.FILES:
            return self._with(cause, now + self.pace.settle_s + MARGIN_S)
        wait_s = SOON_S if cause in (WakeCause.SPOOL, WakeCause.RULES) else 0.0
        return self._with(cause, min(now + wait_s, self.asked.get(cause, math.inf)))

    def ask_at(self, cause: WakeCause, at: float) -> Self:
        """A round should be then, or earlier."""
        return self._with(cause, min(at, self.asked.get(cause, math.inf)))

    def begin(self, now: float) -> Self:
        """A round begins: it answers all that was asked so far, but edits that are perhaps not
        whole yet."""
        return replace(self, asked={one: at for one, at in self._edits.items() if at > now})

    def end(self, now: float, *, plan_s: float, is_settling: bool, has_rest: bool) -> Self:
        """A round ended whose plan took `plan_s`. `is_settling`: it met files that were written to
        a moment ago; `has_rest`: it left films that could be done now."""
        asked = {**self.asked, WakeCause.INTERVAL: now + self.pace.interval_s}
        if is_settling:
            asked[WakeCause.SETTLED] = now + self.pace.settle_s + MARGIN_S
        if has_rest:
            asked[WakeCause.REST] = now
        return replace(self, asked=asked, rest_until=now + plan_s * REST_SHARE)

    def wait(self, now: float, seconds: float | None = None) -> Self:
        """A round could not be: look again after the interval, or `seconds`."""
        wait_s = self.pace.interval_s if seconds is None else seconds
        asked = {**self._edits, WakeCause.AGAIN: now + wait_s}
        return replace(self, asked=asked, rest_until=now)

    @property
    def _edits(self) -> dict[WakeCause, float]:
        return {one: at for one, at in self.asked.items() if one is WakeCause.RULES}

    def _with(self, cause: WakeCause, at: float) -> Self:
        return replace(self, asked={**self.asked, cause: at})

    def _due_of(self, cause: WakeCause) -> float:
        at = self.asked[cause]
        return at if cause in _AT_ONCE else max(at, self.rest_until)


def ends_round(wakes: Wakes, now: float, *, began: float) -> bool:
    """Whether a round that has gone on for long should begin no more films, since the next one
    would know of others, or of approvals."""
    causes = wakes.causes(now)
    is_long = now - began >= max(LONG_ROUND_S, wakes.pace.interval_s)
    return is_long and any(one in causes for one in _NEWS)
