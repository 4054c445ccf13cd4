"""Where samples lie, for films of any length, start and rate."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from av1rules.media.source import AudioStream, Chapter, Source, VideoStream
from av1rules.quality.sampling import (
    TOTAL_S,
    WHOLE_FILM_RATIO,
    projected_bytes,
    sample_excerpts,
    samples_length_s,
)

FILM_RATE = Fraction(24000, 1001)


def _source(
    duration_s: float | None,
    *,
    start_s: float = 0.0,
    rate: Fraction | None = FILM_RATE,
    is_variable: bool | None = False,
    frames: int | None = None,
    size: tuple[int, int] = (1920, 1080),
    chapters: tuple[Chapter, ...] = (),
) -> Source:
    main = VideoStream(
        index=0,
        codec="h264",
        width=size[0],
        height=size[1],
        start_s=start_s,
        frame_rate=rate,
        is_variable_rate=is_variable,
        frames=frames,
    )
    return Source(
        container="matroska,webm",
        size_bytes=1,
        duration_s=duration_s,
        video=(main,),
        chapters=chapters,
        main_index=0,
    )


def _total_s(excerpts: tuple[tuple[float, float], ...]) -> float:
    return sum(length_s for _, length_s in excerpts)


@pytest.mark.parametrize(("minutes", "pieces"), [(0.8, 1), (1, 18), (42, 18), (240, 18)])
def test_pieces_by_length_of_the_film(minutes: float, pieces: int) -> None:
    assert len(sample_excerpts(_source(minutes * 60.0))) == pieces


def test_a_film_of_two_hours() -> None:
    excerpts = sample_excerpts(_source(7200.0, rate=Fraction(24)))
    assert excerpts[0] == (418.3125, 2.0)
    starts = [start_s for start_s, _ in excerpts]
    assert min(starts) > 240
    assert max(starts) < 7200 - 0.07 * 7200
    assert {round(later - earlier) for earlier, later in pairwise(starts)} == {359}


def test_of_large_pictures_there_are_fewer_and_longer_pieces() -> None:
    excerpts = sample_excerpts(_source(7200.0, size=(3840, 2160)))
    assert len(excerpts) == 12
    assert _total_s(excerpts) == pytest.approx(TOTAL_S, abs=1)


@pytest.mark.parametrize("duration_s", [0.04, 3.0, TOTAL_S, TOTAL_S * WHOLE_FILM_RATIO])
def test_a_short_film_is_sampled_whole(duration_s: float) -> None:
    ((start_s, length_s),) = sample_excerpts(_source(duration_s, start_s=5.0))
    assert start_s < 5.0
    assert start_s + length_s > 5.0 + duration_s


def test_credits_are_left_out_by_chapters_too() -> None:
    chapters = (
        Chapter(start_s=0, end_s=300, title="Main titles"),
        Chapter(start_s=300, end_s=3000, title="Story"),
        Chapter(start_s=3000, end_s=3600, title="End credits"),
    )
    excerpts = sample_excerpts(_source(3600.0, chapters=chapters))
    assert excerpts[0][0] > 300
    assert sum(excerpts[-1]) < 3000


def test_chapters_that_leave_nothing_are_not_believed() -> None:
    chapters = (
        Chapter(start_s=0, end_s=15, title="Intro"),
        Chapter(start_s=46, end_s=60, title="Credits"),
    )
    excerpts = sample_excerpts(_source(60.0, chapters=chapters))
    assert excerpts[0][0] < 15
    assert _total_s(excerpts) == pytest.approx(TOTAL_S, abs=1)


def test_a_length_told_by_nothing_but_the_number_of_pictures() -> None:
    counted = sample_excerpts(_source(None, frames=24 * 3600, rate=Fraction(24)))
    assert counted == sample_excerpts(_source(3600.0, rate=Fraction(24)))


def test_of_an_unknown_length_the_beginning_is_taken() -> None:
    ((start_s, length_s),) = sample_excerpts(_source(None, start_s=7.0))
    assert start_s <= 7.0
    assert start_s + length_s == pytest.approx(7.0 + TOTAL_S)


@given(
    duration_s=st.floats(1, 40_000),
    start_s=st.floats(-10, 100_000),
    rate=st.fractions(Fraction(1, 2), 240, max_denominator=1001) | st.none(),
    is_variable=st.booleans(),
)
def test_samples_of_any_film(
    duration_s: float, start_s: float, rate: Fraction | None, is_variable: bool
) -> None:
    """In order, apart, inside the film, of the length promised, cut between pictures."""
    source = _source(duration_s, start_s=start_s, rate=rate, is_variable=is_variable)
    excerpts = sample_excerpts(source)
    assert excerpts == sample_excerpts(source)
    if len(excerpts) == 1:
        assert duration_s <= TOTAL_S * WHOLE_FILM_RATIO
        return
    ends = [start + length for start, length in excerpts]
    assert all(end <= later for end, (later, _) in zip(ends, excerpts[1:], strict=False))
    assert start_s <= excerpts[0][0]
    assert ends[-1] <= start_s + duration_s
    even = rate is not None and rate >= 1 and not is_variable
    slack_s = len(excerpts) / float(rate) if even and rate else 0.001
    assert TOTAL_S - slack_s <= _total_s(excerpts) <= TOTAL_S + 0.001
    if even and rate:
        for begin_s, length_s in excerpts:
            offset = (begin_s - start_s) * float(rate)
            assert abs(offset - round(offset - 0.5) - 0.5) < 0.01
            assert length_s * float(rate) == pytest.approx(round(length_s * float(rate)), abs=0.01)


def _with_late_subtitle(film_s: float, container_s: float) -> Source:
    """The container goes on for as long as its last subtitle."""
    source = _source(container_s)
    (main,) = source.video
    sound = AudioStream(index=1, codec="aac", bitrate_bps=8000)
    return replace(source, video=(replace(main, duration_s=film_s),), audio=(sound,))


def test_samples_lie_within_the_pictures() -> None:
    *_, (start_s, length_s) = sample_excerpts(_with_late_subtitle(3600, 10_800))
    assert start_s + length_s < 3600


def test_sizes_are_projected_to_the_length_of_the_pictures() -> None:
    source = _with_late_subtitle(3600, 10_800)
    found = projected_bytes(source, frozenset({0, 1}), clip_bytes=36_000, clip_s=36.0)
    assert found == 3600 * (1000 + 1000), "pictures and sound, a kilobyte a second each"
    assert projected_bytes(_source(None), frozenset(), clip_bytes=9, clip_s=1.0) is None


@pytest.mark.parametrize("size", [(1920, 1080), (3840, 2160)])
@pytest.mark.parametrize("rate", [Fraction(24_000, 1001), Fraction(25), Fraction(1, 2), None])
@pytest.mark.parametrize("duration_s", [None, 20.0, TOTAL_S * WHOLE_FILM_RATIO, 7201.3])
def test_the_total_length_is_that_of_all_samples(
    size: tuple[int, int], rate: Fraction | None, duration_s: float | None
) -> None:
    source = _source(duration_s, size=size, rate=rate)
    assert samples_length_s(source) == sum(length for _, length in sample_excerpts(source))
