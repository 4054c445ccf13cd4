"""Counts and times of a target's pictures, for each way to deinterlace; and whole encodes."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from av1rules.encode.picture_count import filtered_drift_s, is_count_right, is_length_right
from av1rules.ffmpeg.tools import Tools
from av1rules.policy.settings import EncodeSettings, Loss
from tests.conftest import MakeClip
from tests.encode.real import FAST, go

PLAIN = EncodeSettings(crf=26, preset=5)
FIELDS = replace(PLAIN, deinterlace="bwdif", deinterlace_rate="fields")
FRAMES = replace(PLAIN, deinterlace="bwdif")
FILM = replace(PLAIN, deinterlace="inverse-telecine")


@pytest.mark.parametrize(
    ("settings", "frames", "pictures", "expected"),
    [
        (PLAIN, 100, 100, True), (PLAIN, 100, 99, False), (PLAIN, 100, 200, False),
        (FRAMES, 100, 100, True), (FRAMES, 100, 200, False),
        (FIELDS, 100, 200, True), (FIELDS, 100, 150, True), (FIELDS, 100, 201, False),
        (FIELDS, 100, 99, False),
        (FILM, 300, 240, True), (FILM, 301, 242, True), (FILM, 300, 300, False),
        (FILM, 300, 230, False), (FILM, 300, 235, True), (FILM, 300, 245, True),
        (FILM, 300, 234, False), (FILM, 300, 246, False),
        (FIELDS, 100, 100, True),
    ],
)  # fmt: skip
def test_counts(settings: EncodeSettings, frames: int, pictures: int, expected: bool) -> None:
    assert is_count_right(settings, frames=frames, pictures=pictures) is expected


def times(rate: Fraction | int, count: int = 40, start: float = 0.0) -> list[float]:
    return [round(start + float(number / Fraction(rate)), 3) for number in range(count)]


PAL, NTSC, CINEMA = Fraction(25), Fraction(30_000, 1001), Fraction(24_000, 1001)


@pytest.mark.parametrize(
    ("settings", "rate", "after", "least_s", "most_s"),
    [
        (PLAIN, PAL, times(25, start=1.5), 0.0, 0.001),
        (PLAIN, PAL, times(24), 0.05, 0.1),
        (FIELDS, PAL, times(50), 0.0, 0.001),
        (FIELDS, PAL, times(25), 0.0, 0.001),  # all of them flagged progressive
        (FIELDS, PAL, times(48), 0.005, 0.1),
        (FIELDS, PAL, [t for t in times(50) if not 0.3 < t < 0.4], 0.019, 0.1),
        (FILM, NTSC, times(CINEMA), 0.0, 0.002),
        (FILM, NTSC, times(NTSC), 0.005, 0.1),
        (FILM, NTSC, [t for t in times(CINEMA) if not 0.3 < t < 0.4], 0.04, 0.1),
    ],
)
def test_rhythm(
    settings: EncodeSettings, rate: Fraction, after: list[float], least_s: float, most_s: float
) -> None:
    drift_s = filtered_drift_s(settings, times(rate), after, rate=rate)
    assert least_s <= drift_s <= most_s


def test_the_last_frames_may_have_no_field_of_their_own() -> None:
    """A target that ends earlier lacks nothing here: the count of its pictures says so."""
    assert filtered_drift_s(FIELDS, [0.0, 0.04, 9.0], [0.0, 0.02, 0.041], rate=PAL) < 0.0011
    assert filtered_drift_s(FIELDS, [0.0, 0.04, 0.08], [0.0, 0.03, 0.08], rate=PAL) == (
        pytest.approx(0.01)
    )


def test_one_picture_has_no_rhythm() -> None:
    for settings in (PLAIN, FIELDS, FILM):
        assert filtered_drift_s(settings, [5.0], [0.0], rate=NTSC) == 0.0


def test_frames_at_the_time_of_one_before_are_not_compared() -> None:
    assert filtered_drift_s(PLAIN, [0, 0.04, 0.04, 0.08], [0, 0.04, 0.06, 0.08], rate=PAL) == 0
    assert filtered_drift_s(PLAIN, [0, 0.04, 0.08], [0, 0.04, 0.09], rate=PAL) > 0.009


def test_inverse_telecine_may_lose_no_time() -> None:
    assert is_length_right(FILM, source_s=60.0, target_s=60.1)
    assert not is_length_right(FILM, source_s=60.0, target_s=59.7)
    for settings in (PLAIN, FIELDS):  # of these every picture's time is compared
        assert is_length_right(settings, source_s=60.0, target_s=59.7)


INTERLACED = (
    "-vf", "interlace=scan=tff", "-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-q:v", "3",
    "-pix_fmt", "yuv420p", "-c:a", "ac3",
)  # fmt: skip
TELECINED = ("-vf", "telecine=pattern=23", *INTERLACED[2:])


def made(rate: str) -> tuple[str, ...]:
    return (
        "-f", "lavfi", "-i", f"testsrc2=s=128x96:r={rate}:d=4", "-f", "lavfi", "-i", "sine=d=4",
    )  # fmt: skip


def step_times(film: Path, tools: Tools) -> list[float]:
    """When the target's pictures are shown, by an ffprobe call of its own."""
    argv = [
        tools.ffprobe, "-v", "error", "-select_streams", "v:0", "-show_entries",
        "packet=pts_time", "-of", "csv=p=0", str(film),
    ]  # fmt: skip
    done = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60)
    return sorted(float(line.strip(",")) for line in done.stdout.split())


@pytest.mark.parametrize("suffix", ["mkv", "ts", "mpg"])
@pytest.mark.parametrize(
    ("source", "options", "settings", "pictures", "step_s"),
    [
        ("50", INTERLACED, {"deinterlace_rate": "fields"}, 200, 0.02),
        ("50", INTERLACED, {"deinterlace_rate": "frames"}, 100, 0.04),
        ("60000/1001", INTERLACED, {"deinterlace_rate": "fields"}, 240, 1001 / 60000),
        ("24000/1001", TELECINED, {"deinterlace": "inverse-telecine"}, 96, 1001 / 24000),
    ],
    ids=["50 fields", "25 frames", "60 fields", "24 of film"],
)
def test_whole_encodes(
    source: str,
    options: tuple[str, ...],
    settings: dict[str, str],
    pictures: int,
    step_s: float,
    suffix: str,
    make_clip: MakeClip,
    tools: Tools,
    tmp_path: Path,
) -> None:
    clip = make_clip(f"clip.{suffix}", *made(source), *options)
    way = go(clip, tmp_path, tools, replace(FAST, **({"deinterlace": "bwdif"} | settings)))
    assert way.failed == []
    shown = step_times(way.path, tools)
    assert abs(len(shown) - pictures) <= 2
    steps = [later - time for time, later in pairwise(shown)]
    assert max(abs(step - step_s) for step in steps) <= 0.002
    assert abs(shown[-1] - shown[0] - 4.0) < 0.1


def test_film_is_not_made_of_pal(make_clip: MakeClip, tools: Tools, tmp_path: Path) -> None:
    clip = make_clip("pal.mkv", *made("50"), *INTERLACED)
    (held,) = go(clip, tmp_path, tools, replace(FAST, deinterlace="inverse-telecine")).held
    assert (held.loss, held.acceptable) == (Loss.INTERLACED, False)
    assert "use `deinterlace: bwdif`" in held.message
