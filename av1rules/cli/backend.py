"""The backend for commands: doit, imported only if there is work.

doit, the forecast and the encoding code take 0.1 s to import, and most runs have nothing to do.
"""

from __future__ import annotations

from av1rules.execute.run import Backend
from av1rules.execute.session import Session
from av1rules.plan.items import Plan, PlanAction, RunItem


class DoitOnDemand:
    """doit's threads, without a budget."""

    def run(
        self,
        rows: tuple[RunItem, ...],
        session: Session,
        *,
        jobs: int,
        prerequisites_only: bool = False,
    ) -> None:
        """See `Backend`."""
        from av1rules.graph.runner import DoitBackend  # noqa: PLC0415 - see above

        DoitBackend().run(rows, session, jobs=jobs, prerequisites_only=prerequisites_only)


def backend_for(
    plan: Plan,
    session: Session,
    *,
    jobs: int,
    budget_s: float | None = None,
    free_bytes: int | None = None,
) -> Backend:
    """doit's threads with a budget whose time starts now. Raises LedgerError."""
    if not plan.of(PlanAction.ENCODE):
        return DoitOnDemand()
    from av1rules.execute.budget import scheduler_for  # noqa: PLC0415 - see above
    from av1rules.forecast.of_plan import Budget  # noqa: PLC0415
    from av1rules.graph.runner import DoitBackend  # noqa: PLC0415

    budget = Budget(seconds=budget_s, free_bytes=free_bytes)
    return DoitBackend(scheduler_for(plan, session, jobs=jobs, budget=budget))
