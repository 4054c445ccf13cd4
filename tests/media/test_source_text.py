"""What is read back of a source's lines is what `source_lines` wrote of it."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from av1rules.media.source import Source, VideoStream
from av1rules.media.source_text import MainPicture, main_picture, source_lines

COVER = VideoStream(index=0, codec="mjpeg", width=600, height=900, frame_rate=Fraction(90000))


def lines_of(video: VideoStream) -> tuple[str, ...]:
    source = Source(
        container="matroska,webm", size_bytes=1, video=(COVER, video), main_index=video.index
    )
    return tuple(source_lines(source))


@given(
    st.integers(1, 99_999),
    st.integers(1, 99_999),
    st.fractions(min_value=Fraction(1, 10), max_value=999, max_denominator=1001),
    st.sampled_from(["High, 1 fps, 7x7", "", "Main 10"]),
)
def test_round_trip(width: int, height: int, rate: Fraction, profile: str) -> None:
    video = VideoStream(
        index=1, codec="h264", profile=profile.split(",", maxsplit=1)[0], width=width,
        height=height, frame_rate=rate, title=profile,
    )  # fmt: skip
    found = main_picture(lines_of(video))
    assert (found.width, found.height) == (width, height)
    assert found.frame_rate == pytest.approx(float(rate), rel=1e-5)


@pytest.mark.parametrize(
    "video",
    [
        VideoStream(index=1, codec="h264"),
        VideoStream(index=1, codec="h264", width=1920, frame_rate=None),
        VideoStream(index=1, codec="h264", frame_rate=Fraction(25), is_variable_rate=True),
    ],
)
def test_unknown_stays_unknown(video: VideoStream) -> None:
    assert main_picture(lines_of(video)) == MainPicture()


def test_no_lines_tell_nothing() -> None:
    assert main_picture(()) == MainPicture()
