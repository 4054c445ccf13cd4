"""The plan with all decisions: also on targets that `on_change: gain > N%` redoes only if the
forecast says that it is worth it.

All that shows or does a plan takes it from here, so that they agree.
"""

from __future__ import annotations

from msgspec.structs import replace

from av1rules.base.events import Sink, ignore
from av1rules.plan.as_made.decide import asking_for_gain, with_as_made_noted
from av1rules.plan.context import PlanRequest
from av1rules.plan.items import Plan
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import Workspace


def decided_plan(
    workspace: Workspace,
    request: PlanRequest = PlanRequest(),
    *,
    sink: Sink = ignore,
    remembers: bool = True,
) -> Plan:
    """See `build_plan`."""
    return decided(build_plan(workspace, request, sink=sink, remembers=remembers), workspace)


def decided(plan: Plan, workspace: Workspace) -> Plan:
    """The plan in which targets that would not come out small enough are left as they were made."""
    asking = list(asking_for_gain(plan))
    if asking:
        # All that forecasts takes tens of ms to import: few policies ask for it.
        from av1rules.forecast.gain import GainJudge  # noqa: PLC0415

        judge = GainJudge(workspace, asking)
        plan = replace(plan, rows=plan.rows.with_in_full(map(judge.judged, plan.rows.in_full)))
    return with_as_made_noted(plan)
