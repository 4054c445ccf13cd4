"""The hours of a schedule: read from a rules file, open or closed by a clock on the wall. Pure.

No time is added to another: a window is open while the clock shows a time within it. Where clocks
are set forward a window is shorter by that hour, where they are set back it is longer, and one that
begins in the hour that is left out begins at its end.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from enum import Enum

import msgspec

from av1rules.base.text import printable
from av1rules.base.units import UnitError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_NAMES = {name: at for at, name in enumerate(DAYS)} | {
    "monday": 0, "tuesday": 1, "wednesday": 2, "thursday": 3, "friday": 4, "saturday": 5,
    "sunday": 6,
}  # fmt: skip

_GROUPS = {"daily": range(7), "weekdays": range(5), "weekend": range(5, 7)}

_DAY = 24 * 60
"""Minutes of a day on the wall."""

_FORM = 'days, hours or both: "mon-fri 23:00-07:00", "sat,sun", "22:00-06:00"'

_HOURS = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")

_LOOKED_AHEAD = timedelta(days=8)
"""Every window opens and closes within a week, and each change of clocks lies within a day."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """Days (0 is Monday) on which it begins, and minutes since midnight from `start` to before
    `end`. One whose end is not after its start ends on the next day."""

    days: tuple[int, ...]
    start: int = 0
    end: int = _DAY

    def has(self, weekday: int, minute: int) -> bool:
        if self.start < self.end:
            return weekday in self.days and self.start <= minute < self.end
        is_first_night = weekday in self.days and minute >= self.start
        return is_first_night or ((weekday - 1) % 7 in self.days and minute < self.end)


class Outside(Enum):
    """What becomes of an encode when its hours end."""

    PAUSE = "pause"  # it stands still until they begin again
    FINISH = "finish"  # it goes on to its end


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """When films may be encoded. `timezone` is an IANA name; None: that of the machine."""

    hours: tuple[Window, ...]
    outside: Outside = Outside.PAUSE
    timezone: str | None = None

    @property
    def zone(self) -> tzinfo | None:
        return None if self.timezone is None else _zone(self.timezone)

    def is_open(self, now: datetime) -> bool:
        """Whether the clock shows an hour of the schedule at this moment, which has a zone."""
        shown = now.astimezone(self.zone)
        minute = shown.hour * 60 + shown.minute
        return any(window.has(shown.weekday(), minute) for window in self.hours)

    def next_change(self, now: datetime) -> datetime | None:
        """When it opens or closes next, in its zone; None if it always stays as it is.

        Looked for minute by minute: clocks are set on whole minutes, so nothing is missed.
        """
        is_open = self.is_open(now)
        at = now.astimezone(UTC).replace(second=0, microsecond=0)
        end = at + _LOOKED_AHEAD
        while at < end:
            at += timedelta(minutes=1)
            if self.is_open(at) != is_open:
                return at.astimezone(self.zone)
        return None


def parse_hours(text: str) -> Window:
    """One window: days, hours or both. Raises UnitError."""
    words = text.lower()
    found = _HOURS.search(words)
    days = (words[: found.start()] if found else words).strip()
    if not words.strip() or (found and words[found.end() :].strip()):
        raise UnitError(f"expected {_FORM}, found {printable(text, limit=60)}")
    start, end = (0, _DAY) if found is None else _minutes(found)
    return Window(days=_days(days, text) if days else tuple(range(7)), start=start, end=end)


def _minutes(found: re.Match[str]) -> tuple[int, int]:
    start, end = (
        int(hour) * 60 + int(minute)
        for hour, minute in ((found[1], found[2]), (found[3], found[4]))
    )
    if start >= _DAY or end > _DAY or int(found[2]) > 59 or int(found[4]) > 59:
        raise UnitError(f"there is no such time of day: {found[0]}", hint="00:00 to 24:00")
    if start == end:
        raise UnitError(
            f"these hours end as they begin: {found[0]}",
            hint="for whole days leave the hours out",
        )
    return start, end


def _days(text: str, whole: str) -> tuple[int, ...]:
    days: set[int] = set()
    for part in text.replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        if part in _GROUPS:
            days.update(_GROUPS[part])
        elif first in _NAMES and (last in _NAMES or not dash):
            begin, end = _NAMES[first], _NAMES[last] if dash else _NAMES[first]
            days.update((begin + more) % 7 for more in range((end - begin) % 7 + 1))
        else:
            raise UnitError(
                f"expected {_FORM}, found {printable(whole, limit=60)}",
                hint=f"days are {', '.join(DAYS)}, daily, weekdays and weekend",
            )
    return tuple(sorted(days))


def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - for policies that name one

    return ZoneInfo(name)


def parse_timezone(text: str) -> str:
    """A name of the IANA database. Raises UnitError."""
    try:
        _zone(text)
    except (ValueError, OSError, LookupError) as problem:
        raise UnitError(
            f"this system knows no time zone {printable(text, limit=60)}",
            hint="a name such as Europe/Berlin; in a small container the package tzdata is missing",
        ) from problem
    return text
