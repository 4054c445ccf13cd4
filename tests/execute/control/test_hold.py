"""What holds a film at a moment: the strongest word counts, and the order is the user's."""

from __future__ import annotations

import pytest

from av1rules.execute.control.hold import Hold, HoldCause, HoldKind, Moment, next_to_begin
from av1rules.ledger.controls import ALL_FILMS, Control, ControlKind, Controls
from av1rules.plan.items import Encode
from tests.plan_items import encode

NOW = "2026-11-27T10:30:00+00:00"
A, B, C = (f"films/{name}.mkv" for name in "abc")
PAUSE, STOP, SKIP, ORDER = ControlKind.PAUSE, ControlKind.STOP, ControlKind.SKIP, ControlKind.ORDER
CLOSED = Hold(kind=HoldKind.PAUSE, cause=HoldCause.SCHEDULE, reason="closed", is_of_all=True)
HOT = Hold(kind=HoldKind.FINISH, cause=HoldCause.TEMPERATURE, reason="hot", is_of_all=True)


def moment(*said: tuple[str, ControlKind], **more: object) -> Moment:
    entries = tuple(
        Control(film=film, kind=kind, since=NOW, place=-1 - at if kind is ORDER else 0)
        for at, (film, kind) in enumerate(said)
    )
    return Moment(now=NOW, controls=Controls(entries), **more)  # type: ignore[arg-type]


def kinds(at: Moment, film: str = A) -> tuple[HoldKind | None, HoldKind | None]:
    """Of a film that runs, and of one that is to be begun."""
    found = (at.of_film(film, "rule", is_begun=begun) for begun in (True, False))
    running, coming = (None if hold is None else hold.kind for hold in found)
    return running, coming


@pytest.mark.parametrize(
    ("said", "running", "coming"),
    [
        ([], None, None),
        ([(A, PAUSE)], HoldKind.PAUSE, HoldKind.LEAVE),
        ([(A, SKIP)], None, HoldKind.LEAVE),
        ([(A, STOP)], HoldKind.GIVE_UP, HoldKind.GIVE_UP),
        ([(A, STOP), (A, PAUSE)], HoldKind.GIVE_UP, HoldKind.GIVE_UP),
        ([(A, SKIP), (A, PAUSE)], HoldKind.PAUSE, HoldKind.LEAVE),
        ([(B, PAUSE), (B, STOP)], None, None),
        ([(ALL_FILMS, PAUSE)], HoldKind.PAUSE, HoldKind.PAUSE),
        ([(ALL_FILMS, PAUSE), (A, SKIP)], HoldKind.PAUSE, HoldKind.PAUSE),
        ([(ALL_FILMS, PAUSE), (A, STOP)], HoldKind.GIVE_UP, HoldKind.GIVE_UP),
        ([(ALL_FILMS, STOP)], HoldKind.GIVE_UP, HoldKind.GIVE_UP),
        ([(A, ORDER)], None, None),
    ],
)
def test_what_users_say(
    said: list[tuple[str, ControlKind]], running: HoldKind | None, coming: HoldKind | None
) -> None:
    assert kinds(moment(*said)) == (running, coming)


def test_users_are_heard_before_schedules_and_those_before_the_machine() -> None:
    assert kinds(moment(closed={None: CLOSED}, machine=HOT)) == (HoldKind.PAUSE, HoldKind.PAUSE)
    assert kinds(moment(machine=HOT)) == (HoldKind.FINISH, HoldKind.FINISH)
    of_all = moment((ALL_FILMS, PAUSE), closed={None: CLOSED}, machine=HOT).of_all()
    assert of_all is not None
    assert of_all.cause is HoldCause.USER


def test_a_rule_with_a_schedule_of_its_own_follows_that_one() -> None:
    own = frozenset({"rule"})
    assert kinds(moment(closed={None: CLOSED}, own_schedules=own)) == (None, None)
    assert kinds(moment(closed={"rule": CLOSED}, own_schedules=own))[1] is HoldKind.PAUSE
    assert moment(closed={"rule": CLOSED}, own_schedules=own).of_all() is None


def rows(*names: str) -> list[Encode]:
    return [encode(f"{name}.mkv") for name in names]


def test_the_next_film_is_the_first_that_does_not_wait() -> None:
    assert next_to_begin(rows("a", "b"), moment()) == 0
    assert next_to_begin(rows("a", "b"), moment((ALL_FILMS, PAUSE))) is None
    assert next_to_begin(rows("a", "b"), moment((A, STOP))) == 0  # to be left at once
    assert next_to_begin([], moment()) is None


def test_users_move_films() -> None:
    at = moment((C, ORDER), (B, ORDER))
    assert next_to_begin(rows("a", "b", "c"), at) == 1  # moved last, so it comes first
    late = Control(film=A, kind=ORDER, since=NOW, place=1)
    assert next_to_begin(rows("a", "b"), Moment(now=NOW, controls=Controls((late,)))) == 1


def test_the_words_name_time_and_reason() -> None:
    control = Control(film=A, kind=PAUSE, since=NOW, until=NOW.replace("10", "23"), reason="g\x1b")
    hold = Moment(now=NOW, controls=Controls((control,))).of_film(A, None, is_begun=True)
    assert hold is not None
    assert hold.reason.startswith("paused by a user since 2026-11-27 ")
    assert ", until 2026-" in hold.reason
    assert "\x1b" not in hold.reason
