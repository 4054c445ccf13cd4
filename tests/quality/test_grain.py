"""Noise is told from texture, and its strength leads to a strength of film grain."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.base.process import Children
from av1rules.ffmpeg.tools import Tools
from av1rules.media.probe.ffprobe import probe_file
from av1rules.quality.excerpts import NoiseEstimate
from av1rules.quality.grain import estimate, film_grain_for, noise_level
from tests.conftest import MakeClip, library_file


def _estimate(path: Path, tools: Tools) -> NoiseEstimate:
    source = probe_file(library_file(path), tools)
    return estimate(str(path), source, tools=tools, children=Children())


def _of(sigma_p10: float | None, sigma_p50: float | None = None) -> NoiseEstimate:
    return NoiseEstimate(sigma_p10=sigma_p10, sigma_p50=sigma_p50 or sigma_p10, frames=36)


@pytest.mark.real
@pytest.mark.media
def test_more_noise_is_measured_as_more_and_given_back_as_more(
    media_dir: Path, make_clip: MakeClip, tools: Tools
) -> None:
    strengths, sigmas = [], []
    for level in (0, 2, 4, 8, 16):
        clip = make_clip(
            f"noise{level}.mkv", "-i", str(media_dir / "vp9-tractor.webm"),
            "-vf", f"noise=alls={level}:allf=t:all_seed=5,format=yuv420p", "-frames:v", "12",
            "-c:v", "ffv1",
        )  # fmt: skip
        measured = _estimate(clip, tools)
        assert measured.sigma_p10 is not None
        sigmas.append(measured.sigma_p10)
        strengths.append(film_grain_for(measured)[0])
    assert sigmas == sorted(sigmas)
    assert sigmas[3] == pytest.approx(0.47 * 8, rel=0.15)
    assert strengths == sorted(set(strengths))
    assert (strengths[0], strengths[-1]) == (0, 50)


@pytest.mark.real
@pytest.mark.media
@pytest.mark.parametrize(
    "name",
    [
        "h264-sintel-51-eng.mp4",  # animation
        "h264-720p30-bee.mp4",
        "h264-720p24-park-noaudio.mp4",  # leaves all over the picture
        "vp8-tears-of-steel-70s.webm",
        "mpeg2-480i-bff-ac3.ts",
    ],
)
def test_clean_clips_get_no_grain(media_dir: Path, tools: Tools, name: str) -> None:
    assert film_grain_for(_estimate(media_dir / name, tools))[0] == 0


@pytest.mark.real
def test_depth_and_range_do_not_change_the_estimate(make_clip: MakeClip, tools: Tools) -> None:
    sigmas = []
    for pixels, scale in (("yuv420p", "tv"), ("yuv420p10le", "tv"), ("yuvj420p", "pc")):
        clip = make_clip(
            f"{pixels}.mkv", "-f", "lavfi", "-i", "color=gray:s=128x128:r=12:d=1",
            "-vf", "format=yuv420p,noise=c0s=10:c0f=t:all_seed=3,"
            f"scale=in_range=tv:out_range={scale},format={pixels}",
            "-color_range", scale, "-c:v", "ffv1",
        )  # fmt: skip
        sigmas.append(_estimate(clip, tools).sigma_p10)
    assert sigmas[1:] == pytest.approx([sigmas[0]] * 2, rel=0.06)


@pytest.mark.real
def test_a_black_film_has_no_noise_that_could_be_told(make_clip: MakeClip, tools: Tools) -> None:
    clip = make_clip(
        "black.mkv", "-f", "lavfi", "-i", "color=black:s=128x72:r=12:d=2", "-c:v", "mpeg4"
    )
    measured = _estimate(clip, tools)
    assert (measured.sigma_p10, measured.frames) == (None, 0)


@pytest.mark.parametrize(
    ("estimate", "expected"),
    [
        (_of(0.2), (0, "noise 0.2: clean (grain is from 0.75 on)")),
        (_of(0.74), (0, "noise 0.7: clean (grain is from 0.75 on)")),
        (_of(0.9, 1.1), (8, "noise 0.9")),
        (_of(1.75, 2.0), (16, "noise 1.8")),
        (_of(1.4, 3.71), (0, "noise 1.4 beside fine detail 3.7: texture, not grain")),
        (_of(4.4, 9.0), (40, "noise 4.4")),
        (_of(12.0, 13.0), (50, "noise 12.0")),
        (_of(None), (0, "noise can't be measured: the frames are too dark or too bright")),
    ],
)
def test_strength_and_its_reason(estimate: NoiseEstimate, expected: tuple[int, str]) -> None:
    assert film_grain_for(estimate) == expected


def test_strength_never_falls_as_noise_rises() -> None:
    strengths = [film_grain_for(_of(step / 20, step / 18))[0] for step in range(200)]
    assert strengths == sorted(strengths)


def test_texture_hides_the_level_that_rules_ask_for() -> None:
    assert noise_level(1.4, 3.7) is None
    assert noise_level(0.3, 3.7) == 0.3
