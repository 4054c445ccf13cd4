"""A run hands its rows to a backend, whose jobs end in outcomes: with a fake encoder."""

from __future__ import annotations

import pytest

from av1rules.base.errors import Av1rulesError, EncodeError
from av1rules.base.events import JobDiscarded, JobFailed, Outcome, RunFinished
from av1rules.execute.quality_gate import Rejection
from av1rules.execute.startup import start_session
from av1rules.ledger.records import AttemptResult
from av1rules.plan.items import PlanAction
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import open_workspace
from tests.conftest import MakeClip
from tests.fakes.backend import SerialBackend
from tests.fakes.worker import FakeClips, FakeWorker
from tests.runs import RunCounts, run_plan
from tests.sample_library import SampleLibrary


@pytest.fixture
def make_clip(fake_clips: FakeClips) -> MakeClip:
    return fake_clips


def run_serially(library: SampleLibrary, worker: FakeWorker) -> tuple[RunCounts, SerialBackend]:
    library.events.clear()
    backend = SerialBackend(worker)
    with (
        open_workspace(library.rules_file, write=False) as workspace,
        start_session(workspace, library.events.append) as session,
    ):
        return run_plan(build_plan(session.workspace), session, jobs=1, backend=backend), backend


def add_films(library: SampleLibrary, make_clip: MakeClip, names: str) -> None:
    for name in names:
        library.add(f"{name}.mkv", make_clip(f"{name}.mkv"))


def test_any_backend_makes_the_targets_of_a_plan(
    library: SampleLibrary, make_clip: MakeClip, fake_worker: FakeWorker
) -> None:
    add_films(library, make_clip, "ab")
    finished, backend = run_serially(library, fake_worker)
    assert (finished.done, finished.run) == (2, 1)
    assert sorted(backend.submitted) == ["films/a.mkv", "films/b.mkv"]
    assert [job.library_path for job in fake_worker.jobs] == backend.submitted
    assert [row.action for row in library.plan().rows] == [PlanAction.FRESH] * 2
    finished, backend = run_serially(library, fake_worker)
    assert (finished.done, finished.run, backend.submitted) == (0, None, [])
    assert library.leftovers() == []


def test_a_result_that_a_gate_rejects_is_remembered_and_goes(
    library: SampleLibrary, make_clip: MakeClip, fake_worker: FakeWorker
) -> None:
    library.rules(settings="crf: 50, preset: 12, film_grain: 0, max_size_ratio: 1")
    add_films(library, make_clip, "ab")
    fake_worker.results["films/a.mkv"] = Rejection(
        kind=AttemptResult.TOO_LARGE, detail="too large: 120% of the source", size_bytes=80_000
    )
    finished, _ = run_serially(library, fake_worker)
    assert (finished.done, finished.discarded) == (1, 1)
    (discarded,) = (event for event in library.events if isinstance(event, JobDiscarded))
    assert (discarded.source, discarded.target_bytes) == ("films/a.mkv", 80_000)
    assert not library.target("a.mkv").exists()
    assert library.row("a.mkv").action is PlanAction.LEFT_ALONE
    finished, backend = run_serially(library, fake_worker)
    assert (finished.discarded, backend.submitted) == (0, [])


@pytest.mark.parametrize(
    ("problem", "message", "is_counted"),
    [
        (EncodeError("the encoder crashed", hint="report it"), "the encoder crashed", True),
        (Av1rulesError("a file system ran full"), "a file system ran full", False),
        (OSError(5, "Input/output error", "/out"), "Input/output error: /out", False),
        (RuntimeError("oops"), "a bug in av1rules itself: RuntimeError: oops", False),
    ],
)
def test_a_job_that_fails_stops_no_other(
    problem: Exception,
    message: str,
    is_counted: bool,
    library: SampleLibrary,
    make_clip: MakeClip,
    fake_worker: FakeWorker,
) -> None:
    add_films(library, make_clip, "ab")
    fake_worker.results["films/a.mkv"] = problem
    finished, backend = run_serially(library, fake_worker)
    assert (finished.done, finished.failed, len(backend.submitted)) == (1, 1, 2)
    (failed,) = (event for event in library.events if isinstance(event, JobFailed))
    assert (failed.source, failed.message) == ("films/a.mkv", message)
    for _ in range(2):
        assert library.row("a.mkv").action is PlanAction.ENCODE, "it is tried again"
        run_serially(library, fake_worker)
    assert (library.row("a.mkv").action is not PlanAction.ENCODE) is is_counted
    assert library.leftovers() == []


def test_counts_keep_their_keys_in_ndjson() -> None:
    counts = dict.fromkeys(Outcome, 0) | {Outcome.DONE: 2, Outcome.NOT_ATTEMPTED: 1}
    event = RunFinished(counts=counts, run=7, source_bytes=10, target_bytes=5, elapsed_s=1.0)
    assert event.wire_fields() == {
        "source": None, "done": 2, "discarded": 0, "failed": 0, "dropped": 1, "moved": 0,
        "copied": 0, "trashed": 0, "clips": 0, "withheld": 0, "placed": 0, "taken_out": 0,
        "not_placed": 0, "run": 7, "source_bytes": 10, "target_bytes": 5, "elapsed_s": 1.0,
        "findings": (),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "count", "words"),
    [
        (Outcome.CLIP_MADE, 1, "1 clip made"),
        (Outcome.CLIP_MADE, 2, "2 clips made"),
        (Outcome.NOT_ATTEMPTED, 1, "1 left for the next run"),
    ],
)
def test_outcomes_in_words(outcome: Outcome, count: int, words: str) -> None:
    assert outcome.counted(count) == words
