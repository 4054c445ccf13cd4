"""Who asks a run for its budget and keeps its forecasts; made only where something is encoded."""

from __future__ import annotations

from typing import Protocol

from av1rules.graph.planned import Plan, PlanAction, PlanRow
from av1rules.graph.session import Session


class Steward(Protocol):
    """Asked about each row of a run, from any thread: `budget.Allowance`."""

    def in_order(self, rows: tuple[PlanRow, ...]) -> tuple[PlanRow, ...]: ...

    def may_start(self, row: PlanRow) -> bool: ...

    def may_prepare(self, row: PlanRow) -> bool: ...

    def ended(self, row: PlanRow, session: Session) -> None: ...


def steward_of(
    plan: Plan,
    session: Session,
    *,
    jobs: int,
    budget_s: float | None = None,
    free_bytes: int | None = None,
) -> Steward | None:
    """None where nothing is to be encoded. Raises LedgerError."""
    if not plan.of(PlanAction.ENCODE):
        return None
    # Tens of ms to import: only where there is something to foretell.
    from av1rules.graph.budget import Allowance  # noqa: PLC0415
    from av1rules.graph.outlook import Budget, look_ahead  # noqa: PLC0415

    space = session.space
    budget = Budget(seconds=budget_s, free_bytes=free_bytes)
    return Allowance(
        look_ahead(plan, space.ledger, space.ruleset, space.tools, jobs=jobs, budget=budget)
    )
