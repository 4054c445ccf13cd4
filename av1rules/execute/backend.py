"""What a run submits its work to: doit's threads today."""

from __future__ import annotations

from typing import Protocol

from av1rules.execute.session import Session
from av1rules.plan.items import RunItem


class Backend(Protocol):
    """Decides where and when the jobs of a run are done; `guard.JobRunner` does each of them."""

    def run(
        self,
        rows: tuple[RunItem, ...],
        session: Session,
        *,
        jobs: int,
        prerequisites_only: bool = False,
    ) -> None:
        """Do the prerequisites of each row, then its own job, `jobs` at a time; a row that shares
        the target of another comes after that one. A job that fails never stops the others.

        `prerequisites_only`: the rows' own jobs are left out. Raises Av1rulesError where the
        backend itself fails.
        """
