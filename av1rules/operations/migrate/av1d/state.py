"""What becomes of av1d's jobs and originals under one policy: shown, or written to its ledger."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from av1rules.base.events import Sink
from av1rules.execute.session import Session
from av1rules.ledger.records import Attempt
from av1rules.operations.migrate.av1d.beside import KeptOriginal
from av1rules.operations.migrate.av1d.carry import JobOutcome, judge_jobs, record_attempts
from av1rules.operations.migrate.av1d.originals import (
    OriginalOutcome,
    PairState,
    adopt_originals,
    adopted_before,
    decode_adopted,
    judge_originals,
)
from av1rules.operations.migrate.av1d.prepare import PolicyPlan
from av1rules.plan.workspace import Workspace


class StateOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a user asked for: to move originals to the trash, to decode their AV1 files first."""

    adopt: bool = False
    decode: bool = False


class StateOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """`problem`: why nothing could be looked at."""

    jobs: tuple[JobOutcome, ...] = ()
    originals: tuple[OriginalOutcome, ...] = ()
    problem: str | None = None

    @property
    def changes(self) -> int:
        """How many things the ledger got, or would get."""
        jobs, originals = self.jobs, self.originals
        return sum(one.is_new for one in jobs) + sum(one.is_new for one in originals)


class StatePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What would become of the state, and what is still to be written."""

    outcome: StateOutcome
    attempts: tuple[Attempt, ...]
    ready: tuple[KeptOriginal, ...]
    has_work: bool


def plan_state(
    workspace: Workspace, policy: PolicyPlan, options: StateOptions, sink: Sink
) -> StatePlan:
    """Look at jobs and originals; write nothing. Raises LedgerError, RunInterruptedError."""
    jobs, attempts = judge_jobs(workspace, policy.jobs, policy.form_of, sink)
    before = tuple(adopted_before(workspace))
    found = judge_originals(workspace, policy.finds.originals, sink)
    is_to_decode = options.decode and any(not one.is_decoded for one in before)
    kept = zip(policy.finds.originals, found, strict=True)
    ready = tuple(one for one, outcome in kept if outcome.state is PairState.READY)
    return StatePlan(
        outcome=StateOutcome(jobs=jobs, originals=(*before, *found)),
        attempts=attempts,
        ready=ready,
        has_work=bool(attempts)
        or (options.adopt and bool(ready))
        or is_to_decode
        or bool(workspace.ledger.kept.in_flight()),
    )


def write_state(session: Session, options: StateOptions, plan: StatePlan) -> StateOutcome:
    """Do what `plan_state` found, under the run lock. Each step is a transaction of its own, so a
    killed migration goes on where it was. Raises LedgerError, RunInterruptedError."""
    record_attempts(session, plan.attempts)
    # The start of the session has ended what a killed migration had begun.
    before = {one.path: one for one in adopted_before(session.workspace)}
    known = {one.path: one for one in plan.outcome.originals}
    originals: Sequence[OriginalOutcome] = tuple((before | known).values())
    if options.decode:
        done = {one.path: one for one in decode_adopted(session)}
        originals = [done.get(one.path, one) for one in originals]
    if options.adopt:
        now = dict(adopt_originals(session, plan.ready, decode=options.decode))
        originals = [now.get(one.path, one) for one in originals]
    return msgspec.structs.replace(plan.outcome, originals=tuple(originals))
