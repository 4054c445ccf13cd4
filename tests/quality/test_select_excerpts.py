"""Which passages become the clip, from made-up surveys."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from av1rules.media.source import Chapter
from av1rules.quality.excerpts import ExcerptKind, FrameSample, Survey, nits
from av1rules.quality.select_excerpts import select_excerpts

PLAIN = FrameSample(
    time_s=0.0, luma=0.4, dark_share=0.1, peak=0.6, motion=0.01, noise=0.3, texture=0.6
)
SPACING_S = 10.0


def _film(changes: dict[int, dict[str, Any]], *, count: int = 360, **survey: Any) -> Survey:
    """An hour in samples of 10 s; `changes` by the number of the sample."""
    samples = tuple(
        replace(PLAIN, time_s=number * SPACING_S, **changes.get(number, {}))
        for number in range(count)
    )
    facts: dict[str, Any] = {"start_s": 0.0, "frame_rate": (24000, 1001), "transfer": "bt709"}
    return Survey(**(facts | survey), duration_s=count * SPACING_S, wanted=count, samples=samples)


HARD = {
    247: {"luma": 0.023, "dark_share": 0.9},
    100: {"noise": 2.5, "texture": 2.9},
    160: {"motion": 0.12},
    210: {"peak": 0.83},
}


def test_each_piece_says_why() -> None:
    plan = select_excerpts(_film(HARD))
    assert plan.reasons == (
        "grain: 00:16:32, noise 2.5",
        "fast: 00:26:32, change 26 in 0.12 s",
        "dark: 00:41:02, mean luma 21",
    )


def test_times_are_told_from_the_first_picture_on() -> None:
    early, late = _film(HARD), _film(HARD)
    late = replace(
        late,
        start_s=5.0,
        samples=tuple(replace(one, time_s=one.time_s + 5.0) for one in late.samples),
    )
    assert select_excerpts(late).reasons == select_excerpts(early).reasons
    assert select_excerpts(late).excerpts[0].start_s == pytest.approx(
        select_excerpts(early).excerpts[0].start_s + 5.0
    )


def test_hdr_shows_the_brightest_too() -> None:
    plan = select_excerpts(_film(HARD, transfer="smpte2084"), clip_s=40.0)
    assert [excerpt.kind for excerpt in plan.excerpts] == [
        ExcerptKind.GRAIN,
        ExcerptKind.FAST,
        ExcerptKind.BRIGHT,
        ExcerptKind.DARK,
    ]
    assert plan.reasons[2] == "bright: 00:34:54, peak 2048 cd/m2"


def test_hlg_peaks_are_levels() -> None:
    plan = select_excerpts(_film(HARD, transfer="arib-std-b67"))
    assert next(r for r in plan.reasons if r.startswith("bright")).endswith("peak 198")


def test_a_clean_film_shows_fine_detail_instead_of_grain() -> None:
    clean = HARD | {100: {"texture": 3.1}}
    assert "texture: 00:16:32, fine detail 3.1" in select_excerpts(_film(clean)).reasons


def test_leaves_are_not_taken_for_grain() -> None:
    leaves = HARD | {100: {"noise": 1.4, "texture": 3.7}}
    assert ExcerptKind.TEXTURE in {
        excerpt.kind for excerpt in select_excerpts(_film(leaves)).excerpts
    }


@pytest.mark.parametrize(
    ("number", "why"),
    [(5, "titles"), (345, "end credits"), (0, "the first picture"), (359, "the last picture")],
)
def test_both_ends_of_the_film_are_left_out(number: int, why: str) -> None:
    plan = select_excerpts(_film({**HARD, number: {"luma": 0.02, "motion": 0.5, "noise": 9.0}}))
    assert plan.reasons == select_excerpts(_film(HARD)).reasons, why


def test_credits_longer_than_usual_are_known_by_their_looks() -> None:
    rolling = {"luma": 0.02, "dark_share": 0.95, "peak": 0.8, "motion": 0.015}
    film = _film(HARD | dict.fromkeys(range(300, 360), rolling))
    assert all(excerpt.end_s <= 3000.0 for excerpt in select_excerpts(film).excerpts)
    assert "dark: 00:41:02, mean luma 21" in select_excerpts(film).reasons


def test_a_black_gap_is_not_a_dark_passage() -> None:
    black = {"luma": 0.0, "dark_share": 1.0, "peak": 0.0, "motion": 0.0, "texture": 0.0}
    assert (
        select_excerpts(_film({**HARD, 180: black})).reasons == select_excerpts(_film(HARD)).reasons
    )


def test_a_still_card_is_not_a_dark_passage() -> None:
    card = {"luma": 0.01, "dark_share": 0.9, "peak": 0.8, "motion": 0.0003}
    film = _film(HARD | dict.fromkeys(range(180, 185), card))
    assert "dark: 00:41:02, mean luma 21" in select_excerpts(film).reasons


def test_named_chapters_are_left_out() -> None:
    film = _film({**HARD, 20: {"luma": 0.02}, 320: {"luma": 0.02}})
    chapters = (
        Chapter(start_s=0.0, end_s=300.0, title="Opening titles"),
        Chapter(start_s=300.0, end_s=3100.0, title="The credit union"),
        Chapter(start_s=3100.0, end_s=3600.0, title="End Credits"),
    )
    assert "dark: 00:41:02, mean luma 21" in select_excerpts(film, chapters=chapters).reasons
    assert "dark: 00:41:02, mean luma 21" not in select_excerpts(film).reasons


def test_a_film_no_longer_than_its_clip_is_shown_whole() -> None:
    (excerpt,) = select_excerpts(_film({}, count=4)).excerpts
    assert (excerpt.kind, excerpt.start_s, excerpt.end_s) == (ExcerptKind.WHOLE, 0.0, 40.0)


def test_a_short_film_gets_fewer_pieces() -> None:
    plan = select_excerpts(_film({}, count=2), clip_s=12.0, max_excerpts=6)
    assert 1 <= len(plan.excerpts) <= 2
    assert plan.duration_s <= 12.1


def test_a_film_in_which_nothing_happens_shows_its_middle() -> None:
    still = {number: {"motion": 0.0} for number in range(360)}
    assert select_excerpts(_film(still)).reasons == ("middle: 00:29:42, the film hardly changes",)


def test_uneven_pictures_are_cut_by_time() -> None:
    excerpt = select_excerpts(_film(HARD, frame_rate=None)).excerpts[0]
    assert excerpt.frames is None
    assert excerpt.duration_s == pytest.approx(15.0)


_level = st.floats(0, 1)


@given(
    levels=st.lists(st.tuples(_level, _level, _level, st.floats(0, 9)), min_size=1, max_size=80),
    clip_s=st.floats(30, 60),
    max_excerpts=st.none() | st.integers(1, 12),
    is_hdr=st.booleans(),
)
def test_pieces_never_overlap_nor_leave_the_film(
    levels: list[tuple[float, float, float, float]],
    clip_s: float,
    max_excerpts: int | None,
    is_hdr: bool,
) -> None:
    changes = {
        number: {"luma": luma, "motion": motion, "peak": peak, "noise": noise}
        for number, (luma, motion, peak, noise) in enumerate(levels)
    }
    film = _film(changes, count=len(levels))
    plan = select_excerpts(film, clip_s=clip_s, max_excerpts=max_excerpts, is_hdr=is_hdr)
    assert plan == select_excerpts(film, clip_s=clip_s, max_excerpts=max_excerpts, is_hdr=is_hdr)
    assert plan.excerpts
    assert plan.duration_s <= clip_s + 0.05 * len(plan.excerpts)
    ends = [film.start_s - 0.03]
    for excerpt in plan.excerpts:
        assert excerpt.start_s >= ends[-1]
        ends.append(excerpt.end_s)
    assert ends[-1] <= film.end_s + 0.03


@pytest.mark.parametrize(
    ("signal", "expected"),
    [(0.0, 0.0), (0.508078, 100.0), (0.58069, 203.0), (0.751827, 1000.0), (1.0, 10000.0)],
)
def test_pq_signals_are_brightness(signal: float, expected: float) -> None:
    """Pairs of ITU-R BT.2100 and BT.2408."""
    assert nits(signal) == pytest.approx(expected, rel=0.001, abs=0.001)
