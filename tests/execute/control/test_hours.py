from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from av1rules.execute.control.hold import HoldCause, HoldKind
from av1rules.execute.control.hours import ScheduleClock
from av1rules.policy.schedule.hours import Outside, Schedule, parse_hours

NIGHT = Schedule(hours=(parse_hours("22:00-06:00"),), timezone="UTC")
WEEKEND = Schedule(hours=(parse_hours("sat,sun"),), outside=Outside.FINISH, timezone="UTC")


class Clock:
    def __init__(self, text: str) -> None:
        self.now = datetime.fromisoformat(text).replace(tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def test_closed_schedules_say_until_when() -> None:
    clock = Clock("2026-11-27T12:00")  # a Friday
    hours = ScheduleClock({None: NIGHT, "long films": WEEKEND}, clock)
    found = hours.closed()
    assert found.keys() == {None, "long films"}
    assert (found[None].kind, found[None].cause) == (HoldKind.PAUSE, HoldCause.SCHEDULE)
    assert found[None].until == "2026-11-27T22:00:00+00:00"
    assert found[None].is_of_all
    assert found["long films"].kind is HoldKind.FINISH
    assert found["long films"].until == "2026-11-28T00:00:00+00:00"
    assert hours.own_schedules == {"long films"}
    clock.now += timedelta(hours=10)
    assert hours.closed().keys() == {"long films"}
    clock.now += timedelta(hours=2)
    assert hours.closed() == {}
    clock.now += timedelta(hours=6)
    again = hours.closed()[None]
    assert again.until == "2026-11-28T22:00:00+00:00"


def test_the_next_opening_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock("2026-11-27T12:00")
    hours = ScheduleClock({None: NIGHT}, clock)
    first = hours.closed()
    monkeypatch.setattr(Schedule, "next_change", None)
    clock.now += timedelta(minutes=5)
    assert hours.closed() == first


def test_no_schedule_is_always_open() -> None:
    assert ScheduleClock({}).closed() == {}
