"""Runs as the command line starts them, and their counts by the names that programs read."""

from __future__ import annotations

from av1rules.base.events import RunFinished
from av1rules.execute import run
from av1rules.execute.run import Backend
from av1rules.execute.session import Session
from av1rules.execute.worker import LOCAL_WORKER, Worker
from av1rules.graph.runner import DoitBackend
from av1rules.plan.context import PlanRequest
from av1rules.plan.items import Plan

worker: Worker = LOCAL_WORKER
"""Who encodes in the runs of a test."""


class RunCounts:
    """A finished run: `done`, `failed`, `clips` ... as its event says them in NDJSON."""

    def __init__(self, finished: RunFinished) -> None:
        self.finished = finished

    @property
    def run(self) -> int | None:
        return self.finished.run

    def __getattr__(self, name: str) -> int:
        value = self.finished.wire_fields()[name]
        assert isinstance(value, int), f"{name} is not counted"
        return value


def run_plan(
    plan: Plan, session: Session, *, jobs: int, backend: Backend | None = None
) -> RunCounts:
    return RunCounts(run.run_plan(plan, session, backend or DoitBackend(worker=worker), jobs=jobs))


def measure_first(plan: Plan, session: Session, request: PlanRequest, *, jobs: int) -> Plan:
    return run.measure_grain_first(plan, session, request, DoitBackend(worker=worker), jobs=jobs)
