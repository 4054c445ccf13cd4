"""Timelines by hand: what FFmpeg reported at which second, and what is to be said of it."""

from __future__ import annotations

from av1rules.ffmpeg.progress import ProgressSample
from av1rules.ffmpeg.watchdog import IDLE_FILM_S, UNWATCHED_S, StallReport, Watchdog

Line = tuple[int, float, int]  # frame, film time in seconds, bytes


def watchdog(*, stall_s: float | None = 60.0, max_s: float | None = None) -> Watchdog:
    return Watchdog(stall_s=stall_s, max_s=max_s, started=0.0)


def sample(frame: int | None, film_s: float | None, size: int | None) -> ProgressSample:
    return ProgressSample(frame=frame, film_s=film_s, size_bytes=size)


def watch(
    watched: Watchdog, lines: dict[float, Line], *, until: float, every: float = 1.0
) -> tuple[float, StallReport] | None:
    """The first verdict and its time, when FFmpeg repeats its last line all the time."""
    now, line = 0.0, (0, 0.0, 0)
    while now <= until:
        line = lines.get(now, line)
        if (verdict := watched.feed(sample(*line), now)) is not None:
            return now, verdict
        now += every
    return None


def test_lines_alone_are_no_sign_of_life() -> None:
    found = watch(watchdog(), {0: (0, 0.0, 0), 10: (100, 4.0, 1000)}, until=1000)
    assert found is not None
    now, verdict = found
    assert now == 71.0
    assert verdict == StallReport(
        cause="stall",
        reason="FFmpeg made no progress for 1:00 (at frame 100) and was stopped",
        hint="a slow disk or a very slow preset? then set a longer run.stall_timeout",
    )


def test_silence_is_a_stall_too() -> None:
    watched = watchdog()
    watched.feed(sample(100, 4.0, 1000), 3.0)
    ends = next(now for now in range(4, 200) if watched.feed(None, float(now)) is not None)
    assert ends == 64


def test_the_first_frame_may_take_as_long_as_any_other() -> None:
    assert watch(watchdog(stall_s=600), {599.0: (1, 0.0, 0)}, until=1000) is None
    found = watch(watchdog(stall_s=600), {}, until=1000)
    assert found is not None
    assert found[0] == 601.0
    assert "not one frame came" in found[1].reason


def test_one_frame_in_ten_seconds_is_progress() -> None:
    lines = {10.0 * n: (n, n / 24, 5_000_000 * (n // 120)) for n in range(1, 1000)}
    assert watch(watchdog(), lines, until=9000) is None


def test_film_time_alone_is_progress() -> None:
    """The sound of a film whose pictures end early."""
    lines = {10.0 * n: (100, 10.0 * n, 1000 * n) for n in range(1, 100)}
    assert watch(watchdog(), lines, until=900) is None


def test_film_time_that_jumps_to_and_fro_is_none() -> None:
    lines = {float(n): (100, 5.0 + n % 2, 1000) for n in range(1, 200)}
    found = watch(watchdog(), lines, until=300)
    assert found is not None
    assert found[0] == 62.0


def test_unknown_values_are_no_progress() -> None:
    watched = watchdog()
    found = [
        verdict
        for now in range(100)
        if (verdict := watched.feed(sample(None, None, None), float(now))) is not None
    ]
    assert found
    assert {verdict.cause for verdict in found} == {"stall"}


def test_too_long_is_too_long_however_well_it_goes() -> None:
    lines = {float(n): (24 * n, float(n), 1000 * n) for n in range(1, 200)}
    found = watch(watchdog(max_s=100), lines, until=200)
    assert found is not None
    now, verdict = found
    assert now == 101.0
    assert verdict == StallReport(
        cause="duration",
        reason="FFmpeg ran longer than 1:40 (at frame 2424) and was stopped",
        hint="a long film or a slow preset? then set a longer run.max_duration",
    )


def test_a_file_that_does_not_grow_while_the_film_goes_by() -> None:
    lines = {float(n): (240 * n, 10.0 * n, 4096) for n in range(1, 500)}
    found = watch(watchdog(), lines, until=500)
    assert found is not None
    now, verdict = found
    assert now == 62.0  # the last growth was the first size told, at second 1
    assert verdict.cause == "growth"
    assert verdict.reason == (
        "FFmpeg went through 10:10 of film within 1:01, but its file did not grow (size 4 KiB), "
        "and was stopped"
    )


def test_a_slow_encode_whose_file_waits_for_a_cluster_is_let_alone() -> None:
    """4K at 0.1 frames a second: no byte for 20 minutes, since Matroska collects 5 s of film."""
    lines = {10.0 * n: (n, n / 24, 4096) for n in range(1, 360)}
    assert watch(watchdog(stall_s=600), lines, until=3590) is None


def test_a_fast_encode_of_nothing_is_let_alone() -> None:
    """Much film within less than the time of a stall."""
    lines = {float(n): (2400 * n, 100.0 * n, 4096 if n < 50 else 9000) for n in range(1, 90)}
    assert IDLE_FILM_S < 50 * 100.0
    assert watch(watchdog(), lines, until=89) is None


def test_without_a_bound_nothing_is_said() -> None:
    assert watch(watchdog(stall_s=None), {1.0: (1, 1e6, 0)}, until=100_000, every=4.0) is None


def test_time_in_which_nobody_looked_does_not_count() -> None:
    """This program was stopped, or the machine asleep, for an hour."""
    watched = watchdog(max_s=1000)
    for now in range(50):
        assert watched.feed(sample(now, now / 24, now), float(now)) is None
    assert watched.feed(None, 3650.0) is None
    assert watched.feed(sample(60, 3.0, 60), 3651.0) is None
    found = next(
        (now, v)
        for now in range(3652, 9000)
        if (v := watched.feed(sample(60, 3.0, 60), float(now))) is not None
    )
    assert found[0] == 3712
    assert UNWATCHED_S < 60


def test_an_end_that_is_being_written_is_progress() -> None:
    """MP4 is written anew at its end, without a line: the file's own time then counts."""
    watched = watchdog()
    watched.feed(sample(1000, 40.0, 5000), 0.0)
    for now in range(1, 400):
        written = now if now < 300 else 300
        verdict = watched.feed(None, float(now), written=written)
        if verdict is not None:
            assert now == 361
            return
    raise AssertionError("a file that is no longer written to is a stall")


def test_a_decode_writes_nothing_and_may_last_for_hours() -> None:
    watched = Watchdog(stall_s=60.0, started=0.0, writes=False)
    for now in range(3600):
        assert watched.feed(sample(now * 100, now * 4.0, None), float(now)) is None


def test_looks_five_seconds_apart_still_see_a_stall() -> None:
    found = watch(watchdog(), {0: (100, 4.0, 1000)}, until=1000, every=UNWATCHED_S)
    assert found is not None
    assert found[0] == 65.0


def test_growth_is_not_missed_for_a_time_in_which_nobody_looked() -> None:
    watched = watchdog()
    watched.feed(sample(1, 1.0, 4096), 0.0)
    assert watched.feed(sample(2, 700.0, 4096), 3600.0) is None
    assert watched.feed(sample(3, 701.0, 4096), 3604.0) is None


def test_ten_minutes_of_film_without_a_byte_are_a_hang() -> None:
    watched = watchdog()
    for now in range(61):
        assert watched.feed(sample(now + 1, IDLE_FILM_S, None), float(now)) is None
    verdict = watched.feed(sample(100, 600.0, None), 61.0)
    assert verdict is not None
    assert "went through 10:00 of film" in verdict.reason
    assert "(size unknown)" in verdict.reason


def test_the_first_half_second_of_film_is_progress() -> None:
    watched = watchdog()
    watched.feed(sample(None, 0.5, None), 3.0)
    ends = next(now for now in range(4, 200) if watched.feed(None, float(now)) is not None)
    assert ends == 64


def test_a_line_without_numbers_is_none() -> None:
    watched = watchdog()
    watched.feed(sample(None, None, None), 3.0)
    ends = next(now for now in range(4, 200) if watched.feed(None, float(now)) is not None)
    assert ends == 61


def ends(watched: Watchdog, since: int, *, frames: bool) -> tuple[int, str]:
    """When and why it is stopped; `frames` come all the time, in a film that goes on, or not."""
    for now in range(since, since + 500):
        line = sample(now, now * 20.0, 4096) if frames else None
        if (verdict := watched.feed(line, float(now))) is not None:
            return now, verdict.cause
    raise AssertionError("never")


HOUR = 3600


def test_after_a_pause_only_what_was_left_of_the_time_is_left() -> None:
    """A program that had made no progress for 10 of 60 seconds has 50 more; of all three clocks."""
    stuck = watchdog()
    for now in range(51):
        stuck.feed(sample(now, now / 24, now), float(now))
    for now in range(51, 61):
        assert stuck.feed(None, float(now)) is None
    assert ends(stuck, HOUR + 60, frames=False) == (HOUR + 111, "stall")
    full = watchdog()
    for now in range(61):
        full.feed(sample(now, now / 24, 4096 if now >= 50 else now), float(now))
    assert ends(full, HOUR + 60, frames=True) == (HOUR + 111, "growth")


def test_a_pause_before_the_first_line_does_not_count_either() -> None:
    watched = watchdog()
    assert watched.feed(None, 4.0) is None
    assert ends(watched, HOUR + 4, frames=False) == (HOUR + 61, "stall")
