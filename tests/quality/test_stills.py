"""Stills: which pictures are shown, and that they are those of the clip's numbers."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import pytest

from av1rules.base.errors import Av1rulesError
from av1rules.base.process import Children
from av1rules.ffmpeg.tools import Tools
from av1rules.media.cache import lone_file
from av1rules.media.probe.ffprobe import probe_file
from av1rules.media.source import VideoStream
from av1rules.quality.excerpts import Excerpt, ExcerptKind
from av1rules.quality.stills import StillFrame, choose_stills, square_pixel_scale, take_stills
from tests.conftest import MakeClip


def piece(start_s: float, length_s: float, reason: str) -> Excerpt:
    return Excerpt(
        kind=ExcerptKind.DARK, start_s=start_s, end_s=start_s + length_s, frames=None, reason=reason
    )


def test_spots_are_middles_and_the_worst_second() -> None:
    pieces = (piece(100, 10, "one"), piece(500, 20, "two"))
    assert choose_stills(pieces, 720, (3, 30)) == (
        StillFrame(frame=84, label="the second with the lowest score"),
        StillFrame(frame=120, label="one"),
        StillFrame(frame=480, label="two"),
    )
    assert [spot.frame for spot in choose_stills(pieces, 720, (3, 30), most=2)] == [84, 120]


def test_spots_of_short_and_empty_clips() -> None:
    assert choose_stills((piece(0, 1, "one"),), 1, (0, 1)) == (StillFrame(frame=0, label="one"),)
    assert choose_stills((piece(0, 1, "one"),), 0, None) == ()
    assert len(choose_stills(tuple(piece(n, 5, str(n)) for n in range(0, 90, 5)), 900, None)) == 6


@pytest.mark.real
def test_stills_are_the_pictures_of_these_numbers(
    make_clip: MakeClip, tools: Tools, tmp_path: Path
) -> None:
    path = make_clip(
        "film.mkv", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=24", "-c:v", "mpeg2video",
        "-b:v", "1500k", "-g", "40", "-bf", "2", "-pix_fmt", "yuv420p",
    )  # fmt: skip
    source = probe_file(lone_file(str(path)), tools)
    excerpts = (((300 - 0.5) / 25, 2.0), ((10 - 0.5) / 25, 2.0))
    found = take_stills(str(path), source, excerpts, [7, 60], tools=tools, children=Children())
    filters = (
        "scale=out_color_matrix=bt601:out_range=pc:flags=accurate_rnd+full_chroma_int,"
        "format=yuvj444p"
    )
    for picture, number in zip(found, (307, 20), strict=True):
        wanted = tmp_path / f"{number}.jpg"
        subprocess.run(
            [
                tools.ffmpeg, "-v", "error", "-nostdin", "-i", str(path), "-vf",
                f"select='eq(n,{number})',{filters}",
                "-frames:v", "1", "-qmin", "1", "-q:v", "1", "-f", "image2", str(wanted),
            ],
            check=True,
        )  # fmt: skip
        assert picture == wanted.read_bytes()


@pytest.mark.real
def test_too_few_pictures_are_told(clip: Path, tools: Tools) -> None:
    source = probe_file(lone_file(str(clip)), tools)
    with pytest.raises(Av1rulesError, match="got 1 of 2 frames"):
        take_stills(str(clip), source, (), [3, 9999], tools=tools, children=Children())


@pytest.mark.parametrize(
    ("aspect", "words"),
    [
        (None, ""),
        (Fraction(1), ""),
        (Fraction(399, 400), ""),  # scaling would only blur
        (Fraction(8, 9), "w=720:h=540:"),
        (Fraction(32, 27), "w=853:h=480:"),
        (Fraction(1, 1000), ""),  # a mistake of the file
    ],
)
def test_squared(aspect: Fraction | None, words: str) -> None:
    main = VideoStream(index=0, codec="h264", width=720, height=480, sample_aspect=aspect)
    assert square_pixel_scale(main) == words


@pytest.mark.real
@pytest.mark.parametrize("angle", [0, 90, 180, 270])
def test_stills_stand_as_players_show_them(
    make_clip: MakeClip, tools: Tools, tmp_path: Path, angle: int
) -> None:
    """A white block in one corner, pixels twice as wide as high; FFmpeg by itself turns it too."""
    flat = make_clip(
        "flat.mp4", "-f", "lavfi", "-i",
        "color=black:s=96x64:r=24:d=0.25,drawbox=x=64:y=0:w=32:h=32:c=white:t=fill",
        "-c:v", "mpeg4", "-q:v", "2", "-vf", "setsar=2",
    )  # fmt: skip
    turned = tmp_path / "turned.mp4"
    call = [tools.ffmpeg, "-v", "error", "-nostdin", "-display_rotation", str(angle)]
    subprocess.run([*call, "-i", str(flat), "-c", "copy", str(turned)], check=True)
    source = probe_file(lone_file(str(turned)), tools)
    (still,) = take_stills(str(turned), source, (), [2], tools=tools, children=Children())
    picture = tmp_path / "still.jpg"
    picture.write_bytes(still)
    size, corner = _seen(picture, tools)
    assert size == ((64, 192) if angle in (90, 270) else (192, 64))
    assert corner == _seen(turned, tools)[1]


def _seen(path: Path, tools: Tools) -> tuple[tuple[int, int], str]:
    """How large the first picture is as FFmpeg shows it, and its brightest corner."""
    call = [tools.ffmpeg, "-v", "error", "-nostdin", "-i", str(path), "-frames:v", "1"]
    done = subprocess.run(
        [*call, "-vf", "format=gray", "-c:v", "pgm", "-f", "image2pipe", "-"],
        check=True,
        capture_output=True,
    )
    _, size, _, pixels = done.stdout.split(b"\n", 3)
    width, height = map(int, size.split())
    places = {"tl": 0, "tr": width - 1, "bl": -width, "br": -1}
    return (width, height), max(places, key=lambda name: pixels[places[name]])
