"""A backend that does one job after another, in this thread."""

from __future__ import annotations

from av1rules.execute.job_guard import JobRunner
from av1rules.execute.session import Session
from av1rules.graph.tasks import steps_of
from av1rules.plan.items import RunItem
from tests.fakes.worker import FakeWorker


class SerialBackend:
    """`submitted` are the library paths of the jobs, in the order in which they were done."""

    def __init__(self, worker: FakeWorker) -> None:
        self._worker = worker
        self.submitted: list[str] = []

    def run(
        self,
        rows: tuple[RunItem, ...],
        session: Session,
        *,
        jobs: int,
        prerequisites_only: bool = False,
    ) -> None:
        runner = JobRunner(session, worker=self._worker)
        for row in runner.in_order(rows):
            for step in steps_of(row):
                runner.run(row, step)
            if not prerequisites_only:
                self.submitted.append(row.file.library_path)
                runner.run(row, None)
        if not prerequisites_only:
            runner.drop_unstarted(rows)
