"""The commands of segments: each unusual option was measured to be needed."""

from __future__ import annotations

from array import array
from fractions import Fraction

from msgspec.structs import replace

from av1rules.encode.argv import EncodedPictures, build_argv
from av1rules.encode.picture_times import PictureTimes
from av1rules.encode.segments.argv import concat_list, pre_roll_argv, segment_argv
from av1rules.encode.segments.plan import Segment, plan_segments
from tests.encode.make import audio, job, source


def planned() -> tuple[Segment, ...]:
    ticks = array("q", range(3000)).tobytes()
    return plan_segments(PictureTimes(tick=Fraction(1, 24), ticks=ticks), 1000)


def command(segment: Segment) -> str:
    argv = segment_argv(job(), segment, ffmpeg="ffmpeg", output="/w/p.mkv", times="/w/t")
    return " ".join(argv)


def test_a_segment_is_cut_by_time_stamps_after_a_seek_far_before_it() -> None:
    first, second, _ = planned()
    text = command(second)
    seek = f"{(second.low_s or 0) - 10:.6f}"
    assert f"-copyts -noaccurate_seek -seek_timestamp 1 -ss {seek} -i file:/films/a.mkv" in text
    assert f"trim=start={second.low_s:.6f}:end={second.high_s:.6f}" in text
    assert "-ss" not in command(first)
    assert f"trim=end={first.high_s:.6f}" in command(first)


def test_a_segment_holds_pictures_and_nothing_else() -> None:
    text = command(planned()[1])
    assert "-map 0:0 -map_metadata -1 -map_chapters -1" in text
    assert text.count("-map ") == 1
    assert "-fflags +bitexact" in text


def test_threads_are_all_that_may_differ() -> None:
    one, many = (
        segment_argv(job(threads=n), planned()[1], ffmpeg="f", output="o", times="t")
        for n in (1, 8)
    )
    changed = [(a, b) for a, b in zip(one, many, strict=True) if a != b]
    assert [(a.replace("lp=1", "lp=8"), b) for a, b in changed] == [(b, b) for _, b in changed]


def test_the_pre_roll_ends_before_the_segment() -> None:
    second = planned()[1]
    text = " ".join(pre_roll_argv(job(), second, ffmpeg="ffmpeg"))
    assert f"-vf trim=end={(second.low_s or 0) - 5:.6f}" in text
    assert text.endswith("-f null -")


def test_the_join_copies_pictures_and_takes_all_else_from_the_source() -> None:
    film = job(source=source(audio=(audio(1), audio(2))))
    encoded = EncodedPictures(list_path="/w/list.ffconcat", offset_ms=83)
    argv = build_argv(film, ffmpeg="ffmpeg", output="/w/out.mkv", encoded=encoded)
    text = " ".join(argv)
    assert "-itsoffset 83ms -f concat -i file:/w/list.ffconcat -map 1:0 -map 0:1 -map 0:2" in text
    assert "-c:0 copy" in text
    assert "libsvtav1" not in text
    assert "-map_metadata:s:0 0:s:0 -map_metadata:s:1 0:s:1 -map_metadata:s:2 0:s:2" in text
    assert "ENCODER_SETTINGS=" in text


def test_the_join_differs_from_the_whole_encode_only_in_the_pictures() -> None:
    film = job(source=source(audio=(audio(1),)))
    encoded = EncodedPictures(list_path="/w/l", offset_ms=0)
    whole = build_argv(film, ffmpeg="f", output="o")
    joined = build_argv(film, ffmpeg="f", output="o", encoded=encoded)
    after = whole[whole.index("-map_metadata") :]
    assert joined[-len(after) :] == after
    assert replace(encoded, offset_ms=1) != encoded


def test_the_list_names_each_segment_with_its_exact_duration() -> None:
    assert concat_list((6715, 6714)) == (
        "ffconcat version 1.0\nfile 00000.mkv\nduration 6715ms\nfile 00001.mkv\nduration 6714ms\n"
    )
