"""When a limit acts: not at the first peak, and not again and again. Pure; the clock is an
argument."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from av1rules.execute.control.hold import Hold, HoldCause, HoldKind
from av1rules.policy.schedule.hours import Outside
from av1rules.policy.schedule.limits import MachineLimits, Unknown

ACT_AFTER_S = 30.0
"""How long a limit must be passed without a break: a backup that begins, not a page that loads."""

GO_ON_AFTER_S = 120.0
"""How long it must be kept before encodes go on: longer, since each change costs warm caches and a
user who just left a film for a minute comes back."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured against a limit: whether it `is_beyond` (None: nobody knows), in words."""

    cause: HoldCause
    is_beyond: bool | None
    text: str


@dataclass(slots=True)
class Hysteresis:
    """One limit. Its first reading counts at once: nothing runs yet that would be disturbed."""

    is_acting: bool | None = None
    _other_since: float | None = None

    def feed(self, is_beyond: bool, now: float) -> bool:  # noqa: FBT001 - the one value there is
        """Whether it acts now."""
        if self.is_acting is None:
            self.is_acting = is_beyond
        if is_beyond is self.is_acting:
            self._other_since = None
            return self.is_acting
        if self._other_since is None:
            self._other_since = now
        if now - self._other_since >= (ACT_AFTER_S if is_beyond else GO_ON_AFTER_S):
            self.is_acting, self._other_since = is_beyond, None
        return self.is_acting


@dataclass(slots=True)
class LimitKeeper:
    """All limits of a policy, fed with what is measured."""

    limits: MachineLimits
    _each: dict[HoldCause, Hysteresis] = field(default_factory=dict)
    _words: dict[HoldCause, str] = field(default_factory=dict)

    def feed(self, readings: Iterable[Reading], now: float) -> Hold | None:
        """What holds encodes now: the first limit that acts, in the words of its last passing."""
        acting: list[HoldCause] = []
        for reading in readings:
            is_beyond = reading.is_beyond
            if is_beyond is None:
                is_beyond = self.limits.unknown is Unknown.PAUSE
            if is_beyond:
                self._words[reading.cause] = reading.text
            if self._each.setdefault(reading.cause, Hysteresis()).feed(is_beyond, now):
                acting.append(reading.cause)
        if not acting:
            return None
        is_pause = self.limits.beyond is Outside.PAUSE
        return Hold(
            kind=HoldKind.PAUSE if is_pause else HoldKind.FINISH,
            cause=acting[0],
            reason=self._words[acting[0]],
            is_of_all=True,
        )
