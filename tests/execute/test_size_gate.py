"""The size gate, asked before, during and after an encode."""

from __future__ import annotations

import pytest

from av1rules.encode.size_gate import (
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
    ("frame", "frames", "projected_bytes", "is_stopped"),
    [
        (239, 300, 10_000, False),  # too early to tell: ten seconds
        (240, 300, 1501, True),
        (240, 300, 1500, False),
        (399, 2000, 10_000, False),  # a fifth
        (400, 2000, 10_000, True),
    ],
)
def test_a_running_encode_is_stopped_by_its_projected_size(
    frame: int,
    frames: int,
    projected_bytes: int,
    is_stopped: bool,
) -> None:
    found = is_too_large_so_far(
        frame, frames, projected_bytes, source_bytes=1000, max_size_ratio=1.0
    )
    assert found is is_stopped


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
