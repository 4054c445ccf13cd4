"""Films are remembered by content, and say how far a probe must look."""

from __future__ import annotations

import pytest

from av1rules.ffmpeg.film_log import LateStream
from av1rules.media.cache import LibraryCache
from av1rules.media.film_cache import (
    FARTHEST_BYTES,
    FIRST_REACH,
    is_headerless,
    known_film,
    needs_reach,
    reach_for,
    remember_film,
    without_unresolved,
)
from av1rules.media.film_facts import FilmFacts
from av1rules.media.source import AudioStream
from tests.encode.make import source


def late(at_byte: int | None, at_s: float | None = 100.0) -> FilmFacts:
    return FilmFacts(late=(LateStream(kind="audio", index=2, at_byte=at_byte, at_s=at_s),))


def test_what_is_seen_is_added_to_what_is_known() -> None:
    cache = LibraryCache(None)
    assert known_film(cache, "k") is None
    remember_film(cache, "k", late(5))
    remember_film(cache, "k", FilmFacts(is_whole=True))
    known = known_film(cache, "k")
    assert known is not None
    assert (known.late, known.is_whole) == (late(5).late, True)
    assert known_film(cache, "other") is None


@pytest.mark.parametrize(
    ("seen", "bytes_beyond", "s_beyond"),
    [
        (None, 0, 0.0),
        (FilmFacts(), 0, 0.0),
        (late(1_000, 5.0), 0, 0.0),
        (late(100_000_000, 5.0), 100_000_000, 0.0),
        (late(1_000, 100.0), 0, 100.0),
        (late(FARTHEST_BYTES, 100.0), 0, 0.0),
        (late(None), 0, 0.0),
    ],
)
def test_reach_goes_behind_the_late_streams_that_can_be_reached(
    seen: FilmFacts | None, bytes_beyond: int, s_beyond: float
) -> None:
    reach = reach_for(seen)
    assert max(bytes_beyond, FIRST_REACH.size_bytes) <= reach.size_bytes <= FARTHEST_BYTES
    assert reach.duration_s > s_beyond
    assert (reach == FIRST_REACH) == (not bytes_beyond and not s_beyond)


def test_only_a_source_without_a_header_is_probed_farther() -> None:
    far = late(100_000_000)
    assert needs_reach(far, source()) is None
    probed = source(reach=FIRST_REACH)
    assert needs_reach(FilmFacts(), probed) is None
    farther = needs_reach(far, probed)
    assert farther is not None
    assert needs_reach(far, source(reach=farther)) is None


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ("mpegts", True),
        ("mpeg", True),
        ("matroska,webm", False),
        ("mov,mp4,m4a,3gp,3g2,mj2", False),
    ],
)
def test_containers_without_a_list_of_streams(container: str, *, expected: bool) -> None:
    assert is_headerless(container) == expected


def test_sound_of_which_only_the_place_is_known_is_not_mapped() -> None:
    sound = (
        AudioStream(index=1, codec="ac3", sample_rate=48000),
        AudioStream(index=2, codec="ac3"),
    )
    found = without_unresolved(source(audio=sound, reach=FIRST_REACH))
    assert (found.audio, found.unresolved) == (sound[:1], ("a sound track (ac3)",))
