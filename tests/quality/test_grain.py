"""Noise is told from texture, and its strength leads to a strength of film grain."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.base.process import Children
from av1rules.ffmpeg.tools import Tools
from av1rules.media.probe.ffprobe import probe_file
from av1rules.quality.excerpts import NoiseEstimate
from av1rules.quality.grain import estimate, film_grain_for, level_of, noise_level
from tests.conftest import MakeClip, library_file


def _estimate(path: Path, tools: Tools) -> NoiseEstimate:
    source = probe_file(library_file(path), tools)
    return estimate(str(path), source, tools=tools, children=Children())


def _of(
    sigma_p10: float | None,
    sigma_p50: float | None = None,
    *,
    coarse: tuple[float | None, float | None] = (None, None),
) -> NoiseEstimate:
    return NoiseEstimate(
        sigma_p10=sigma_p10,
        sigma_p50=sigma_p50 or sigma_p10,
        coarse_p10=coarse[0],
        coarse_p50=coarse[1],
        frames=36,
        places=9,
    )


def _grainy(make_clip: MakeClip, name: str, film: str, *options: str, blur: float = 0) -> Path:
    """A film under noise that spans some pixels, of a deviation of 4.2 to 4.5 8-bit steps."""
    level, softened = (8, "") if not blur else (25, f",gblur=sigma={blur}")
    return make_clip(
        name, "-f", "lavfi", "-i", film, "-filter_complex",
        "[0:v]scale=640:360,format=gray,split[s][n];"
        f"[n]geq=lum=128,noise=c0s={level}:c0f=t:all_seed=5,format=gray16le{softened},"
        "format=gray[g];[s][g]blend=all_expr='A+B-128',format=yuv420p[v]",
        "-map", "[v]", *(options or ("-c:v", "ffv1")),
    )  # fmt: skip


CALM = "gradients=s=640x360:r=24:d=0.5:c0=gray:c1=silver:speed=0.001:seed=7"
BUSY = "testsrc2=s=640x360:r=24:d=0.5"


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
def test_coarse_grain_is_measured_by_what_spans_some_pixels(
    make_clip: MakeClip, tools: Tools
) -> None:
    """Between neighbours, noise of three pixels shows a third of its deviation."""
    fine = _estimate(_grainy(make_clip, "fine.mkv", CALM), tools)
    coarse = _estimate(_grainy(make_clip, "coarse.mkv", CALM, blur=1.2), tools)
    assert fine.sigma_p10 is not None
    assert coarse.sigma_p10 is not None
    assert coarse.sigma_p10 < 0.45 * fine.sigma_p10
    assert level_of(fine) == pytest.approx(fine.sigma_p10, rel=0.1)
    assert level_of(coarse) == pytest.approx(3.3, rel=0.15)
    assert film_grain_for(coarse)[0] in range(25, 36)
    assert "coarse" in film_grain_for(coarse)[1]
    assert "coarse" not in film_grain_for(fine)[1]


@pytest.mark.real
def test_coarse_grain_outlives_a_codec(make_clip: MakeClip, tools: Tools) -> None:
    """What a codec leaves between neighbours passes for clean; what it leaves of coarse grain does
    not."""
    coded = ("-c:v", "mpeg2video", "-q:v", "3")
    measured = _estimate(_grainy(make_clip, "coded.mkv", CALM, *coded, blur=1.2), tools)
    level = level_of(measured)
    assert level is not None
    assert measured.sigma_p10 is not None
    assert level > 1.5 * measured.sigma_p10
    assert level > 1.5


@pytest.mark.real
def test_detail_is_no_coarse_grain(make_clip: MakeClip, tools: Tools) -> None:
    clip = make_clip("busy.mkv", "-f", "lavfi", "-i", BUSY, "-c:v", "ffv1", "-pix_fmt", "yuv420p")
    measured = _estimate(clip, tools)
    assert level_of(measured) == noise_level(measured.sigma_p10, measured.sigma_p50)


@pytest.mark.real
def test_a_short_film_of_one_key_frame_is_seen_at_several_places(
    make_clip: MakeClip, tools: Tools
) -> None:
    for name, codec in (("one.ts", "mpeg2video"), ("one.mkv", "mpeg4")):
        clip = _grainy(make_clip, name, CALM, "-c:v", codec, "-q:v", "2", "-g", "600")
        measured = _estimate(clip, tools)
        assert measured.places >= 3, name
        assert film_grain_for(measured)[0] > 20, name


@pytest.mark.real
@pytest.mark.media
def test_a_transport_stream_that_no_seek_finds_its_way_in_is_measured(
    media_dir: Path, tools: Tools
) -> None:
    clip = media_dir.parent / "media-2" / "hevc-bbb-1080p24-51.ts"
    if not clip.is_file():
        pytest.skip("no second folder of clips")
    measured = _estimate(clip, tools)
    assert measured.places == 3
    assert film_grain_for(measured)[0] == 0


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
        (_of(1.3, 1.5, coarse=(3.3, 3.9)), (30, "noise 3.3, coarse (1.3 between neighbours)")),
        (_of(0.5, 0.6, coarse=(2.0, 2.5)), (18, "noise 2.0, coarse (0.5 between neighbours)")),
        (_of(1.3, 1.5, coarse=(3.3, 5.0)), (12, "noise 1.3")),
        (_of(1.3, 2.2, coarse=(3.3, 3.9)), (12, "noise 1.3")),
        (
            _of(0.3, 0.4, coarse=(0.7, 0.8)),
            (0, "noise 0.7, coarse (0.3 between neighbours): clean (grain is from 0.75 on)"),
        ),
        (_of(3.7, 4.1, coarse=(3.6, 4.3)), (33, "noise 3.7")),
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
