"""Limits by what else the machine does, or how it is. Pure."""

from __future__ import annotations

from enum import Enum

import msgspec

from av1rules.base.units import UnitError, parse_share
from av1rules.policy.schedule.hours import Outside, parse_hours, parse_timezone

PLUGGED = 2.0
"""More than any battery holds: encode only with mains power."""


class Unknown(Enum):
    """What it means if a limit is set and nothing can be measured."""

    GO_ON = "go on"
    PAUSE = "pause"


class MachineLimits(msgspec.Struct, frozen=True, kw_only=True):
    """None is no limit. Others' `load` is a share of all cores, 0 to 1; `temperature` is in
    degrees Celsius; `battery` the least charge without mains power, 0 to 1, or `PLUGGED`;
    `free_memory` what others must leave, in bytes; `viewers` how many are too many."""

    load: float | None = None
    temperature: float | None = None
    battery: float | None = None
    free_memory: int | None = None
    viewers: int | None = None
    beyond: Outside = Outside.PAUSE
    unknown: Unknown = Unknown.GO_ON

    @property
    def has_any(self) -> bool:
        found = (self.load, self.temperature, self.battery, self.free_memory, self.viewers)
        return any(limit is not None for limit in found)


def parse_battery(text: str) -> float:
    """`plugged`, or the least charge such as `30%`. Raises UnitError."""
    if text.strip().lower() == "plugged":
        return PLUGGED
    try:
        return parse_share(text)
    except UnitError as problem:
        raise UnitError("expected plugged, or a charge such as 30%", hint=problem.hint) from problem


SCHEDULE_FORMATS = {
    "hours": parse_hours,
    "timezone": parse_timezone,
    "battery": parse_battery,
}
"""The formats of the schema for these sections, by name."""
