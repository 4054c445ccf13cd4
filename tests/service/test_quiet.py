from __future__ import annotations

from msgspec.structs import replace

from av1rules.base.events import (
    Event,
    JobDropped,
    JobFailed,
    Note,
    Outcome,
    Probing,
    RunFinished,
    RunForecast,
    RunStarted,
)
from av1rules.service.quiet import QuietRounds

NOTHING = RunStarted(jobs=1, stale=0, fresh=9, held=0, blocked=0, size_bytes=0)
WORK = RunStarted(jobs=1, stale=1, fresh=9, held=0, blocked=0, size_bytes=7)
FORECAST = RunForecast(encodes=1, low_s=1, mid_s=2, high_s=3)
COUNTS = dict.fromkeys(Outcome, 0)


def finished(run: int | None = None) -> RunFinished:
    return RunFinished(counts=COUNTS, run=run, source_bytes=0, target_bytes=0, elapsed_s=0.1)


def shown(quiet: QuietRounds, *events: Event) -> list[Event]:
    """What of one round is shown."""
    seen: list[Event] = []
    sink = quiet.over(seen.append)
    for event in events:
        sink(event)
    return seen


def test_a_round_without_work_says_nothing() -> None:
    assert shown(QuietRounds(), NOTHING, finished()) == []


def test_a_round_with_work_says_all() -> None:
    events = (WORK, JobFailed(message="x"), finished(3))
    assert shown(QuietRounds(), *events) == list(events)


def test_what_was_held_back_comes_before_what_follows() -> None:
    failed = JobFailed(message="x")
    assert shown(QuietRounds(), NOTHING, failed, finished(3)) == [NOTHING, failed, finished(3)]


def test_a_recorded_round_is_told_even_without_jobs() -> None:
    assert shown(QuietRounds(), NOTHING, finished(3)) == [NOTHING, finished(3)]


def test_a_problem_that_stays_is_told_once_and_again_when_it_comes_back() -> None:
    quiet, note = QuietRounds(), Note(source="a.mkv", message="blocked", is_problem=True)
    assert shown(quiet, note, NOTHING, finished()) == [note]
    assert shown(quiet, note, NOTHING, finished()) == []
    assert shown(quiet, NOTHING, finished()) == []
    assert shown(quiet, note, NOTHING, finished()) == [note]


def test_the_same_words_of_another_film_are_another_problem() -> None:
    quiet = QuietRounds()
    first = Note(source="a.mkv", message="blocked")
    second = Note(source="b.mkv", message="blocked")
    assert shown(quiet, first, second, first, NOTHING, finished()) == [first, second]


def test_a_film_that_fits_on_no_disk_is_told_once_and_again_after_it_fitted() -> None:
    quiet, kept = QuietRounds(), finished(3)
    left = replace(kept, counts=COUNTS | {Outcome.NOT_ATTEMPTED: 1})
    first, second = (JobDropped(source="a.mkv", reason=f"{size} MiB free") for size in (1, 2))
    assert shown(quiet, FORECAST, WORK, first, left) == [FORECAST, WORK, first, left]
    assert shown(quiet, FORECAST, WORK, second, left) == []
    done = JobFailed(source="b.mkv", message="x")
    assert shown(quiet, FORECAST, WORK, second, done, kept) == [FORECAST, WORK, done, kept]
    assert shown(quiet, FORECAST, WORK, done, kept) == [FORECAST, WORK, done, kept]
    assert shown(quiet, FORECAST, WORK, second, left) == [FORECAST, WORK, second, left]


def test_progress_of_probing_is_always_shown() -> None:
    probing = Probing(done=1, total=2)
    assert shown(QuietRounds(), probing, NOTHING, finished()) == [probing]
