"""Events as lines: what is written is read back; what is no event is none."""

from __future__ import annotations

import pytest

from av1rules.base.events import (
    ClipMade,
    Event,
    JobDone,
    JobFailed,
    JobProgress,
    JobStarted,
    Note,
    Outcome,
    RunFinished,
    RunStarted,
)
from av1rules.base.findings import FilmFinding, FindingKind
from av1rules.report.live.wire import event_line, read_event_line

COUNTS = {**dict.fromkeys(Outcome, 0), Outcome.DONE: 2, Outcome.CLIP_MADE: 1}

EVENTS: list[Event] = [
    RunStarted(jobs=2, stale=3, fresh=1, held=0, blocked=0, size_bytes=99, clips=1),
    JobStarted(
        source="films/\u202eodd\x1b.mkv", target="/out/a.mkv", size_bytes=9, duration_s=None,
        frames=12, causes=("no target",), encoder="libsvtav1", limit_bytes=8,
    ),
    JobProgress(source="films/a.mkv", phase="encode", frame=3, frames=12, fps=2.5),
    JobDone(
        source="films/a.mkv", target="/out/a.mkv", source_bytes=9, target_bytes=3, encode_s=1.0,
        verify_s=0.5,
    ),
    JobFailed(source="films/b.mkv", message="no", hint=None),
    ClipMade(
        source="films/c.mkv", clip="/c.mkv", size_bytes=1, source_bytes=2, projected_bytes=None,
        score=None, elapsed_s=1.0,
    ),
    Note(message="said", is_problem=True),
    RunFinished(
        counts=COUNTS, run=7, source_bytes=9, target_bytes=3, elapsed_s=2.0,
        findings=(FilmFinding(film="films/b.mkv", kind=FindingKind.FAILED, detail="no"),),
    ),
]  # fmt: skip


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_there_and_back(event: Event) -> None:
    line = event_line(event, run=7, pid=12)
    assert line.isprintable()
    found = read_event_line(line.encode())
    assert found is not None
    assert (found.event, found.run, found.pid) == (event, 7, 12)
    assert found.time.startswith("20")


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b"[]", b'{"type": "note"}', b'{"type": "from_later", "time": "x"}', b"\xff\x00",
     b'{"type": "run_finished", "time": "x", "counts": 3}'],
)  # fmt: skip
def test_what_is_no_event(line: bytes) -> None:
    assert read_event_line(line) is None
