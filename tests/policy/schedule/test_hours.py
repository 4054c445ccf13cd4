"""Hours by the clock on the wall: over midnight, over a week, and where clocks are set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from av1rules.base.units import UnitError
from av1rules.policy.schedule.hours import Schedule, Window, parse_hours, parse_timezone

BERLIN = ZoneInfo("Europe/Berlin")
MON, TUE, WED, THU, FRI, SAT, SUN = range(7)
WEEK = tuple(range(7))


def schedule(*hours: str, timezone: str | None = "Europe/Berlin") -> Schedule:
    return Schedule(hours=tuple(map(parse_hours, hours)), timezone=timezone)


def berlin(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold)


@pytest.mark.parametrize(
    ("text", "days", "start", "end"),
    [
        ("mon-fri 23:00-07:00", (0, 1, 2, 3, 4), 23 * 60, 7 * 60),
        ("sat,sun", (5, 6), 0, 1440),
        ("22:00-06:00", WEEK, 22 * 60, 6 * 60),
        ("fri-mon", (0, 4, 5, 6), 0, 1440),
        ("Saturday 8:30 - 24:00", (5,), 510, 1440),
        ("weekdays 01:00-05:00", (0, 1, 2, 3, 4), 60, 300),
        ("weekend", (5, 6), 0, 1440),
        ("daily 00:00-00:01", WEEK, 0, 1),
        ("mon, wed-thu ,sun", (0, 2, 3, 6), 0, 1440),
        ("sun 23:00-00:00", (6,), 23 * 60, 0),
    ],
)
def test_hours_are_read(text: str, days: tuple[int, ...], start: int, end: int) -> None:
    assert parse_hours(text) == Window(days=days, start=start, end=end)


@pytest.mark.parametrize(
    "text",
    ["", " ", "moon", "mon-", "-fri", "sat 22:00-", "22:00", "25:00-07:00", "10:60-11:00",
     "mon 24:00-01:00", "10:00-10:00", "10:00-24:01", "mon 10:00-12:00 tue", "mon;tue",
     "sat22:00-23:00x", "10-12",
     "mon 10:00-12:00, tue 10:00-12:00", "m\x1bon"],
)  # fmt: skip
def test_what_is_none_is_an_error(text: str) -> None:
    with pytest.raises(UnitError) as problem:
        parse_hours(text)
    assert "\x1b" not in str(problem.value)


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-11-27T22:59", False),  # a Friday
        ("2026-11-27T23:00", True),
        ("2026-11-28T06:59", True),  # Saturday morning belongs to Friday's night
        ("2026-11-28T07:00", False),
        ("2026-11-28T23:30", False),  # Saturday's own night is none
        ("2026-11-29T23:30", False),
        ("2026-11-30T06:00", False),  # Monday morning would be Sunday's night
        ("2026-11-30T23:00", True),
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(at: str, is_open: bool) -> None:
    assert schedule("mon-fri 23:00-07:00").is_open(berlin(at)) is is_open


def test_whole_days() -> None:
    weekend = schedule("sat,sun")
    assert not weekend.is_open(berlin("2026-11-27T23:59"))
    assert weekend.is_open(berlin("2026-11-28T00:00"))
    assert weekend.is_open(berlin("2026-11-29T23:59"))
    assert weekend.next_change(berlin("2026-11-27T12:00")) == berlin("2026-11-28T00:00")
    assert weekend.next_change(berlin("2026-11-28T12:00")) == berlin("2026-11-30T00:00")


def test_windows_that_touch_are_one() -> None:
    found = schedule("daily 00:00-08:00", "08:00-12:00")
    assert found.next_change(berlin("2026-11-27T03:00")) == berlin("2026-11-27T12:00")


def test_always_open_never_changes() -> None:
    assert schedule("daily").next_change(berlin("2026-11-27T03:00")) is None


def lengths(hours: str, first: str, days: int) -> list[float]:
    """Hours of each opening from then on, in real time."""
    found, at, end = schedule(hours), berlin(first), berlin(first) + timedelta(days=days)
    result: list[float] = []
    while (begin := found.next_change(at)) is not None and begin < end:
        closes = found.next_change(begin)
        assert closes is not None
        result.append((closes.astimezone(UTC) - begin.astimezone(UTC)) / timedelta(hours=1))
        at = closes
    return result


def test_clocks_set_forward_make_a_night_shorter() -> None:
    """On Sunday 2026-03-29, 02:00 becomes 03:00."""
    assert lengths("23:00-07:00", "2026-03-27T12:00", 3) == [8, 7, 8]


def test_clocks_set_back_make_a_night_longer() -> None:
    """On Sunday 2026-10-25, 03:00 becomes 02:00."""
    assert lengths("23:00-07:00", "2026-10-23T12:00", 3) == [8, 9, 8]


def test_hours_that_the_clock_leaves_out() -> None:
    assert lengths("02:00-03:00", "2026-03-28T12:00", 2) == [1]  # none on the 29th
    night = schedule("02:30-04:00")
    assert night.next_change(berlin("2026-03-29T01:00")) == berlin("2026-03-29T03:00")


def test_hours_that_the_clock_shows_twice() -> None:
    found = schedule("02:00-02:30")
    first, again = (berlin("2026-10-25T02:10", fold) for fold in (0, 1))
    assert found.is_open(first)
    assert found.is_open(again)
    assert first.astimezone(UTC) != again.astimezone(UTC)
    opens = found.next_change(first)
    assert opens is not None
    assert (opens.hour, opens.minute, opens.fold) == (2, 30, 0)
    opens = found.next_change(opens)
    assert opens is not None
    assert (opens.hour, opens.minute, opens.fold) == (2, 0, 1)


def test_another_zone_has_another_clock() -> None:
    tokyo = schedule("22:00-23:00", timezone="Asia/Tokyo")
    assert tokyo.is_open(datetime(2026, 11, 27, 13, 30, tzinfo=UTC))
    assert not schedule("22:00-23:00").is_open(datetime(2026, 11, 27, 13, 30, tzinfo=UTC))


def test_the_clock_of_the_machine_is_the_default() -> None:
    here = schedule("00:00-12:00", timezone=None)
    now = datetime.now().astimezone().replace(hour=11, minute=59)
    assert here.is_open(now)
    assert not here.is_open(now.replace(hour=12, minute=0))


@given(
    st.lists(
        st.builds(
            Window,
            days=st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days))),
            start=st.integers(0, 1439),
            end=st.integers(1, 1440),
        ).filter(lambda window: window.start != window.end),
        min_size=1,
        max_size=3,
    ),
    st.integers(0, 365 * 24 * 3600),
)
def test_nothing_changes_before_the_next_change(hours: list[Window], at: int) -> None:
    found = Schedule(hours=tuple(hours), timezone="Europe/Berlin")
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=at)
    change = found.next_change(now)
    if change is None:
        return
    assert found.is_open(change) != found.is_open(now)
    assert found.is_open(change - timedelta(minutes=1)) == found.is_open(now) or (
        change - now < timedelta(minutes=1)
    )
    middle = now + (change.astimezone(UTC) - now) / 2
    assert found.is_open(middle) == found.is_open(now)


def test_time_zones_are_known_by_name() -> None:
    assert parse_timezone("Europe/Berlin") == "Europe/Berlin"
    for wrong in ("Mars/Olympus", "../../etc/passwd", "/etc/passwd", ""):
        with pytest.raises(UnitError):
            parse_timezone(wrong)
