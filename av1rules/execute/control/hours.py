"""Which schedules of a policy are closed at a moment, and until when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from av1rules.base.units import local_time_text
from av1rules.execute.control.hold import Hold, HoldCause, HoldKind
from av1rules.policy.schedule.hours import Outside, Schedule


class ScheduleClock:
    """Tells what is closed. When it opens is looked for once, not at each look: it takes some
    hundredths of a second."""

    def __init__(
        self,
        schedules: Mapping[str | None, Schedule],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._schedules = schedules
        self._clock = clock
        self._opens: dict[str | None, datetime | None] = {}

    @property
    def own_schedules(self) -> frozenset[str]:
        """The rules that have one of their own."""
        return frozenset(rule for rule in self._schedules if rule is not None)

    def closed(self) -> dict[str | None, Hold]:
        """What each closed schedule does, by rule."""
        now = self._clock()
        return {
            rule: self._hold(rule, schedule, now)
            for rule, schedule in self._schedules.items()
            if not schedule.is_open(now)
        }

    def _hold(self, rule: str | None, schedule: Schedule, now: datetime) -> Hold:
        opens = self._opens.get(rule)
        if opens is None or opens <= now:
            opens = self._opens[rule] = schedule.next_change(now)
        return Hold(
            kind=HoldKind.PAUSE if schedule.outside is Outside.PAUSE else HoldKind.FINISH,
            cause=HoldCause.SCHEDULE,
            reason=closed_text(opens),
            until=None if opens is None else opens.astimezone(UTC).isoformat(timespec="seconds"),
            is_of_all=rule is None,
        )


def closed_text(opens: datetime | None) -> str:
    if opens is None:
        return "outside the hours of the schedule"
    return f"outside the hours of the schedule until {local_time_text(opens)}"
