"""When films may be encoded by the schedules of a policy, as a plan and the status say it. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from av1rules.base.text import printable
from av1rules.base.units import local_time_text
from av1rules.plan.items import Encode, MakeClip, MeasureGrain
from av1rules.plan.rows import PlanRows
from av1rules.policy.model import RuleSet
from av1rules.policy.schedule.hours import Outside, Schedule


class ScheduleState(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule at a moment: of the films of `rule`, or of all without one of their own (null).
    `changes` is when it opens or closes next (ISO 8601, UTC), null if it never does."""

    rule: str | None
    is_open: bool
    changes: str | None
    outside: Outside

    @property
    def text(self) -> str:
        """In words, in local time: "open until 2026-11-28 07:00"."""
        until = "" if self.changes is None else f" until {local_time_text(self.changes)}"
        state = "open" if self.is_open else "closed"
        return f"{state}{until}" if self.rule is None else f"{printable(self.rule)}: {state}{until}"


def schedules_of(ruleset: RuleSet) -> dict[str | None, Schedule]:
    """The schedules by the rules that have one of their own; under None that of all others."""
    found: dict[str | None, Schedule] = {} if ruleset.schedule is None else {None: ruleset.schedule}
    return found | {rule.name: rule.schedule for rule in ruleset.rules if rule.schedule is not None}


def schedule_states(ruleset: RuleSet, now: datetime) -> tuple[ScheduleState, ...]:
    """Each schedule as it is now."""
    return tuple(
        ScheduleState(
            rule=rule,
            is_open=schedule.is_open(now),
            changes=None if (at := schedule.next_change(now)) is None else _stored(at),
            outside=schedule.outside,
        )
        for rule, schedule in schedules_of(ruleset).items()
    )


def _stored(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


def hours_notes(ruleset: RuleSet, rows: PlanRows, now_s: float) -> tuple[str, ...]:
    """One sentence on each schedule that the work of a plan waits for."""
    schedules = schedules_of(ruleset)
    if not schedules:
        return ()
    work = [row for row in rows.in_full if isinstance(row, Encode | MakeClip | MeasureGrain)]
    waiting = {row.rule if row.rule in schedules else None for row in work}
    closed = (
        state
        for state in schedule_states(ruleset, datetime.fromtimestamp(now_s, UTC))
        if state.rule in waiting and not state.is_open and state.changes is not None
    )
    return tuple(_note(state) for state in closed)


def _note(state: ScheduleState) -> str:
    at = local_time_text(state.changes or "")
    if state.rule is None:
        return f"outside the hours of the schedule: a run begins to encode at {at}"
    rule = printable(state.rule)
    return f"outside the hours of the rule {rule}: a run begins to encode its films at {at}"
