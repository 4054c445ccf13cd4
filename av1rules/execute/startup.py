"""Starts a session: takes the run lock, opens the ledger to write, repairs what a crash left."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from msgspec.structs import replace

from av1rules.base.errors import LedgerError, RunInterruptedError, StoppedError, UsageError
from av1rules.base.events import Note, Sink
from av1rules.base.files import Failpoint, no_failpoint
from av1rules.base.units import now_text
from av1rules.execute.control.gate import ControlGate
from av1rules.execute.control.hours import ScheduleClock
from av1rules.execute.recorder import RunRecorder, settle_killed
from av1rules.execute.recover import recover
from av1rules.execute.resources.memory import MemoryBudget
from av1rules.execute.resources.run_lock import run_lock
from av1rules.execute.session import Session, mirror_top, mounted_disks
from av1rules.ledger.controls import ALL_FILMS, ControlKind
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.outbox.recipient import recipients_of
from av1rules.ledger.runs import RunKind
from av1rules.plan.controlled.hold import control_text
from av1rules.plan.controlled.hours import schedules_of
from av1rules.plan.workspace import Workspace
from av1rules.storage.mirror_folders import MirrorFolders


@contextmanager
def start_session(
    workspace: Workspace,
    sink: Sink,
    *,
    kind: RunKind = RunKind.RUN,
    command: Sequence[str] = (),
    failpoint: Failpoint = no_failpoint,
) -> Iterator[Session]:
    """Take the run lock, open the ledger to write and repair what a crash left. The end of the
    session is recorded, unless it had nothing to do.

    Raises BusyError if another run is active, StoppedError if a user stopped all runs, and
    LedgerError.
    """
    with run_lock(workspace.state_dir):
        ledger = Ledger.open(workspace.state_dir)
        try:
            if kind is RunKind.RUN:
                _require_not_stopped(ledger)
            if kind is not RunKind.ADOPT:  # which finds what has been there all the time
                ledger.outbox.address(recipients_of(workspace.ruleset.neighbours))
            for line in recover(ledger, workspace.ruleset):
                sink(Note(message=line))
            settle_killed(ledger)
            recorder = RunRecorder(ledger, kind, command)
            watched = recorder.watching(sink)
            session = Session(
                workspace=replace(workspace, ledger=ledger),
                sink=watched,
                gate=_gate(workspace, ledger, watched),
                memory=MemoryBudget(workspace.ruleset.run.memory),
                failpoint=failpoint,
                recorder=recorder,
                disks=mounted_disks(workspace.ruleset),
                folders=MirrorFolders(mirror_top(workspace.ruleset.output)),
            )
            with _telling_neighbours(session), _recorded(session):
                yield session
        finally:
            ledger.close()


@contextmanager
def _telling_neighbours(session: Session) -> Iterator[None]:
    """Tell neighbours meanwhile, and at the end what they were told of. Never fails."""
    workspace = session.workspace
    if not workspace.ruleset.neighbours:
        yield
        return
    # Most libraries have no neighbours, and HTTP takes its time to import.
    from av1rules.integrations.sender import Sender  # noqa: PLC0415

    sender = Sender(
        workspace.state_dir,
        workspace.ruleset.neighbours,
        lambda result: session.sink(Note(message=result.text, is_problem=True)),
    )
    sender.start()
    try:
        yield
    finally:
        counts = sender.finish(lambda: workspace.children.is_stopping)
        if any(counts.values()):
            names = ", ".join(f"{name} of {count}" for name, count in counts.items() if count)
            session.sink(Note(message=f"neighbours told: {names}"))


def _gate(workspace: Workspace, ledger: Ledger, sink: Sink) -> ControlGate:
    ruleset = workspace.ruleset
    machine = None
    if ruleset.limits.has_any:
        # It imports psutil, which most runs do not need.
        from av1rules.execute.control.machine import MachineWatch  # noqa: PLC0415

        roots = tuple(ruleset.library.root_paths.values())
        machine = MachineWatch(ruleset.limits, roots, sink, ruleset.neighbours)
    hours = ScheduleClock(schedules_of(ruleset))
    return ControlGate(ledger, workspace.children, sink, hours=hours, machine=machine)


def _require_not_stopped(ledger: Ledger) -> None:
    now = now_text()
    stop = ledger.controls.current().find(ControlKind.STOP, ALL_FILMS, now)
    if stop is not None:
        raise StoppedError(control_text(stop), hint="`av1rules resume` lets runs begin again")


@contextmanager
def _recorded(session: Session) -> Iterator[None]:
    """Record the end of a session. One that an error ended is recorded too, unless nothing was done
    and the command line was wrong, or a user interrupted it."""
    recorder = session.recorder
    try:
        yield
    except Exception as problem:
        if type(problem) not in (UsageError, RunInterruptedError):
            recorder.problem = str(problem) or type(problem).__name__
        with contextlib.suppress(LedgerError):  # the first error is the one to report
            recorder.end(session.counters)
        raise
    recorder.end(session.counters)
