"""Whether pictures and sound of a target come when they came in the source, by their times alone.
Whole films are verified in `test_healthy_films` and `test_broken_targets`."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from av1rules.encode.job import Blame, Check
from av1rules.encode.measure import StreamEnd
from av1rules.encode.verify_timing import JUMPING_CONTAINERS, TIMELESS_CONTAINERS
from av1rules.policy.settings import Loss
from tests.encode.make import audio
from tests.encode.measured import PICTURE, Measured, every, film, film_job

DAMAGE = frozenset({Loss.DAMAGE})


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    def check(name: str, **numbers: Any) -> Check:
        verified = Measured(**numbers).verified(monkeypatch, tmp_path)
        (found,) = (one for one in verified.checks if one.name == name)
        return found

    return check


NO_TIMES = "FFmpeg gave no times of the pictures"


@pytest.mark.parametrize(
    "numbers",
    [
        {"encoder_got": None}, {"target_shows": None}, {"encoder_got": ()}, {"target_shows": ()},
        {"target_first": ()},
    ],
)  # fmt: skip
def test_without_times_nothing_is_taken_for_right(numbers: dict[str, Any], checked: Any) -> None:
    timing = checked("timing", **numbers)
    assert (timing.passed, timing.detail) == (False, NO_TIMES)
    if "target_first" not in numbers:
        duration = checked("duration", **numbers)
        assert (duration.passed, duration.detail) == (False, NO_TIMES)


# --- duration ---


def longer(by_s: float) -> tuple[float, ...]:
    return (*every(0.04, 99), 3.96 + by_s)


@pytest.mark.parametrize(
    ("numbers", "passes"),
    [
        ({"target_shows": longer(0.003)}, True),
        ({"target_shows": longer(0.0041)}, False),
        ({"target_shows": longer(-0.005)}, False),
        ({"target_shows": every(0.04, start_s=1.5)}, True),  # each from its own first picture
    ],
)
def test_the_pictures_run_as_long(numbers: dict[str, Any], checked: Any, *, passes: bool) -> None:
    duration = checked("duration", **numbers)
    assert duration.passed is passes
    assert duration.blame is Blame.ENCODE


def test_a_film_without_a_known_rate_counts_its_last_picture_as_one_of_24(checked: Any) -> None:
    wanted = film_job(main=replace(PICTURE, frame_rate=None))
    duration = checked("duration", job=wanted)
    assert duration.detail == "source 4.002 s, target 4.002 s"
    assert duration.passed


ENDS_AT_4 = {0: StreamEnd(start_s=0.0, end_s=4.0)}


def promising(
    seconds: float | None, whole_s: float | None = None, clock_s: float = 0.0, **more: Any
) -> dict[str, Any]:
    """A source whose pictures promise a length, and the file another one. `clock_s` is where the
    file's clock starts."""
    main = replace(PICTURE, duration_s=seconds, **more)
    of = film(main=main, duration_s=whole_s, start_s=clock_s)
    return {"job": film_job(of=of), "ends": ENDS_AT_4}


@pytest.mark.parametrize(
    ("numbers", "detail"),
    [
        (promising(4.5), None),
        (promising(4.51), "the source promises 4.510 s, its data ends at 4.000 s"),
        (promising(None, 4.51), "the source promises 4.510 s, its data ends at 4.000 s"),
        (promising(None, None), None),
        (promising(5.5, start_s=1.0), None),  # it begins late, as the header says too
        (promising(5.51, start_s=1.0), "the source promises 5.510 s, its data ends at 4.000 s"),
        (promising(4.51, start_s=None), "the source promises 4.510 s, its data ends at 4.000 s"),
        (promising(5.5, clock_s=1.0, start_s=1.0), None),
        (promising(5.5, clock_s=-1.0, start_s=0.0), None),
        (promising(4.51, start_s=-1.0), "the source promises 4.510 s, its data ends at 4.000 s"),
        ({**promising(4.51), "ends": {}}, "the source promises 4.510 s, its data ends at 0.000 s"),
        ({**promising(9.0), "ends": {**ENDS_AT_4, 2: StreamEnd(start_s=0, end_s=8.5)}}, None),
        (
            {**promising(9.0), "ends": {**ENDS_AT_4, 2: StreamEnd(start_s=0, end_s=8.4)}},
            "the source promises 9.000 s, its data ends at 8.400 s",
        ),
        # A clock that does not begin at zero: what counts is since the first packet, if longer.
        ({**promising(9.0), "ends": {0: StreamEnd(start_s=-5.0, end_s=4.0)}}, None),
        ({**promising(9.0), "ends": {0: StreamEnd(start_s=5.0, end_s=9.0)}}, None),
    ],
)
def test_a_source_holds_what_its_header_promises(
    numbers: dict[str, Any], detail: str | None, checked: Any
) -> None:
    duration = checked("duration", **numbers)
    assert duration.passed is (detail is None)
    if detail is not None:
        assert (duration.detail, duration.blame) == (detail, Blame.SOURCE)


@pytest.mark.parametrize(
    ("promised_s", "step_s", "rate", "passes"),
    [
        (995.0, 10.0, Fraction(25), True),  # of a long film, half a hundredth
        (995.1, 10.0, Fraction(25), False),
        (204.0, 2.0, Fraction(1, 2), True),  # of slides, two of them
        (204.1, 2.0, Fraction(1, 2), False),
    ],
)
def test_by_how_much_a_header_may_round(
    promised_s: float, step_s: float, rate: Fraction, checked: Any, *, passes: bool
) -> None:
    times = every(step_s)
    main = replace(PICTURE, frame_rate=rate, duration_s=promised_s)
    duration = checked(
        "duration", job=film_job(of=film(main=main, duration_s=None)), encoder_got=times,
        target_shows=times, source_first=times, target_first=times, ends={},
    )  # fmt: skip
    assert duration.passed is passes


def test_accepted_damage_may_end_early(checked: Any) -> None:
    numbers = promising(9.0)
    numbers["job"] = film_job(of=numbers["job"].source, accept=DAMAGE)
    duration = checked("duration", **numbers)
    assert duration.passed
    assert duration.detail == (
        "source 4.000 s, target 4.000 s; the source promises 9.000 s, its data ends at 4.000 s; "
        "damage is accepted"
    )


def test_the_inverse_of_telecine_keeps_the_film_s_length(checked: Any) -> None:
    """Its pictures come four for five; the rate of its source is that of video."""
    main = replace(PICTURE, frame_rate=Fraction(30), duration_s=10 / 3)
    pictures = every(1 / 24, 80)
    numbers = {
        "read": {0: 100, 1: 125, 2: 3}, "written": {0: 80, 1: 125, 2: 3},
        "back": {0: 80, 1: 125, 2: 3}, "frames": 80, "encoder_got": pictures,
        "target_shows": pictures, "source_first": every(1 / 30), "target_first": pictures,
    }  # fmt: skip
    wanted = film_job(main=main, deinterlace="inverse-telecine")
    assert checked("duration", job=wanted, **numbers).passed
    gap = replace(main, duration_s=10 / 3 + 0.2)
    duration = checked(
        "duration", job=film_job(main=gap, deinterlace="inverse-telecine"), **numbers
    )
    assert (duration.passed, duration.blame) == (False, Blame.TELECINE)
    assert duration.detail.endswith("; it should be 3.533 s")


# --- timing ---


def moved(number: int, by_s: float, count: int = 100) -> tuple[float, ...]:
    times = list(every(0.04, count))
    times[number] += by_s
    return tuple(times)


@pytest.mark.parametrize(
    ("numbers", "detail"),
    [
        ({"target_shows": moved(50, 0.0039)}, None),
        ({"target_shows": moved(50, 0.005)}, "moved by at most 5.0 ms"),
        ({"target_first": moved(50, 0.0039, 90)}, None),
        ({"target_first": moved(50, -0.005, 90)}, "moved by at most 5.0 ms"),
        ({"source_first": ()}, None),  # the source has no time stamps (AVI)
        ({"source_first": (), "target_shows": moved(9, 0.02)}, "moved by at most 20.0 ms"),
    ],
)
def test_pictures_keep_their_rhythm(
    numbers: dict[str, Any], detail: str | None, checked: Any
) -> None:
    timing = checked("timing", **numbers)
    assert timing.passed is (detail is None)
    assert timing.detail.startswith("100 pictures compared, ")
    if detail is not None:
        assert timing.detail.endswith(detail)


def test_as_many_pictures_are_compared_as_both_have(checked: Any) -> None:
    timing = checked("timing", target_shows=every(0.04, 97))
    assert timing.detail == "97 pictures compared, moved by at most 0.0 ms"


def test_a_film_without_a_known_rate_is_compared_as_film(checked: Any) -> None:
    main = replace(PICTURE, frame_rate=None)
    wanted = film_job(main=main, deinterlace="inverse-telecine")
    shown = every(1 / (24 * 0.8))
    assert checked("timing", job=wanted, encoder_got=shown, target_shows=shown,
                   target_first=shown).passed  # fmt: skip
    shown = every(0.04)
    assert not checked("timing", job=wanted, target_first=shown).passed


JUMP_AHEAD = (*every(0.04, 45), *every(0.04, 45, start_s=45 * 0.04 + 1.0))
JUMP_BACK = (*every(0.04, 45), *every(0.04, 45, start_s=1.7))
ONE_SECOND = (*every(0.04, 45), *every(0.04, 45, start_s=44 * 0.04 + 1.0))


@pytest.mark.parametrize(
    ("container", "first", "accept", "passes"),
    [
        ("mpegts", JUMP_AHEAD, (), True),
        ("mpegts", JUMP_BACK, (), True),
        ("mpegts", ONE_SECOND, (), False),  # such a gap may be meant
        ("mpegts", (0.0, 1.0, 2.0), (), False),
        ("mpegts", (0.0, 1.001, 2.0), (), True),
        ("mpegts", (0.0, 0.04, 0.04, 0.13), (), False),  # twice the same time is no jump
        ("matroska,webm", JUMP_AHEAD, (), False),
        ("matroska,webm", JUMP_AHEAD, DAMAGE, False),
        ("mpegts", ONE_SECOND, DAMAGE, True),
        ("x,ogg", JUMP_AHEAD, (), True),
        ("h264", ONE_SECOND, (), True),
        ("x,hevc", every(0.05, 90), (), True),
        ("mpegts", every(0.05, 90), (), False),
    ],
)
def test_a_clock_that_ffmpeg_sets_right(
    container: str,
    first: tuple[float, ...],
    accept: frozenset[Loss],
    checked: Any,
    *,
    passes: bool,
) -> None:
    wanted = film_job(of=film(container=container), accept=frozenset(accept))
    assert checked("timing", job=wanted, source_first=first).passed is passes


def test_clocks_that_jump_are_those_of_broadcasts_and_chained_streams() -> None:
    assert {"mpegts", "mpeg", "flv", "ogg", "wtv"} <= JUMPING_CONTAINERS
    assert {"h264", "hevc", "vvc", "obu"} <= TIMELESS_CONTAINERS
    assert not {"matroska", "mov", "mp4", "avi"} & (JUMPING_CONTAINERS | TIMELESS_CONTAINERS)


# --- sound against picture ---


def starts(source_s: float, target_s: float) -> dict[str, Any]:
    return {"source_sound": {1: (source_s,)}, "target_sound": {1: (target_s,)}}


@pytest.mark.parametrize(
    ("numbers", "passes", "detail"),
    [
        (starts(0.0, 0.05), True, "+50 ms (stream 1)"),
        (starts(0.0, 0.051), False, "+51 ms (stream 1)"),
        (starts(1.0, 0.949), False, "-51 ms (stream 1)"),
        (starts(0.0, 2.0), False, "+2000 ms (stream 1)"),
        ({**starts(0.0, 0.5), "target_first": every(0.04, 90, start_s=0.5)}, True, "+0 ms"),
        ({**starts(0.0, 0.0), "target_first": every(0.04, 90, start_s=0.5)}, False, "-500 ms"),
        # Of several starts, by header and by packet, those that fit best count.
        (
            {"source_sound": {1: (0.0, 0.3)}, "target_sound": {1: (0.29, 9.0)}},
            True,
            "-10 ms (stream 1)",
        ),
    ],
)
def test_sound_keeps_its_place(
    numbers: dict[str, Any], detail: str, checked: Any, *, passes: bool
) -> None:
    sync = checked("sync", **numbers)
    assert sync.passed is passes
    assert detail in sync.detail


def test_the_track_that_moved_most_is_named(checked: Any) -> None:
    wanted = film_job(of=film(audio=(audio(1, "ac3"), audio(2, "ac3")), subtitles=()))
    sync = checked(
        "sync", job=wanted,
        source_sound={1: (0.0,), 2: (0.0,)}, target_sound={1: (0.02,), 2: (-0.06,)},
    )  # fmt: skip
    assert (sync.passed, sync.detail) == (False, "sound moved by at most -60 ms (stream 2)")


@pytest.mark.parametrize("numbers", [{"source_sound": {}}, {"target_sound": {1: ()}}])
def test_sound_without_times_is_not_compared(numbers: dict[str, Any], checked: Any) -> None:
    sync = checked("sync", **numbers)
    assert (sync.passed, sync.detail) == (True, "no sound beside the picture to compare")


@pytest.mark.parametrize(
    ("codec", "passes"), [("pcm_bluray", True), ("ac3", False)], ids=["converted", "copied"]
)
def test_a_converted_track_starts_with_what_its_decoder_gave_first(
    codec: str, checked: Any, *, passes: bool
) -> None:
    wanted = film_job(of=film(audio=(audio(1, codec),)))
    sync = checked(
        "sync", job=wanted, **starts(0.0, 0.5), source_first_sound=(0.09, 0.5),
        target_first_sound=(0.09, 0.0),
    )  # fmt: skip
    assert sync.passed is passes


def test_without_first_pictures_sound_has_nothing_to_be_compared_with(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    verified = Measured(source_first=()).verified(monkeypatch, tmp_path)
    assert "sync" not in {one.name for one in verified.checks}
