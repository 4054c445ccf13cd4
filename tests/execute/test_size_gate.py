"""The size gate, asked before, during and after an encode."""

from __future__ import annotations

import pytest

from av1rules.encode.size_gate import (
    certain_bytes,
    is_same_length,
    is_too_large_so_far,
    is_worth_sampling,
    too_large,
    too_large_by_samples,
)
from tests.encode.make import source, video


@pytest.mark.parametrize(
    ("duration_s", "is_worth"), [(None, False), (599.0, False), (600.0, True), (7200.0, True)]
)
def test_only_long_sources_are_sampled(duration_s: float | None, is_worth: bool) -> None:
    film = source(main=video(duration_s=duration_s), duration_s=duration_s)
    assert is_worth_sampling(film) is is_worth


@pytest.mark.parametrize(
    ("projected_bytes", "reason"),
    [
        (None, None),
        (1350, None),
        (
            1351,
            (
                "too large: by its samples 135% of the source (1.32 KiB), "
                "the policy keeps at most 100%"
            ),
        ),
    ],
)
def test_samples_speak_only_against_what_is_hopeless(
    projected_bytes: int | None, reason: str | None
) -> None:
    output = too_large_by_samples(projected_bytes, source_bytes=1000, max_size_ratio=1.0)
    assert output == reason


@pytest.mark.parametrize(
    ("frame", "frames", "film_s", "length_s", "certain"),
    [
        (239, 300, 9.56, 12.0, 1000),  # too early to tell: ten seconds
        (240, 300, 9.6, 12.0, 1250),
        (399, 2000, 15.96, 80.0, 1000),  # a fifth
        (400, 2000, 16.0, 80.0, 5000),
        (400, 2000, 16.0, None, 1000),  # a length that nobody measured
        (400, None, 16.0, 80.0, 1000),
        (400, 2000, None, 80.0, 1000),
        (400, 2000, 40.0, 80.0, 2000),  # few pictures, but half of the film
        (1000, 2000, 16.0, 80.0, 2000),  # half of the pictures, in a fifth of the film
        (2500, 2000, 100.0, 80.0, 1000),  # more than expected: only what was written counts
        (400, 2000, 900.0, 80.0, 1000),  # a subtitle far ahead
    ],
)
def test_a_projection_takes_the_most_hopeful_of_what_is_known(
    frame: int, frames: int | None, film_s: float | None, length_s: float | None, certain: int
) -> None:
    found = certain_bytes(1000, frame=frame, frames=frames, film_s=film_s, length_s=length_s)
    assert found == certain


def test_nothing_is_certain_of_a_size_that_is_not_known() -> None:
    assert certain_bytes(None, frame=400, frames=2000, film_s=16.0, length_s=80.0) is None


@pytest.mark.parametrize(("size_bytes", "is_stopped"), [(1500, False), (1501, True)])
def test_a_running_encode_is_stopped_by_its_certain_size(size_bytes: int, is_stopped: bool) -> None:
    found = is_too_large_so_far(size_bytes, source_bytes=1000, max_size_ratio=1.0)
    assert found is is_stopped


@pytest.mark.parametrize(
    ("one_s", "other_s", "is_same"),
    [
        (70.0, 210.0, False),
        (100.0, 96.0, True),
        (96.0, 100.0, True),
        (100.0, 94.0, False),
        (None, 70.0, True),
        (70.0, None, True),
    ],
)
def test_lengths_are_the_same_within_a_twentieth(
    one_s: float | None, other_s: float | None, is_same: bool
) -> None:
    assert is_same_length(one_s, other_s) is is_same


@pytest.mark.parametrize(
    ("size_bytes", "is_projected", "reason"),
    [
        (900, False, None),
        (901, False, "too large: 90% of the source, the policy keeps at most 90%"),
        (2000, True, "too large: projected to be 200% of the source, the policy keeps at most 90%"),
    ],
)
def test_a_result_is_kept_up_to_the_ratio(
    size_bytes: int,
    is_projected: bool,
    reason: str | None,
) -> None:
    output = too_large(size_bytes, source_bytes=1000, max_size_ratio=0.9, is_projected=is_projected)
    assert output == reason
