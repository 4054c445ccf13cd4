"""What an earlier attempt still says, once the length of the film is known to be another one."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from av1rules.ledger.records import Attempt, AttemptResult
from av1rules.plan.attempts import after_attempt
from av1rules.plan.items import PlanAction
from tests.encode.make import source, video
from tests.plan_items import encode, planned_encode

FILM_S, SUBTITLE_S = 70.0, 210.0

ATTEMPT = Attempt(
    kind=AttemptResult.TOO_LARGE, content_key="key", fingerprint="print", source="films/a.mkv",
    detail="too large", source_bytes=1000, target_bytes=1400, count=3,
    at="2026-11-22T20:00:00+00:00",
)  # fmt: skip


@pytest.mark.parametrize("kind", [AttemptResult.TOO_LARGE, AttemptResult.FAILED])
@pytest.mark.parametrize(
    ("is_projected", "before_s", "container_s", "is_free"),
    [
        (None, None, SUBTITLE_S, True),  # from before lengths were recorded, by the container's
        (None, None, 72.0, False),
        (True, SUBTITLE_S, SUBTITLE_S, True),
        (True, 71.0, SUBTITLE_S, False),
        (True, None, SUBTITLE_S, False),
    ],
)
def test_what_went_by_another_length_is_tried_again(
    is_projected: bool | None,
    before_s: float | None,
    container_s: float,
    is_free: bool,
    kind: AttemptResult,
) -> None:
    attempt = replace(ATTEMPT, kind=kind, is_projected=is_projected, film_s=before_s)
    assert _is_tried(attempt, container_s) is is_free


def test_the_size_of_a_finished_file_stays_a_verdict() -> None:
    attempt = replace(ATTEMPT, is_projected=False, film_s=SUBTITLE_S)
    assert not _is_tried(attempt, SUBTITLE_S)
    assert _is_tried(replace(attempt, target_bytes=1), SUBTITLE_S), "the policy allows more"


@pytest.mark.parametrize("kind", [AttemptResult.TOO_LARGE, AttemptResult.FAILED])
def test_a_length_that_is_not_known_frees_nothing(kind: AttemptResult) -> None:
    attempt = replace(ATTEMPT, kind=kind, is_projected=True, film_s=SUBTITLE_S)
    assert not _is_tried(attempt, None, film_s=None)


def _is_tried(attempt: Attempt, container_s: float | None, film_s: float | None = FILM_S) -> bool:
    film = encode("a.mkv")
    source_now = source(main=video(duration_s=film_s), duration_s=container_s)
    row = after_attempt(
        attempt, film, ("new",), planned_encode(film.file, source_now), max_failures=3
    )
    return row.action is PlanAction.ENCODE


@pytest.mark.parametrize(("count", "most", "is_parked"), [
    (1, 1, True), (2, 3, False), (3, 3, True), (4, 3, True),
])  # fmt: skip
def test_a_film_is_parked_at_exactly_the_most_failures(
    count: int, most: int, *, is_parked: bool
) -> None:
    attempt = Attempt(
        kind=AttemptResult.FAILED, content_key="k", fingerprint="f", source="films/a.mkv",
        detail="hangs", source_bytes=1, target_bytes=None, count=count, at="",
    )  # fmt: skip
    assert attempt.is_parked(most) is is_parked
    assert replace(attempt, is_final=True).is_parked(count + 1)
