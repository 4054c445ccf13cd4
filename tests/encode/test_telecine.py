"""Telecined film is recognised, other video is not taken for it."""

from __future__ import annotations

import pytest

from av1rules.base.process import Children
from av1rules.encode.telecine import is_telecined, repeated_share
from av1rules.ffmpeg.tools import Tools
from av1rules.media.probe.ffprobe import probe_file
from tests.conftest import MakeClip, library_file

CODED = (
    "-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-q:v", "3", "-pix_fmt", "yuv420p",
)  # fmt: skip


@pytest.mark.parametrize(
    ("picture", "filters", "expected"),
    [
        ("testsrc2=s=192x144:r=24000/1001:d=12", "telecine=pattern=23", True),
        ("testsrc2=s=192x144:r=24000/1001:d=12", "telecine=pattern=2332", True),
        ("testsrc2=s=192x144:r=24000/1001:d=12", "telecine=first_field=bottom", True),
        ("testsrc2=s=192x144:r=60000/1001:d=12", "interlace=scan=tff", False),
        ("testsrc2=s=192x144:r=30000/1001:d=12", "null", False),
        ("color=gray:s=192x144:r=30000/1001:d=12", "null", False),
    ],
)
def test_film_is_told_from_video(
    picture: str, filters: str, expected: bool, make_clip: MakeClip, tools: Tools
) -> None:
    clip = make_clip("a.mkv", "-f", "lavfi", "-i", picture, "-vf", filters, *CODED)
    source = probe_file(library_file(clip), tools)
    found = is_telecined(str(clip), source, tools=tools, children=Children())
    assert found is expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((), None),
        (("[idet] Repeated Fields: Neither:     0 Top:     0 Bottom:     0",), None),
        (("Repeated Fields: Neither:   180 Top:    60 Bottom:    60", "frame= 1"), 0.4),
        (
            (
                "Repeated Fields: Neither:    90 Top:     5 Bottom:     5",
                "Repeated Fields: Neither:     0 Top:     0 Bottom:     0",
            ),
            0.1,
        ),
    ],
)
def test_share_of_the_summary(lines: tuple[str, ...], expected: float | None) -> None:
    assert repeated_share(lines) == expected
