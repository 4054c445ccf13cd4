"""What keeps a film from being begun, or makes it stand still, at a moment. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum

import msgspec

from av1rules.ledger.controls import ALL_FILMS, Control, ControlKind, Controls
from av1rules.plan.controlled.hold import control_text
from av1rules.plan.items import RunItem


class HoldKind(Enum):
    """What becomes of a film, if it runs and if it does not."""

    GIVE_UP = "give up"  # its encode ends and is thrown away; it is not begun
    LEAVE = "leave"  # it goes on; it is not begun in this run
    PAUSE = "pause"  # it stands still; it waits to be begun
    FINISH = "finish"  # it goes on; it waits to be begun


class HoldCause(Enum):
    """Who or what asks for it. The value is its word in JSON."""

    USER = "user"
    SCHEDULE = "schedule"
    LOAD = "load"
    TEMPERATURE = "temperature"
    BATTERY = "battery"
    MEMORY = "memory"
    VIEWERS = "viewers"


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """`until` is ISO 8601, where it is known. `is_of_all`: not of this film alone."""

    kind: HoldKind
    cause: HoldCause
    reason: str
    until: str | None = None
    is_of_all: bool = False

    @property
    def waits(self) -> bool:
        """Whether a film that is not begun waits for the end of it, in its place."""
        return self.kind in (HoldKind.PAUSE, HoldKind.FINISH)


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """All that holds films now (ISO 8601, UTC): what users say, schedules that are closed, by rule
    (None: that of all rules without one of their own, `own_schedules`), and the machine."""

    now: str
    controls: Controls = Controls()
    closed: Mapping[str | None, Hold] = {}
    own_schedules: frozenset[str] = frozenset()
    machine: Hold | None = None

    def same_as(self, other: Moment | None) -> bool:
        """Whether the same may be begun: figures in the words of a hold change all the time."""
        return (
            other is not None
            and self.controls.in_force(self.now) == other.controls.in_force(other.now)
            and self.closed.keys() == other.closed.keys()
            and (self.machine is None) == (other.machine is None)
        )

    def of_all(self) -> Hold | None:
        """What holds films whatever their rules, the strongest first."""
        control = self.controls.holding(ALL_FILMS, self.now)
        if control is not None:
            return held_by(control)
        return self.closed.get(None) or self.machine

    def of_film(self, film: str, rule: str | None, *, is_begun: bool) -> Hold | None:
        """What holds a film that `is_begun`, or is to be begun."""
        everything = self.controls.holding(ALL_FILMS, self.now)
        if everything is not None and everything.kind is ControlKind.STOP:
            return held_by(everything)
        own = self.controls.holding(film, self.now)
        if own is not None and own.kind is ControlKind.STOP:
            return held_by(own)
        if everything is not None:
            return held_by(everything)
        if own is not None and not is_begun:
            return msgspec.structs.replace(held_by(own), kind=HoldKind.LEAVE)
        if (paused := self.controls.find(ControlKind.PAUSE, film, self.now)) is not None:
            return held_by(paused)
        closed = self.closed.get(rule if rule in self.own_schedules else None)
        return closed or self.machine


_KINDS = {
    ControlKind.PAUSE: HoldKind.PAUSE,
    ControlKind.STOP: HoldKind.GIVE_UP,
    ControlKind.SKIP: HoldKind.LEAVE,
}


def held_by(control: Control) -> Hold:
    """What a control means for its film, or for all."""
    return Hold(
        kind=_KINDS[control.kind],
        cause=HoldCause.USER,
        reason=control_text(control),
        until=control.until,
        is_of_all=control.film == ALL_FILMS,
    )


def next_to_begin(rows: Sequence[RunItem], moment: Moment) -> int | None:
    """The place of the row that is to be begun next, of rows in their usual order; None while all
    of them wait. One that is to be left comes up like any other: to leave it takes no time."""
    places = moment.controls.places()
    order: Sequence[int] = range(len(rows))
    if places:
        order = sorted(order, key=lambda at: places.get(rows[at].file.library_path, 0))
    for at in order:
        row = rows[at]
        hold = moment.of_film(row.file.library_path, row.rule, is_begun=False)
        if hold is None or not hold.waits:
            return at
    return None
