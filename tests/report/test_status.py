"""The one screen of `status`, whole."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from av1rules.base.events import Outcome
from av1rules.base.findings import FindingKind
from av1rules.execute.resources.watcher import WatcherState
from av1rules.ledger.checks import DamageRecord
from av1rules.ledger.clips import ClipStatus
from av1rules.ledger.records import AttemptResult
from av1rules.ledger.run_history import RunEnding, RunSummary
from av1rules.ledger.runs import RunKind, RunRecord
from av1rules.ledger.trash_table import TrashKind
from av1rules.operations.status import FailingFilm, Status, TrashUsage
from av1rules.report.status import status_json, status_text
from tests.conftest import Golden

NOON = "2026-01-01T12:00:00+00:00"

EMPTY = Status(
    ledger="/shelf/.av1rules/ledger.sqlite3", version=None, holder=None, targets=0, source_bytes=0,
    target_bytes=0, aside=(), parked=(), failing=(), decided=(), clips=(), damaged_targets=(),
    damaged_sources=(), left_over=0, unrecorded=0, runs=(),
)  # fmt: skip


def failed(source: str, count: int) -> FailingFilm:
    return FailingFilm(
        source=source, kind=FindingKind.FAILED, times=count, at=NOON,
        detail="FFmpeg ended with 1\x1b[2J",
    )  # fmt: skip


def run(number: int, state: RunEnding, **fields: Any) -> RunSummary:
    ended = None if state in (RunEnding.RUNNING, RunEnding.KILLED) else NOON
    record = RunRecord(id=number, started=NOON, ended=ended, **fields)
    found = {} if state is not RunEnding.FAILED else {FindingKind.FAILED: 1, FindingKind.HELD: 4}
    return RunSummary(record=record, state=state, found=found, new_failures=len(found) // 2)


def test_busy_library(golden: Golden) -> None:
    status = replace(
        EMPTY,
        version=2,
        targets=412,
        source_bytes=5 * 1024**4,
        target_bytes=2 * 1024**4,
        aside=(
            TrashUsage(
                kind=TrashKind.ORIGINAL, count=40, size_bytes=9**12, frees_bytes=8**12, away=2
            ),
            TrashUsage(kind=TrashKind.ORPHAN, count=1, size_bytes=999, frees_bytes=999, away=0),
        ),
        parked=tuple(failed(f"films/{number:02}.mkv", 3) for number in range(11)),
        failing=(
            failed("films/x.mkv", 1),
            FailingFilm(
                source="films/y.mkv",
                kind=FindingKind.NO_ACCESS,
                times=None,
                at=NOON,
                detail="Permission denied: /out/films",
            ),
        ),
        decided=(
            (AttemptResult.TOO_LARGE, 7),
            (AttemptResult.TOO_POOR, 2),
            (AttemptResult.UNDONE, 1),
        ),
        clips=((ClipStatus.WAITING, 3), (ClipStatus.REJECTED, 1), (ClipStatus.APPROVED, 9)),
        damaged_targets=(
            DamageRecord(name="/out/films/a.mkv", at=NOON, fault="its bytes changed"),
        ),
        damaged_sources=(DamageRecord(name="films/b.mkv", at=NOON, fault="ends after 12:05"),),
        left_over=2,
        runs=(
            run(14, RunEnding.KILLED),
            run(13, RunEnding.DONE, kind=RunKind.UNDO, counts={Outcome.UNDONE: 3}),
            run(
                12,
                RunEnding.FAILED,
                counts={Outcome.DONE: 3, Outcome.FAILED: 1, Outcome.NOT_ATTEMPTED: 2},
                source_bytes=5 * 1024**3,
                target_bytes=2 * 1024**3,
            ),
            run(11, RunEnding.DONE, summary="3 done, 1 failed"),
        ),
    )
    golden("status.txt", status_text(status) + "\n")


def test_library_never_run(golden: Golden) -> None:
    golden("status_empty.txt", status_text(EMPTY) + "\n")


def test_a_watcher_is_shown_with_what_it_does() -> None:
    watcher = WatcherState(
        pid=7, host="nas", since=NOON, state="waiting", beat_s=0, reason="no \x1b disk", until=NOON
    )
    text = status_text(replace(EMPTY, watcher=watcher))
    (line,) = (line for line in text.splitlines() if line.startswith("watcher"))
    assert "waiting: no \\x1b disk, looks again" in line
    assert "process 7 on nas since" in line
    assert "silent for minutes" in line
    document = msgspec.json.decode(status_json(replace(EMPTY, watcher=watcher)))
    assert document["watcher"]["state"] == "waiting"
