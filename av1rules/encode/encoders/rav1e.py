"""rav1e. Pure."""

from __future__ import annotations

from av1rules.encode.encoders.description import (
    Encoder,
    Options,
    VideoFacts,
    joined_params,
    keyframe_options,
    named_params,
    no_key_frame_distance,
    plain_self_test,
    unsent_params,
)
from av1rules.ffmpeg.log import EncoderMessages
from av1rules.ffmpeg.tools import EncoderInfo
from av1rules.policy.settings import EncodeSettings

CODEC = "librav1e"

SPEED = (2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 10, 10, 10, 10)
"""SVT preset 0-13 to rav1e's -speed. rav1e's own default 6 stands for the presets 5-6 that most
rules use; below 2 it takes days per film for differences nobody could measure."""

QP_PER_CRF = 3.0
"""rav1e's -qp is a 0-255 quantizer index, about four per step of the 0-63 scale. Measured on real
480p 10-bit pictures, files are as large as SVT's at a factor of 2.8 (CRF 30) to 3.1 (CRF 40)."""


def _options(
    settings: EncodeSettings, _: EncoderInfo, facts: VideoFacts, threads: int | None
) -> Options:
    options = [
        ("speed", str(SPEED[settings.preset])),
        ("qp", str(min(round(settings.crf * QP_PER_CRF), 255))),
    ]
    options += keyframe_options(settings, facts)
    params: list[tuple[str, str]] = []
    if settings.tune == "psnr":
        params.append(("tune", "psnr"))
    params += named_params(settings)
    if params:
        options.append(("rav1e-params", joined_params(params)))
    if threads is not None:
        options.append(("threads", str(threads)))
    return tuple(options)


def _limits(settings: EncodeSettings, encoder: EncoderInfo) -> tuple[str, ...]:
    limits: list[str] = []
    if settings.film_grain > 0:
        limits.append(
            f"{encoder.name} can't analyse film grain: film_grain {settings.film_grain} is left "
            "out (its photon noise is made up, not taken from the film)"
        )
    if settings.tune not in (None, "psnr"):
        limits.append(f"{encoder.name} has no tune {settings.tune}: known is psnr")
    return (*limits, *unsent_params(settings, encoder))


RAV1E = Encoder(
    codec=CODEC,
    product=CODEC,
    self_test=plain_self_test(CODEC, "-speed", "10"),
    options=_options,
    key_frame_distance=no_key_frame_distance,
    limits=_limits,
    reserved_params={
        "speed": "preset",
        "quantizer": "crf",
        "threads": "run.threads_per_job",
    },
    messages=EncoderMessages(
        codec=CODEC,
        # It only warns of a parameter that it does not know, and goes on without it.
        refusals=(r"\[librav1e\] \[warning\] (?=Invalid value for )",),
        out_of_memory=("memory allocation of",),  # with the exit code of a crash
    ),
    env={},
    # Measured in 1920x1080: 900 MiB when cut short.
    bytes_per_pixel=lambda preset, threads, cores: 600,
    time_factor=15.0,  # measured on 96 frames: 12 and 19 times at speed 10 and 8
    min_side=16,  # measured: it refuses 15x15
    min_pixels=256,
    writes_dolby_vision=False,
    may_keep_hdr10_plus=False,
)
