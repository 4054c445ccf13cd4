"""How the ledger's runs are told: their states, and repeated ones as one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from av1rules.base.events import Outcome
from av1rules.base.findings import FilmFinding, FindingKind
from av1rules.ledger.database import LEDGER_NAME
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.migrations.steps import STEPS
from av1rules.ledger.run_history import RunEnding, RunSummary, list_runs, show_run
from av1rules.ledger.runs import RunKind, RunRecord
from av1rules.ledger.trash_table import TrashEntry, TrashKind
from tests.plan.test_freshness import ROW

AT = "2026-01-01T{:02}:00:00+00:00"
BLOCKED = FilmFinding(film="films/a.mkv", kind=FindingKind.BLOCKED, detail="in the way")
HELD = FilmFinding(film="films/h.mkv", kind=FindingKind.HELD, detail="look at it")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger.open(tmp_path)) as ledger:
        yield ledger


def add(ledger: Ledger, *findings: FilmFinding, is_ended: bool = True, **fields: Any) -> int:
    number = ledger.runs.begin(AT.format(len(ledger.runs.latest())))
    found = ledger.findings.add(number, [(one, "") for one in findings])
    if not is_ended:
        return number
    record = RunRecord(
        id=number,
        started=AT.format(number - 1),
        ended=AT.format(number - 1),
        findings=tuple(one.id for one in found),
        new_findings=tuple(one.id for one in found if one.finding.is_new),
    )
    ledger.runs.put(replace(record, **fields))
    return number


def one(ledger: Ledger, *, is_active: bool = False) -> RunSummary:
    (run,) = list_runs(ledger, is_active=is_active)
    return run


@pytest.mark.parametrize(
    ("findings", "fields", "state"),
    [
        ((), {"counts": {Outcome.DONE: 1}}, RunEnding.DONE),
        ((HELD,), {"counts": {Outcome.DONE: 1}}, RunEnding.DONE),
        ((BLOCKED,), {}, RunEnding.FAILED),
        ((BLOCKED,), {"new_findings": ()}, RunEnding.KNOWN),
        ((BLOCKED,), {"exit_code": 130}, RunEnding.INTERRUPTED),
        ((), {"problem": "a disk is gone", "exit_code": 2}, RunEnding.STOPPED),
    ],
)
def test_states(
    ledger: Ledger, findings: tuple[FilmFinding, ...], fields: dict[str, Any], state: RunEnding
) -> None:
    add(ledger, *findings, **fields)
    assert one(ledger).state is state


def test_only_the_newest_can_be_at_work(ledger: Ledger) -> None:
    for _ in range(2):
        add(ledger, is_ended=False)
    states = [run.state for run in list_runs(ledger, is_active=True)]
    assert states == [RunEnding.RUNNING, RunEnding.KILLED]
    assert [run.state for run in list_runs(ledger, is_active=False)] == [RunEnding.KILLED] * 2


def test_a_killed_run_has_what_it_found(ledger: Ledger) -> None:
    add(ledger, BLOCKED, HELD, is_ended=False)
    run = one(ledger)
    assert (run.state, run.failures, run.new_failures, run.held) == (RunEnding.KILLED, 1, 1, 1)
    details = show_run(ledger, None, is_active=False)
    assert details is not None
    assert details.findings == (BLOCKED, HELD)


def test_figures(ledger: Ledger) -> None:
    counts = {Outcome.DONE: 2, Outcome.NOT_ATTEMPTED: 3, Outcome.OVER_BUDGET: 4}
    clip = replace(HELD, film="films/c.mkv", kind=FindingKind.CLIP_WAITING)
    add(ledger, BLOCKED, HELD, clip, counts=counts, source_bytes=900, target_bytes=300)
    run = one(ledger)
    assert (run.failures, run.held, run.left, run.saved_bytes) == (1, 2, 7, 600)
    assert run.is_bad


def test_runs_that_only_met_known_failures_are_one(ledger: Ledger) -> None:
    """Cron every hour must not bury the list; the run that told them first stays for itself."""
    for _ in range(5):
        add(ledger, BLOCKED, exit_code=4)
    newest, first = list_runs(ledger, is_active=False)
    assert (newest.record.id, newest.same, newest.since) == (5, 3, AT.format(1))
    assert (first.record.id, first.same, first.since) == (1, 0, None)


@pytest.mark.parametrize(
    "between",
    [
        {"counts": {Outcome.DONE: 1}},
        {"kind": RunKind.UNDO},
        {"exit_code": 2},
        {"problem": "a disk is gone"},
    ],
)
def test_what_did_something_else_stays_for_itself(ledger: Ledger, between: dict[str, Any]) -> None:
    nothing: dict[str, Any] = {"exit_code": 4}
    for fields in (nothing, nothing, nothing | between, nothing, nothing):
        add(ledger, BLOCKED, **fields)
    assert [run.record.id for run in list_runs(ledger, is_active=False)] == [5, 3, 2, 1]


def test_only_failed_and_a_count(ledger: Ledger) -> None:
    for number in range(6):
        add(ledger, *((BLOCKED,) if number % 2 else ()), counts={Outcome.DONE: 1})
    assert [run.record.id for run in list_runs(ledger, is_active=False, count=2)] == [6, 5]
    failed = list_runs(ledger, is_active=False, count=2, only_failed=True)
    assert [run.record.id for run in failed] == [6, 4]


def test_one_run_in_full(ledger: Ledger) -> None:
    number = add(ledger, BLOCKED, HELD, counts={Outcome.DONE: 2})
    ledger.commit(replace(ROW, run=number), None)
    ledger.commit(replace(ROW, target="/out/other.mkv", run=number + 1), None)
    kept = TrashEntry(id=0, run=number, kind=TrashKind.ORIGINAL, path="/t", row=ROW, at=AT)
    ledger.kept.add(kept)
    ledger.kept.mark_gone(ledger.kept.add(kept).id, AT)
    details = show_run(ledger, number, is_active=False)
    assert details is not None
    assert [target.target for target in details.made] == [ROW.target]
    assert details.findings == (BLOCKED, HELD)
    assert [entry.id for entry in details.in_trash] == [1]
    assert show_run(ledger, 99, is_active=False) is None


def test_runs_of_earlier_versions_keep_their_words(tmp_path: Path) -> None:
    """Version 7 counted nothing of an undo and called it "nothing done"."""
    with closing(sqlite3.connect(tmp_path / LEDGER_NAME)) as db:
        db.executescript(" ".join(STEPS[:7]))
        db.executescript(
            "INSERT INTO runs VALUES (1, '{0}', '{0}', '3 done'),"
            " (2, '{0}', '{0}', 'nothing done'), (3, '{0}', '{0}', 'nothing done'),"
            " (4, '{0}', NULL, NULL);"
            "INSERT INTO kept (run, kind, path, target, place, row, side_files, at)"
            " VALUES (2, 'result', x'2f', x'2f', x'2f', '[]', '[]', '');"
            "PRAGMA user_version=7;".format(AT.format(1))
        )
    with closing(Ledger.open(tmp_path)) as ledger:
        runs = list_runs(ledger, is_active=False)
    assert [run.record.kind for run in runs] == [
        RunKind.RUN, RunKind.RUN, RunKind.UNDO, RunKind.RUN,
    ]  # fmt: skip
    assert runs[-1].record.summary == "3 done"
    assert (runs[0].state, runs[0].record.trashed) == (RunEnding.KILLED, None)
