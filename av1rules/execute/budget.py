"""Keeps a run within its budget, and records each forecast beside what came of it.

A run starts encodes in the order of the forecast. Time is wall-clock time, since that is what users
have: an encode starts only if its forecast still fits. Space is what finished encodes have saved,
and what running ones are expected to save.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from av1rules.execute.session import Session
from av1rules.forecast.model import Forecast
from av1rules.forecast.of_plan import Budget, PlanForecast, forecast_plan
from av1rules.ledger.forecasts import PastForecast
from av1rules.ledger.records import TargetRow
from av1rules.plan.items import Plan, PlanAction, RunItem


class BudgetScheduler:
    """Asked before each job, and called after it; from any thread."""

    def __init__(
        self,
        forecast: PlanForecast = PlanForecast(),
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.forecast = forecast
        self._clock = clock
        self._started = clock()
        self._saved = 0.0
        self._expected: dict[str, float] = {}
        self._lock = threading.Lock()

    def in_order(self, rows: tuple[RunItem, ...]) -> tuple[RunItem, ...]:
        """With a budget: first what is within it, then what is beyond, each by saving per hour. Of
        other work nothing is said, it stays ahead."""
        if not self.forecast.budget.is_limited:
            return rows
        places = {path: number for number, path in enumerate(self.forecast.within)}

        def place(row: RunItem) -> tuple[int, float]:
            path = row.file.path
            if row.action is not PlanAction.ENCODE:
                return (0, 0.0)
            if path in places:
                return (1, places[path])
            one = self.forecast.by_path.get(path)
            return (3, 0.0) if one is None else (2, -one.saving_per_hour)

        return tuple(sorted(rows, key=place))

    def may_start(self, row: RunItem) -> bool:
        """Whether there is budget left for this row; then it counts as started."""
        budget = self.forecast.budget
        if not budget.is_limited or row.action is not PlanAction.ENCODE:
            return True
        one = self.forecast.by_path.get(row.file.path)
        if one is None:
            return False
        with self._lock:
            if not self._is_left_for(one, one.encode_seconds.mid):  # what comes before is done
                return False
            self._expected[row.file.path] = one.expected_saving
        return True

    def may_prepare(self, row: RunItem) -> bool:
        """Whether the row is within the budget and as far as can be told will be encoded, so that
        steps before its encode are worth it."""
        if not self.forecast.budget.is_limited or row.action is not PlanAction.ENCODE:
            return True
        one = self.forecast.by_path.get(row.file.path)
        if one is None or row.file.path not in self.forecast.within:
            return False
        with self._lock:
            return self._is_left_for(one, one.seconds.mid)

    def _is_left_for(self, one: Forecast, cost_s: float) -> bool:
        """Whether `cost_s` seconds, with the machine to itself, and what it is to save still fit;
        asked with the lock held."""
        budget = self.forecast.budget
        if budget.seconds is not None:
            left_s = budget.seconds - (self._clock() - self._started)
            if cost_s * self.forecast.stretch > left_s:
                return False
        if budget.free_bytes is not None:
            hoped = self._saved + sum(self._expected.values())
            if hoped >= budget.free_bytes or one.expected_saving <= 0:
                return False
        return True

    def ended(self, row: RunItem, session: Session) -> None:
        """The row came out, or came to nothing: count what it saved, and keep its forecast beside
        what came of it. Raises LedgerError."""
        ledger, run = session.workspace.ledger, session.number.given
        made = ledger.find(row.target) if row.target is not None else None
        if row.action is not PlanAction.ENCODE or made is None or run is None or made.run != run:
            self.saved(row, 0)
            return
        self.saved(row, made.source_bytes - made.target_bytes)
        one = self.forecast.by_path.get(row.file.path)
        if one is not None and made.encode_s:
            ledger.forecasts.add(_past(one, made, self.forecast))

    def saved(self, row: RunItem, saved_bytes: int) -> None:
        """What became of a row is no longer only hoped for."""
        with self._lock:
            self._expected.pop(row.file.path, None)
            self._saved += saved_bytes


def scheduler_for(
    plan: Plan, session: Session, *, jobs: int, budget: Budget = Budget()
) -> BudgetScheduler | None:
    """The scheduler of a run; None where the plan encodes nothing. Raises LedgerError."""
    if not plan.of(PlanAction.ENCODE):
        return None
    workspace = session.workspace
    return BudgetScheduler(
        forecast_plan(
            plan, workspace.ledger, workspace.ruleset, workspace.tools, jobs=jobs, budget=budget
        )
    )


def _past(one: Forecast, made: TargetRow, forecast: PlanForecast) -> PastForecast:
    traits = one.traits
    return PastForecast(
        target=made.target,
        run=made.run,
        at=made.built_at,
        encoder=traits.encoder,
        preset=traits.preset,
        resolution=traits.resolution,
        source_tier=traits.source_tier,
        basis=one.basis,
        jobs=forecast.jobs,
        seconds=one.encode_seconds.times(forecast.stretch),
        actual_s=made.encode_s + made.verify_s,
        size_bytes=one.size_bytes,
        actual_bytes=made.target_bytes,
        source_bytes=made.source_bytes,
    )
