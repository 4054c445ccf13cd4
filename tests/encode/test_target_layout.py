from __future__ import annotations

import pytest

from av1rules.encode.streams import plan_streams
from av1rules.encode.target_layout import target_indexes
from tests.encode import make


@pytest.mark.parametrize(
    ("container", "empty", "found"),
    [
        ("mp4", set(), {1: 2, 0: 0, 2: 1}),  # the cover, before the film in the source, comes last
        ("mp4", {2}, {1: 1, 0: 0}),
        ("mkv", set(), {0: 0, 2: 1}),  # the cover is attached, no track
        ("mkv", {2}, {0: 0, 2: 1}),
    ],
)
def test_indexes_in_the_target(container: str, empty: set[int], found: dict[int, int]) -> None:
    film = make.source(audio=(make.audio(2),), attachments=(make.cover(1),))
    streams = plan_streams(film, make.settings(container=container))
    assert target_indexes(streams, frozenset(empty)) == found
