"""Which films can be cut, and where: bounds that depend on counts alone."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import pytest
from msgspec.structs import replace

from av1rules.encode.job import EncodeJob
from av1rules.encode.picture_times import PictureTimes
from av1rules.encode.segments.plan import (
    PRE_ROLL_S,
    WholeReason,
    durations_ms,
    key_frame_distance,
    milliseconds,
    plan_segments,
    segment_choice,
    segment_starts,
    spread_order,
    why_whole,
)
from av1rules.encode.segments.records import NotExactError
from av1rules.media.second_layers import Layer
from av1rules.media.source import Change, ChangeKind
from av1rules.policy.segments.rules import SegmentRules
from av1rules.policy.settings import Loss
from tests.encode.make import AOM, job, settings, source, video

FILM = Fraction(1001, 24000)


def times(count: int, *, tick: Fraction = FILM, start: int = 0) -> PictureTimes:
    return PictureTimes(tick=tick, ticks=array("q", range(start, start + count)).tobytes())


@pytest.mark.parametrize(
    ("count", "starts"),
    [
        (1, (0,)),
        (100, (0,)),
        (149, (0,)),  # a rest below half a segment belongs to the one before it
        (150, (0, 100)),
        (200, (0, 100)),
        (249, (0, 100)),
        (250, (0, 100, 200)),
        (1000, tuple(range(0, 1000, 100))),
    ],
)
def test_starts(count: int, starts: tuple[int, ...]) -> None:
    assert segment_starts(count, 100) == starts


def test_segments_cover_every_picture_once() -> None:
    for count in range(150, 1200, 7):
        planned = plan_segments(times(count), 100)
        assert planned[0].first == 0
        assert planned[-1].end == count
        assert all(one.end == later.first for one, later in pairwise(planned))
        assert all(50 <= one.pictures < 150 for one in planned)
        assert [one.number for one in planned] == list(range(len(planned)))


def test_cuts_lie_between_two_pictures() -> None:
    first, second, third = plan_segments(times(300, tick=Fraction(1)), 100)
    assert (first.low_s, first.high_s) == (None, 99.5)
    assert (second.low_s, second.high_s) == (99.5, 199.5)
    assert (third.low_s, third.high_s) == (199.5, None)
    assert first.proof == ((96.5, 99.5),)
    assert second.proof == ((96.5, 99.5), (196.5, 199.5))
    assert third.proof == ((196.5, 199.5),)


def test_reading_begins_well_before_a_segment() -> None:
    planned = plan_segments(times(3000), 300)
    assert planned[0].seek_s is None
    for one in planned[1:]:
        assert one.seek_s == (one.low_s or 0) - PRE_ROLL_S


def test_a_segment_near_the_beginning_is_read_from_there() -> None:
    assert plan_segments(times(300), 100)[1].seek_s is None


@pytest.mark.parametrize(
    ("ticks", "why"),
    [
        ([0, 1, 2, 2, *range(3, 300)], "several of its pictures have the same time"),
        (list(range(-1, 300)), "its first picture comes before the zero of its clock"),
        (list(range(120)), "it is too short for two segments"),
        ([], "it is too short for two segments"),
    ],
)
def test_films_that_are_encoded_whole(ticks: list[int], why: str) -> None:
    found = PictureTimes(tick=FILM, ticks=array("q", ticks).tobytes())
    with pytest.raises(NotExactError, match=why):
        plan_segments(found, 100)


def test_every_segment_is_made_once_and_soon_all_over_the_film() -> None:
    for count in range(1, 200):
        assert sorted(spread_order(count)) == list(range(count))
    assert spread_order(9) == (0, 1, 8, 4, 2, 6, 3, 5, 7)
    first = sorted(spread_order(100)[:8])
    assert max(b - a for a, b in pairwise(first)) <= 25


def test_times_are_rounded_as_matroska_rounds_them() -> None:
    found = PictureTimes(tick=Fraction(1, 2000), ticks=array("q", [0, 1, 2, 3, 4]).tobytes())
    assert [milliseconds(found, picture) for picture in range(5)] == [0, 1, 1, 2, 2]


def test_durations_add_up_to_where_each_segment_begins() -> None:
    found = times(1000, start=48)
    planned = plan_segments(found, 100)
    begin = milliseconds(found, 0)
    for one, duration_ms in zip(planned, durations_ms(found, planned), strict=True):
        assert begin == milliseconds(found, one.first)
        begin += duration_ms
    assert begin == milliseconds(found, 999) + 1


@pytest.mark.parametrize(
    ("rate", "pictures"),
    [("12", 81), ("24000/1001", 161), ("24", 161), ("25", 161), ("30000/1001", 161), ("30", 161),
     ("48", 321), ("50", 321), ("60000/1001", 321), ("60", 321), ("120", 641)],
)  # fmt: skip
def test_key_frames_of_svt_av1(rate: str, pictures: int) -> None:
    """As measured with SVT-AV1 4.2."""
    main = video(frame_rate=Fraction(rate))
    assert key_frame_distance(job(source=source(main=main))) == pictures


@pytest.mark.parametrize(
    ("keyint", "pictures"), [("240", 240), ("0", None), ("-1", None), ("10s", None)]
)
def test_key_frames_as_set(keyint: str, pictures: int | None) -> None:
    assert key_frame_distance(job(settings=settings(keyint=keyint))) == pictures


Made = Callable[[], EncodeJob]
CHANGE = Change(kind=ChangeKind.SIZE, values=("640x480", "320x240"))


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda: job(), None),
        (lambda: job(encoder=AOM), WholeReason.ENCODER),
        (lambda: job(settings=settings(container="mp4")), WholeReason.TARGET),
        (lambda: job(source=source(container="mpegts")), WholeReason.SOURCE),
        (lambda: job(source=source(container="avi")), WholeReason.SOURCE),
        (lambda: job(settings=settings(deinterlace="bwdif")), WholeReason.DEINTERLACED),
        (lambda: job(source=source(main=video(changes=(CHANGE,)))), WholeReason.CHANGES),
        (lambda: job(source=source(main=video(begins_mid_group=True))), WholeReason.MID_GROUP),
        (
            lambda: job(source=source(main=video(layers=frozenset({Layer.ALPHA})))),
            WholeReason.LAYERS,
        ),
        (lambda: job(settings=settings(accept=frozenset({Loss.DAMAGE}))), WholeReason.DAMAGE),
    ],
)
def test_why_whole(made: Made, reason: WholeReason | None) -> None:
    assert why_whole(made()) is reason


def test_the_choice_in_words() -> None:
    rules = SegmentRules()
    film = job()
    hour = "of 1288 pictures, if its forecast is longer than 1:00:00"
    assert segment_choice(film, rules).text == f"{hour}, or than 10:00 with slots to spare"
    short = segment_choice(film, replace(rules, from_s=300.0)).text
    assert short == "of 1288 pictures, if its forecast is longer than 5:00"
    assert segment_choice(film, replace(rules, from_s=0, length=1)).text == "of 161 pictures"
    assert segment_choice(film, replace(rules, from_s=None)).pictures is None
    assert segment_choice(film, replace(rules, from_s=None)).text.endswith("{segments: never}`")
    text = segment_choice(job(encoder=AOM), rules).text
    assert text == "none: its encoder sets key frames wherever scenes change"
