from __future__ import annotations

import pytest

from av1rules.ffmpeg.log import TAIL_LINES, LogReader, StreamCount, counted_lines
from av1rules.ffmpeg.progress import ProgressParser, ProgressSample, eta_s, projected_bytes


def samples(text: str) -> list[ProgressSample]:
    found: list[ProgressSample] = []
    parser = ProgressParser(on_sample=found.append)
    for line in text.splitlines():
        parser.feed(line)
    return found


def test_blocks_become_samples() -> None:
    text = (
        "frame=0\nfps=0.00\nstream_0_0_q=0.0\ntotal_size=N/A\nspeed=N/A\nprogress=continue\n"
        "frame=37\nfps=12.50\ntotal_size=844\nout_time_us=1500000\ndrop_frames=1\nspeed= 0.52x\n"
        "progress=end\n"
    )
    assert samples(text) == [
        ProgressSample(frame=0, fps=0.0),
        ProgressSample(
            frame=37, fps=12.5, speed=0.52, size_bytes=844, film_s=1.5, dropped=1, is_end=True
        ),
    ]


def test_nonsense_is_unknown() -> None:
    assert samples("no equals sign\nframe=\nfps=-1\nspeed=infx\nprogress=continue") == [
        ProgressSample()
    ]


def test_eta_and_projection_go_by_frames() -> None:
    assert eta_s(50, 200, 10.0) == 30.0
    assert eta_s(None, 200, 10.0) is eta_s(0, 200, 10.0) is eta_s(5, None, 10.0) is None
    assert eta_s(210, 200, 10.0) == 0.0
    assert projected_bytes(1000, 100, 400) == 4000
    assert projected_bytes(1000, 500, 400) == 1000
    assert projected_bytes(1000, 10, 400) is projected_bytes(None, 100, 400) is None


def read(*lines: str) -> LogReader:
    log = LogReader()
    for line in lines:
        log.feed(line)
    return log


def test_complaints_about_the_input_are_damage() -> None:
    log = read(
        "[in#0/matroska,webm @ 0x55d0] [error] File ended prematurely",
        "[h264 @ 0x55d1] [error] Invalid NAL unit size (1 > 0).",
        "[h264 @ 0x55d2] [error] Invalid NAL unit size (1 > 0).",
        "[vist#0:0/h264 @ 0x5] [dec:h264 @ 0x6] [error] Decoding error: Invalid data",
    )
    assert counted_lines(log.damage) == (
        "[in#0/matroska,webm] [error] File ended prematurely",
        "[h264] [error] Invalid NAL unit size (1 > 0). (2 times)",
        "[vist#0:0/h264] [dec:h264] [error] Decoding error: Invalid data",
    )


def test_complaints_of_the_output_and_harmless_ones_are_not_damage() -> None:
    log = read(
        "[vost#0:0/libsvtav1 @ 0x1] [enc:libsvtav1 @ 0x2] [error] Error while opening encoder",
        "[matroska @ 0x1] [error] Can't write packet",
        "[mpeg2video @ 0x1] [error] Warning MVs not available",
        "[mpeg2video @ 0x1] [error] overread 9",
        "[opus @ 0x1] [error] Error parsing Opus packet header.",
        "[h264 @ 0x1] [warning] Increasing reorder buffer",
    )
    assert log.damage == {}
    assert len(log.complaints) == 6


def test_the_last_count_of_a_stream_holds() -> None:
    log = read(
        "[info] Input #0, matroska, from 'file:x",
        "[in#0/x @ 0x1] [verbose]   Input stream #0:0 (video): 9 packets read (1 bytes); ",
        "[out#0/matroska @ 0x1] [verbose]   Output stream #0:0 (video): 37 frames encoded; "
        "36 packets muxed (9 bytes); ",
        "[in#0/mov,mp4 @ 0x1] [verbose]   Input stream #0:0 (video): 38 packets read (9 bytes); "
        "37 frames decoded; 1 decode errors; ",
        "[in#0/mov,mp4 @ 0x1] [verbose]   Input stream #0:2 (audio): 5 packets read (9 bytes); ",
    )
    assert log.count("in", 0) == StreamCount(
        side="in", index=0, packets=38, frames=37, decode_errors=1
    )
    assert log.count("out", 0) == StreamCount(side="out", index=0, packets=36, frames=37)
    assert log.count("in", 2) == StreamCount(side="in", index=2, packets=5)


def test_lines_are_made_safe_and_few() -> None:
    log = read(*(f"[a @ 0x1] [error] {n} \x1b[31m" for n in range(1000)))
    assert len(log.complaints) == 40
    assert len(log.damage) == 400
    assert log.last[-1] == "[a] [error] 999 \\x1b[31m"
    assert len(log.last) == 40


def test_ordinary_chatter_is_not_kept() -> None:
    log = read("[info] ffmpeg version 9", "[h264 @ 0x1] [verbose] Reinit context", "")
    assert list(log.last) == []


def test_the_last_lines_are_kept_whatever_they_say() -> None:
    log = read(
        *(f"[out#0/matroska @ 0x1] [info] {n} \x1b[31m" for n in range(30)), "", "  ", "[verbose] "
    )
    assert len(log.tail) == TAIL_LINES
    assert log.tail[-1] == "[out#0/matroska] [info] 29 \\x1b[31m"


@pytest.mark.parametrize(
    "line",
    [
        "[info]   Stream #0:0: Video: wrapped_avframe, 24 fps, File ended prematurely",
        "[info]     Metadata:File ended prematurely",
        "[info]       DURATION        : File ended prematurely",
        "[info]       encoder         : File ended prematurely at pos. 9 (0x9)",
    ],
)
def test_end_that_was_said_within_the_list_of_streams_is_damage(line: str) -> None:
    log = LogReader()
    log.feed(line)
    assert tuple(log.damage) == ("File ended prematurely",)


def test_a_film_may_be_called_so() -> None:
    log = LogReader()
    log.feed("[info]     title           : File ended prematurely")
    assert not log.damage
