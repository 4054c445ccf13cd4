"""Runs during which something happens: at a failpoint, or at an event."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from av1rules.base.events import Event, JobDropped, JobFailed
from av1rules.execute.startup import start_session
from av1rules.operations.undo import find_entries, undo
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import open_workspace
from av1rules.report.trash import undone_line
from tests.runs import RunCounts, run_plan
from tests.sample_library import FAST, SampleLibrary


def rules(
    sample_library: SampleLibrary, output: str, *, library: str = "roots: [films]", run: str = ""
) -> None:
    sample_library.rules(
        f"version: 1\nlibrary: {{{library}, settle: 0}}\noutput: {{{output}}}\n"
        f"run: {{reserve: 0{run}}}\nrules: [{{name: all, encode: {{{FAST}}}, review: never}}]\n"
    )


def run_with(
    sample_library: SampleLibrary,
    *,
    at: str = "",
    do: Callable[[], object] = lambda: None,
    on: type[Event] | None = None,
    after_plan: Callable[[], object] = lambda: None,
) -> RunCounts:
    """A run in which `do` is called once: after the step `at`, or at the first event `on`."""
    sample_library.events.clear()
    is_due = [True]

    def act() -> None:
        if is_due[0]:
            is_due[0] = False
            do()

    def step(name: str) -> None:
        if name == at:
            act()

    def sink(event: Event) -> None:
        sample_library.events.append(event)
        if on is not None and isinstance(event, on):
            act()

    with (
        open_workspace(sample_library.rules_file, write=False) as workspace,
        start_session(workspace, sink, failpoint=step) as session,
    ):
        plan = build_plan(session.workspace)
        after_plan()
        finished = run_plan(plan, session, jobs=1)
    assert not is_due[0] or not (at or on), f"never came to {at or on}"
    return finished


def undo_last(sample_library: SampleLibrary) -> None:
    with (
        open_workspace(sample_library.rules_file, write=False) as workspace,
        start_session(workspace, sample_library.events.append) as session,
    ):
        for result in undo(session, find_entries(session.workspace.ledger, ("last",))):
            assert result.refusal is None, undone_line(result)


def failures(sample_library: SampleLibrary) -> list[JobFailed]:
    return [event for event in sample_library.events if isinstance(event, JobFailed)]


def drops(sample_library: SampleLibrary) -> dict[str, str]:
    """The reasons of dropped jobs, by source."""
    return {e.source or "": e.reason for e in sample_library.events if isinstance(e, JobDropped)}


def fill(disk: Path) -> Path:
    """Fill a disk to the last byte."""
    filler = disk / "filler.bin"
    with open(filler, "wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                os.fsync(file.fileno())
    return filler


def all_names(*folders: Path) -> list[str]:
    """Every file and every temporary folder below."""
    return sorted(
        str(path.relative_to(folder))
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() or path.name.startswith(".av1rules-")
    )
