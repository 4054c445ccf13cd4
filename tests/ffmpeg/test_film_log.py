"""What FFmpeg's lines about pictures and streams tell of a film."""

from __future__ import annotations

import pytest

from av1rules.ffmpeg.film_log import MOST_KINDS, FilmLog, LateStream, ShownPicture, watching
from av1rules.ffmpeg.log import LogReader

NEW = "[in#0/mpeg @ 0x5590] [warning] New"
SHOWN = "[Parsed_showinfo_2 @ 0x55d0] [info] "
FIRST = (
    "n:   0 pts:      0 pts_time:0       duration:     40 duration_time:0.04    "
    "fmt:yuv420p10le cl:topleft sar:16/15 s:720x576 i:T iskey:1 type:I "
)
COLOURS = "color_range:tv color_space:bt2020nc color_primaries:bt2020 color_trc:smpte2084"
SIDES = {
    "has_captions": "  side data - ATSC A53 Part 4 Closed Captions: (6 bytes)",
    "has_hdr10_plus": "  side data - HDR Dynamic Metadata SMPTE2094-40 (HDR10+): application",
    "has_dolby_vision": "  side data - Dolby Vision RPU Data: (162 bytes)",
}
PICTURE = ShownPicture(
    pix_fmt="yuv420p10le", width=720, height=576, sample_aspect="16/15", is_interlaced=True,
    range="tv", matrix="bt2020nc", primaries="bt2020", transfer="smpte2084",
)  # fmt: skip


def fed(*lines: str) -> FilmLog:
    log = FilmLog()
    for line in lines:
        log.feed(line)
    return log


def test_picture_is_kept_once_with_its_colours() -> None:
    lines = (f"{SHOWN}{FIRST}", f"{SHOWN}  side data - AVPanScan: (24 bytes)", f"{SHOWN}{COLOURS}")
    assert tuple(fed(*lines, *lines).pictures) == (PICTURE,)


def test_restarts_are_counted_each_time() -> None:
    small = FIRST.replace("720x576", "352x288")
    progressive = FIRST.replace("i:T", "i:P")
    shown = [f"{SHOWN}{first}" for first in (FIRST, small, small, FIRST, progressive)]
    log = fed(*(line for first in shown for line in (first, f"{SHOWN}{COLOURS}")))
    assert log.restarts == 3
    assert fed(shown[0], f"{SHOWN}{COLOURS}").restarts == 0


@pytest.mark.parametrize(("name", "line"), SIDES.items())
def test_side_data_belong_to_their_picture(name: str, line: str) -> None:
    plain = (f"{SHOWN}{FIRST}", f"{SHOWN}{COLOURS}")
    log = fed(*plain, f"{SHOWN}{FIRST}", f"{SHOWN}{line}", f"{SHOWN}{COLOURS}")
    first, second = log.pictures
    assert first == PICTURE
    assert getattr(second, name)


def test_rotation_of_a_picture() -> None:
    turn = f"{SHOWN}  side data - 3x3 displaymatrix: rotation of -90.00 degrees"
    (picture,) = fed(f"{SHOWN}{FIRST}", turn, f"{SHOWN}{COLOURS}").pictures
    assert picture.rotation == -90


@pytest.mark.parametrize(
    ("line", "stream"),
    [
        (
            f"{NEW} audio stream with index 2 at pos:14522368 and DTS:20.5s",
            LateStream(kind="audio", index=2, at_byte=14522368, at_s=20.5),
        ),
        (
            f"{NEW} subtitle stream with index 3 at pos:-1 and DTS:NOPTSs",
            LateStream(kind="subtitle", index=3),
        ),
    ],
)
def test_stream_that_begins_late(line: str, stream: LateStream) -> None:
    log = fed(line, line)
    assert tuple(log.late.values()) == (stream,)


@pytest.mark.parametrize(
    ("words", "sound"),
    [
        ("48000 Hz, mono, fltp", "48000 Hz, mono"),
        ("48000 Hz, 5.1(side), s32p, downmix medatata changed", "48000 Hz, 5.1(side)"),
        ("44100 Hz, 3 channels (FL+FR+LFE), s16", "44100 Hz, 3 channels (FL+FR+LFE)"),
    ],
)
def test_sound_that_changes_on_the_way(words: str, sound: str) -> None:
    why = "Reconfiguring filter graph because audio parameters changed to"
    assert tuple(fed(f"[af#0:1 @ 0x55] [info] {why} {words}").sounds) == (sound,)


def test_hostile_film_keeps_a_bounded_number_of_kinds() -> None:
    log = FilmLog()
    for number in range(2 * MOST_KINDS):
        log.feed(f"{SHOWN}{FIRST.replace('720x576', f'{number + 16}x576')}")
        log.feed(f"{SHOWN}{COLOURS}")
        log.feed(
            f"[in#0/mpeg @ 0x5] [warning] New audio stream with index {number} at pos:1 and DTS:1s"
        )
    assert len(log.pictures) == len(log.late) == MOST_KINDS


def test_error_of_another_thread_in_a_line_about_a_picture_is_not_lost() -> None:
    reader = LogReader()
    reader.feed(f"{SHOWN}{FIRST}error while decoding MB 3 4, bytestream -5")
    assert tuple(reader.complaints) == ("error while decoding MB 3 4, bytestream -5",)


def test_lines_about_pictures_are_neither_complaints_nor_last_lines() -> None:
    reader = LogReader()
    for line in (f"{SHOWN}{FIRST}", f"{SHOWN}{COLOURS}", SHOWN):
        reader.feed(line)
    assert (reader.complaints, reader.tail, tuple(reader.last)) == ({}, (), ())


@pytest.mark.parametrize(("filters", "last"), [("", "[film]null"), ("yadif", "[film]yadif")])
def test_filters_of_the_film_come_last(filters: str, last: str) -> None:
    assert watching(filters).endswith(f";{last}")
