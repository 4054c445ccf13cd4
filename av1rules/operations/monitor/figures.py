"""The figures of a library that a monitor shows, read from the ledger again and again."""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime

import msgspec

from av1rules.approvals.file import approvals_path
from av1rules.ledger.clips import ClipStatus
from av1rules.ledger.controls import Control, ControlKind, Controls
from av1rules.ledger.films.queue import QueueTotals
from av1rules.ledger.ledger import LEDGER_NAME, Ledger
from av1rules.ledger.records import AttemptResult, TargetTotals
from av1rules.operations.clips.ledger_status import ClipAndStatus, clip_statuses
from av1rules.plan.controlled.hours import ScheduleState, schedule_states
from av1rules.policy.model import RuleSet

TREND = 60
"""Films of a trend: as many columns as a wide card has."""


class MonitorFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger says. Trends are of the last films, oldest first: the part of each that was
    saved, pictures a second (None: not known), and the actual size over its forecast, less 1."""

    totals: TargetTotals
    encode_s: float
    queue: QueueTotals
    attempts: dict[AttemptResult, int]
    clips: tuple[ClipAndStatus, ...]
    controls: Controls
    saved_shares: tuple[float, ...]
    forecast_errors: tuple[float, ...]
    schedules: tuple[ScheduleState, ...] = ()
    neighbours_untold: int = 0

    @property
    def clips_waiting(self) -> int:
        return Counter(one.status for one in self.clips)[ClipStatus.WAITING]

    def holding(self, film: str, now: str) -> Control | None:
        return self.controls.holding(film, now)

    def skipped(self, now: str) -> int:
        held = self.controls.held_films(now).values()
        return sum(one.kind is ControlKind.SKIP for one in held)


def read_figures(ledger: Ledger, ruleset: RuleSet) -> MonitorFigures:
    """Raises LedgerError, RulesError and Av1rulesError (of approvals.yaml)."""
    forecasts = ledger.forecasts.newest(TREND)
    return MonitorFigures(
        totals=ledger.totals(),
        encode_s=ledger.films.encode_seconds(),
        queue=ledger.queue.totals(),
        attempts=ledger.attempt_counts(),
        clips=tuple(clip_statuses(ledger, approvals_path(ruleset.file))),
        controls=ledger.controls.current(),
        saved_shares=ledger.films.saved_shares(TREND),
        forecast_errors=tuple(
            one.actual_bytes / one.size_bytes.mid - 1.0 for one in forecasts if one.size_bytes.mid
        ),
        neighbours_untold=ledger.outbox.count_waiting(),
        schedules=schedule_states(ruleset, datetime.now(UTC)),
    )


class LedgerReader:
    """One connection to the ledger for as long as a monitor runs, opened anew when another process
    replaced or migrated the file."""

    def __init__(self, ruleset: RuleSet) -> None:
        self._ruleset = ruleset
        self._ledger: Ledger | None = None
        self._opened: object = None

    def ledger(self) -> Ledger:
        """Raises LedgerError."""
        now = self._identity()
        if self._ledger is None or now != self._opened:
            self.close()
            self._ledger, self._opened = Ledger.read(self._ruleset.run.state_dir), now
        return self._ledger

    def close(self) -> None:
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None

    def _identity(self) -> object:
        """Changes if the file is another one, or its first page was written by a migration."""
        path = self._ruleset.run.state_dir / LEDGER_NAME
        try:
            found = os.stat(path)
            with open(path, "rb") as file:
                head = file.read(64)
        except OSError:
            return None
        return found.st_dev, found.st_ino, head[60:64]  # user_version
