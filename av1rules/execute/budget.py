"""Keeps a run within its budget, and records each forecast with its actual result.

A run starts encodes in the order of the forecast. The time budget is wall-clock time: an encode
starts only if its forecast still fits. The space budget counts what finished encodes have saved and
what running encodes are expected to save.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from av1rules.execute.session import Session
from av1rules.forecast.model import Forecast
from av1rules.forecast.of_plan import Budget, PlanForecast, forecast_plan
from av1rules.forecast.order import ordering_of
from av1rules.ledger.forecasts import PastForecast
from av1rules.ledger.records import TargetRow
from av1rules.plan.items import MakeClip, Plan, PlanAction, RunItem, coming_encode
from av1rules.policy.model import Order


class BudgetScheduler:
    """Decides which jobs still fit the budget. A run asks it before each job and calls `ended`
    after it. Safe to use from many threads."""

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
        """Clips first, for which a user waits; then by priority and order. With a budget: items
        without an encode first, then those within the budget, then those beyond it, by the bytes
        that they save per hour unless the user asks for another order."""
        ordering = self.forecast.ordering
        if self.forecast.budget.is_limited:
            by_default = Order.SAVING
            kept = frozenset(self.forecast.within)
        elif ordering.is_active:
            by_default = None
            kept = frozenset()
        else:
            return rows

        def group(row: RunItem) -> int:
            if not self.forecast.budget.is_limited:
                return 0 if isinstance(row, MakeClip) else 1
            if row.action is not PlanAction.ENCODE:
                return 0
            return 1 if row.file.path in kept else 2

        ordered = ordering.sorted(rows, self.forecast.saving_of, by_default=by_default)
        return tuple(sorted(ordered, key=group))

    def may_start(self, row: RunItem) -> bool:
        """Whether this row still fits the budget. If so, it counts as started from now on."""
        budget = self.forecast.budget
        if not budget.is_limited or row.action is not PlanAction.ENCODE:
            return True
        forecast = self.forecast.by_path.get(row.file.path)
        if forecast is None:
            return False
        with self._lock:
            if not self._is_left_for(forecast, forecast.encode_seconds.mid):
                return False
            self._expected[row.file.path] = forecast.expected_saving
        return True

    def may_prepare(self, row: RunItem) -> bool:
        """Whether the row will probably be encoded within the budget, so that its prerequisites are
        worth their time."""
        if not self.forecast.budget.is_limited or row.action is not PlanAction.ENCODE:
            return True
        forecast = self.forecast.by_path.get(row.file.path)
        if forecast is None or row.file.path not in self.forecast.within:
            return False
        with self._lock:
            return self._is_left_for(forecast, forecast.seconds.mid)

    def _is_left_for(self, forecast: Forecast, cost_s: float) -> bool:
        """Whether `cost_s` seconds (of an encode that has the machine to itself) still fit, and the
        space goal is not reached yet. The caller holds the lock."""
        budget = self.forecast.budget
        if budget.seconds is not None:
            left_s = budget.seconds - (self._clock() - self._started)
            if cost_s * self.forecast.stretch > left_s:
                return False
        if budget.free_bytes is not None:
            expected = self._saved + sum(self._expected.values())
            if expected >= budget.free_bytes or forecast.expected_saving <= 0:
                return False
        return True

    def ended(self, row: RunItem, session: Session) -> None:
        """Count what a finished or failed row saved, and record its forecast with the actual
        result. Raises LedgerError."""
        ledger, run = session.workspace.ledger, session.recorder.given
        made = ledger.find(row.target) if row.target is not None else None
        if row.action is not PlanAction.ENCODE or made is None or run is None or made.run != run:
            self.saved(row, 0)
            return
        self.saved(row, made.source_bytes - made.target_bytes)
        forecast = self.forecast.by_path.get(row.file.path)
        if forecast is not None and made.encode_s:
            ledger.forecasts.add(_past(forecast, made, self.forecast))

    def saved(self, row: RunItem, saved_bytes: int) -> None:
        """Count the actual saving of a row in place of the expected one."""
        with self._lock:
            self._expected.pop(row.file.path, None)
            self._saved += saved_bytes


def scheduler_for(
    plan: Plan,
    session: Session,
    *,
    jobs: int,
    budget: Budget = Budget(),
    order: Order | None = None,
) -> BudgetScheduler | None:
    """The scheduler of a run; None where the plan has nothing to encode, now or after a review.
    Raises LedgerError."""
    if not any(coming_encode(row) is not None for row in plan.rows):
        return None
    workspace = session.workspace
    return BudgetScheduler(
        forecast_plan(
            plan,
            workspace.ledger,
            workspace.ruleset,
            workspace.tools,
            jobs=jobs,
            budget=budget,
            ordering=ordering_of(workspace.ruleset, order),
        )
    )


def _past(forecast: Forecast, made: TargetRow, plan: PlanForecast) -> PastForecast:
    traits = forecast.traits
    return PastForecast(
        target=made.target,
        run=made.run,
        at=made.built_at,
        encoder=traits.encoder,
        preset=traits.preset,
        resolution=traits.resolution,
        source_tier=traits.source_tier,
        basis=forecast.basis,
        jobs=plan.jobs,
        seconds=forecast.whole_seconds.times(plan.stretch),
        actual_s=made.encode_s + made.verify_s,
        size_bytes=forecast.size_bytes,
        actual_bytes=made.target_bytes,
        source_bytes=made.source_bytes,
    )
