"""libaom, the reference encoder. Pure."""

from __future__ import annotations

from av1rules.encode.encoders.description import (
    Encoder,
    Options,
    VideoFacts,
    joined_params,
    keyframe_options,
    named_params,
    no_key_frame_distance,
    number_text,
    plain_self_test,
    unsent_params,
)
from av1rules.ffmpeg.log import EncoderMessages
from av1rules.ffmpeg.tools import EncoderInfo
from av1rules.policy.settings import EncodeSettings

CODEC = "libaom-av1"

TUNES = {"psnr": "psnr", "ssim": "ssim"}

CPU_USED = (1, 2, 2, 3, 4, 4, 5, 5, 6, 6, 6, 6, 6, 6)
"""SVT preset 0-13 to libaom's -cpu-used in "good" usage. There 7 and 8 equal 6 (measured: the same
bytes), and 6 already takes ten times as long as SVT preset 8; so the scale is squeezed to 1-6."""


def _options(
    settings: EncodeSettings, _: EncoderInfo, facts: VideoFacts, threads: int | None
) -> Options:
    options = [
        ("usage", "good"),
        ("cpu-used", str(CPU_USED[settings.preset])),
        ("crf", str(min(round(settings.crf), 63))),  # the same 0-63 quantizer scale as SVT's
        ("b", "0"),  # without it libaom turns CRF into constrained quality
        ("row-mt", "1"),
    ]
    params: list[tuple[str, str]] = []
    if settings.film_grain > 0:  # the same noise model as SVT's, on the same scale (level / 10)
        options.append(("denoise-noise-level", str(settings.film_grain)))
        params.append(("enable-dnl-denoising", str(int(settings.film_grain_denoise))))
    if settings.tune in TUNES:
        options.append(("tune", TUNES[settings.tune]))
    options += keyframe_options(settings, facts)
    params += named_params(settings)
    if params:
        options.append(("aom-params", joined_params(params)))
    if threads is not None:
        options.append(("threads", str(threads)))
    return tuple(options)


def _limits(settings: EncodeSettings, encoder: EncoderInfo) -> tuple[str, ...]:
    limits = []
    given, taken = settings.crf, min(round(settings.crf), 63)
    if given != taken:
        limits.append(
            f"{encoder.name} takes whole CRF up to 63: {number_text(given)} becomes {taken}"
        )
    if settings.tune is not None and settings.tune not in TUNES:
        limits.append(f"{encoder.name} has no tune {settings.tune}: known are psnr, ssim")
    return (*limits, *unsent_params(settings, encoder))


AOM = Encoder(
    codec=CODEC,
    product=CODEC,
    self_test=plain_self_test(CODEC, "-cpu-used", "8", "-crf", "50"),
    options=_options,
    key_frame_distance=no_key_frame_distance,
    limits=_limits,
    reserved_params={"cpu-used": "preset", "threads": "run.threads_per_job"},
    messages=EncoderMessages(codec=CODEC),
    env={},
    # Measured in 1920x1080: 865 MiB, with 8 threads 877.
    bytes_per_pixel=lambda preset, threads, cores: 480,
    time_factor=10.5,  # measured on 96 frames: 10 and 11 times at -cpu-used 8 and 4
    min_side=1,
    min_pixels=1,
    writes_dolby_vision=False,
    # Measured: FFmpeg 9.0 passes HDR10+ on, 8.0 does not; a version in between is not known.
    may_keep_hdr10_plus=True,
)
