"""The table of runs fits its terminal; one run in full names what comes next for each film."""

from __future__ import annotations

import json
from typing import Any

import pytest

from av1rules.base.events import Outcome
from av1rules.base.findings import FilmFinding, FindingKind
from av1rules.ledger.outbox.table import OutboxEntry, OutboxState
from av1rules.ledger.records import RunTarget
from av1rules.ledger.run_history import RunDetails, RunEnding, RunSummary
from av1rules.ledger.runs import RunKind, RunRecord
from av1rules.ledger.trash_table import TrashEntry, TrashKind
from av1rules.policy.neighbours.spec import AnnouncedEvent
from av1rules.report.runs import (
    NO_RUNS,
    next_command,
    result_text,
    run_json,
    run_text,
    runs_json,
    runs_text,
)
from av1rules.report.view import View
from tests.conftest import Golden
from tests.plan.test_freshness import ROW

STARTED, ENDED = "2026-01-01T12:00:00+00:00", "2026-01-01T13:02:03+00:00"
GIB = 1024**3


def run(
    number: int = 12,
    state: RunEnding = RunEnding.DONE,
    found: dict[FindingKind, int] | None = None,
    *,
    new: int = 0,
    same: int = 0,
    **fields: Any,
) -> RunSummary:
    ended = None if state in (RunEnding.RUNNING, RunEnding.KILLED) else ENDED
    record = RunRecord(id=number, started=STARTED, ended=ended, **fields)
    since = "2025-12-31T12:00:00+00:00" if same else None
    return RunSummary(
        record=record, state=state, found=found or {}, new_failures=new, same=same, since=since
    )


WORKED = run(
    state=RunEnding.FAILED,
    found={FindingKind.FAILED: 1, FindingKind.NO_ACCESS: 1, FindingKind.BLOCKED: 1,
           FindingKind.HELD: 3, FindingKind.CLIP_WAITING: 1},
    new=1,
    exit_code=1,
    command=("av1rules", "run", "-j", "2", "films/a b.mkv"),
    counts={Outcome.DONE: 3, Outcome.CLIP_MADE: 1, Outcome.FAILED: 2, Outcome.NOT_ATTEMPTED: 2},
    source_bytes=12 * GIB,
    target_bytes=3 * GIB,
)  # fmt: skip

RUNS = (
    run(16, RunEnding.RUNNING),
    run(15, kind=RunKind.UNDO, counts={Outcome.UNDONE: 3}),
    run(14, RunEnding.KNOWN, {FindingKind.BLOCKED: 1}, same=23),
    run(13, RunEnding.STOPPED, problem="/films: the root is missing\n  hint: mount it"),
    WORKED,
    run(11, RunEnding.KILLED, counts={Outcome.DONE: 1}),
    run(10, RunEnding.INTERRUPTED, counts={Outcome.DONE: 1, Outcome.NOT_ATTEMPTED: 40}),
    run(9, kind=RunKind.PURGE, counts={Outcome.PURGED: 2}),
    run(8, kind=RunKind.UNDO, summary="nothing done"),
    run(7, summary="3 done, 1 failed"),
)


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_the_table_fits_its_terminal(width: int, golden: Golden) -> None:
    text = runs_text(RUNS, View(width=width))
    assert max(map(len, text.splitlines())) <= width
    golden(f"runs_{width}.txt", text + "\n")


def test_a_pipe_gets_each_run_on_one_line() -> None:
    assert len(runs_text(RUNS).splitlines()) == len(RUNS) + 2


def test_no_runs() -> None:
    assert runs_text(()) == NO_RUNS
    assert json.loads(runs_json(())) == {"format": 1, "runs": []}


@pytest.mark.parametrize(
    ("summary", "text"),
    [
        (run(), "nothing done"),
        (run(kind=RunKind.UNDO, counts={Outcome.UNDONE: 2}), "2 put back"),
        (run(kind=RunKind.UNDO, summary="nothing done"), "put files back"),
        (run(summary="nothing done"), "nothing done"),
        (run(found={FindingKind.FAILED: 2}, new=2), "2 failed (new)"),
        (run(found={FindingKind.FAILED: 2}, new=1), "2 failed (1 new)"),
        (run(found={FindingKind.FAILED: 2}), "2 failed (known)"),
        (
            run(
                kind=RunKind.UNDO,
                found={FindingKind.REFUSED: 1},
                new=1,
                counts={Outcome.UNDONE: 2, Outcome.REFUSED: 1},
            ),
            "2 put back, 1 refused (new)",
        ),
        (run(source_bytes=GIB, target_bytes=2 * GIB), "-1 GiB saved"),
        (run(counts={Outcome.OVER_BUDGET: 4}), "4 left"),
    ],
)  # fmt: skip
def test_results_in_words(summary: RunSummary, text: str) -> None:
    assert result_text(summary) == text


def finding(kind: FindingKind, film: str = "films/a b.mkv", **fields: Any) -> FilmFinding:
    return FilmFinding(film=film, kind=kind, detail="a reason\x1b[2J\nof two lines", **fields)


def announced(neighbour: str, state: OutboxState, **fields: Any) -> OutboxEntry:
    return OutboxEntry(
        id=1, neighbour=neighbour, key="k", event=AnnouncedEvent.PUBLISHED, at=STARTED,
        film="films/x.mkv", run=12, state=state, **fields,
    )  # fmt: skip


DETAILS = RunDetails(
    summary=WORKED,
    findings=(
        finding(FindingKind.FAILED, hint="report it"),
        finding(FindingKind.NO_ACCESS, is_new=False),
        finding(FindingKind.UNREADABLE, ""),
        finding(FindingKind.HELD),
        finding(FindingKind.CLIP_WAITING, "films/'c'.mkv"),
        finding(FindingKind.DISCARDED),
    ),
    made=(
        RunTarget(
            source="films/x.mkv", target="/out/x.mkv", source_bytes=4 * GIB, target_bytes=GIB
        ),
    ),
    in_trash=(TrashEntry(id=1, run=12, kind=TrashKind.ORIGINAL, path="/t", row=ROW, at=STARTED),),
    announced=(
        announced("den", OutboxState.DONE),
        announced("hook", OutboxState.DONE),
        announced("hook", OutboxState.PENDING, problem="no answer\x1b within 15 s", attempts=3),
        announced("hook", OutboxState.PENDING, problem="no answer\x1b within 15 s", attempts=3),
        announced("hook", OutboxState.GIVEN_UP, problem="it answered 413"),
    ),
)


def test_one_run_in_full(golden: Golden) -> None:
    golden("run.txt", run_text(DETAILS) + "\n")
    narrow = run_text(DETAILS, View(width=60)) + "\n"
    assert max(map(len, narrow.splitlines())) <= 60
    golden("run_60.txt", narrow)


def test_an_undo_says_how_to_take_it_back() -> None:
    entry = TrashEntry(id=1, run=15, kind=TrashKind.RESULT, path="/t", row=ROW, at=STARTED)
    details = RunDetails(summary=RUNS[1], findings=(), made=(), in_trash=(entry,))
    assert run_text(details).endswith("next: av1rules undo 15 puts the AV1 files back")


def test_json_has_all_of_it() -> None:
    document = json.loads(run_json(DETAILS))
    assert document["run"] == json.loads(runs_json([WORKED]))["runs"][0]
    assert document["run"]["counts"] == {"done": 3, "clip_made": 1, "failed": 2, "not_attempted": 2}
    assert document["run"]["command"][-1] == "films/a b.mkv"
    assert (document["run"]["took_s"], document["run"]["saved_bytes"]) == (3723.0, 9 * GIB)
    assert document["made"][0]["target"] == "/out/x.mkv"
    first = document["findings"][0]
    assert (first["kind"], first["is_failure"], first["is_new"]) == ("failed", True, True)
    assert first["next"] == "av1rules retry 'films/a b.mkv'"
    assert document["trash"][0]["place"] == ROW.source_path
    told = document["deliveries"][2]
    assert (told["neighbour"], told["event"], told["state"], told["attempts"]) == (
        "hook", "published", "pending", 3,
    )  # fmt: skip


def test_every_kind_but_a_bug_has_a_command_that_comes_next() -> None:
    without = [kind for kind in FindingKind if next_command(finding(kind)) is None]
    assert without == [FindingKind.BUG]
