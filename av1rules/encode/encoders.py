"""What the settings mean for each AV1 encoder, and what an encoder can't do of them. Pure.

CRF, preset and grain are SVT-AV1's scales; libaom-av1 and librav1e get the nearest of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from av1rules.base.errors import ToolError
from av1rules.ffmpeg.tools import AOM_CODEC, SVT_CODEC, EncoderInfo, Tools
from av1rules.policy.settings import EncodeSettings

TUNES = {"vq": "0", "psnr": "1", "ssim": "2", "iq": "3", "ms-ssim": "4", "vmaf": "5"}
"""Names of SVT-AV1's tunes; 3 and up need 4.1, 5 needs 4.2 (the trial encode of a build decides).
Digits are passed on as they are: forks number theirs otherwise."""


PORTABLE_TUNES = frozenset({"vq", "psnr", "ssim"})
"""The tunes that mean the same in SVT-AV1 and in its forks."""


AOM_TUNES = {"psnr": "psnr", "ssim": "ssim"}


RESERVED_PARAMS = {
    "crf": "crf",
    "qp": "crf",
    "rc": "crf (bit-rate modes differ from run to run)",
    "tbr": "crf (bit-rate modes differ from run to run)",
    "mbr": "crf (bit-rate modes differ from run to run)",
    "preset": "preset",
    "tune": "tune",
    "film-grain": "film_grain",
    "film-grain-denoise": "film_grain_denoise",
    "keyint": "keyint",
    "lp": "run.threads_per_job",
    "input-depth": "bit_depth",
    "fps-num": "the source's own frame rate",
    "fps-denom": "the source's own frame rate",
    "cpu-used": "preset",
    "speed": "preset",
    "quantizer": "crf",
    "threads": "run.threads_per_job",
}
"""Encoder parameters that a setting already stands for: refused, with what to use instead."""


AOM_CPU_USED = (1, 2, 2, 3, 4, 4, 5, 5, 6, 6, 6, 6, 6, 6)
"""SVT preset 0-13 to libaom's -cpu-used in "good" usage. There 7 and 8 equal 6 (measured: the same
bytes), and 6 already takes ten times as long as SVT preset 8; so the scale is squeezed to 1-6."""


RAV1E_SPEED = (2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 10, 10, 10, 10)
"""SVT preset 0-13 to rav1e's -speed. rav1e's own default 6 stands for the presets 5-6 that most
rules use; below 2 it takes days per film for differences nobody could measure."""


RAV1E_QP_PER_CRF = 3.0
"""rav1e's -qp is a 0-255 quantizer index, about four per step of the 0-63 scale. Measured on real
480p 10-bit pictures, files are as large as SVT's at a factor of 2.8 (CRF 30) to 3.1 (CRF 40)."""


USUAL_RATE = Fraction(24)
"""Stands in for a frame rate that is not known, where only a keyframe distance depends on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFacts:
    """What an encoder's options need to know of the pictures."""

    frame_rate: Fraction | None = None


def choose_encoder(settings: EncodeSettings, tools: Tools, preferred: str | None) -> EncoderInfo:
    """The encoder that `settings` name; for "auto" the preferred one, or the best there is.

    A preferred encoder that is missing gives way to the next by priority; one that a rule names is
    meant: raises ToolError if it is missing.
    """
    if not tools.encoders:
        raise ToolError(
            f"FFmpeg {tools.ffmpeg_version} ({tools.ffmpeg}) has no AV1 encoder that works",
            hint="install an FFmpeg with libsvtav1, or: pip install 'av1rules[ffmpeg]'",
        )
    if settings.encoder == "auto":
        return _named(tools, preferred) or tools.encoders[0]
    found = _named(tools, settings.encoder)
    if found is None:
        there = ", ".join(item.name for item in tools.encoders)
        raise ToolError(
            f"the encoder {settings.encoder} was asked for, "
            f"but FFmpeg {tools.ffmpeg_version} ({tools.ffmpeg}) does not have it",
            hint=f"there is: {there}; or write `encoder: auto`",
        )
    return found


def _named(tools: Tools, name: str | None) -> EncoderInfo | None:
    matches = (item for item in tools.encoders if name in (item.name, item.codec))
    return next(matches, None)


def encoder_options(
    settings: EncodeSettings, encoder: EncoderInfo, facts: VideoFacts, *, threads: int | None
) -> tuple[tuple[str, str], ...]:
    """FFmpeg options of the encoder as (name without dash, value), for one video stream."""
    return _family(encoder).options(settings, encoder, facts, threads)


def encoder_settings_text(settings: EncodeSettings, encoder: EncoderInfo, facts: VideoFacts) -> str:
    """The picture-shaping options in one line, for the ENCODER_SETTINGS tag; no thread counts."""
    options = encoder_options(settings, encoder, facts, threads=None)
    return ":".join(value if "params" in name else f"{name}={value}" for name, value in options)


def encoder_limits(settings: EncodeSettings, encoder: EncoderInfo) -> tuple[str, ...]:
    """What this encoder can't do of these settings, each as a sentence; empty if all is well."""
    return (*_param_limits(settings), *_family(encoder).limits(settings, encoder))


def _param_limits(settings: EncodeSettings) -> tuple[str, ...]:
    return tuple(
        f"the encoder parameter {key} can't be set here: use {RESERVED_PARAMS[key]}"
        for key, _ in settings.params
        if key in RESERVED_PARAMS
    )


Options = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Family:
    """One encoder's way to say things."""

    options: Callable[[EncodeSettings, EncoderInfo, VideoFacts, int | None], Options]
    limits: Callable[[EncodeSettings, EncoderInfo], tuple[str, ...]]


def _family(encoder: EncoderInfo) -> _Family:
    try:
        return _FAMILIES[encoder.codec]
    except KeyError:
        raise ToolError(
            f"no mapping of the settings to the encoder {encoder.codec} is known",
            hint=f"known are: {', '.join(_FAMILIES)}",
        ) from None


def _number(value: float) -> str:
    return f"{value:g}"


def _joined(params: list[tuple[str, str]]) -> str:
    """Parameters as FFmpeg reads them: `key=value:key=value`, separators in values escaped."""
    return ":".join(f"{_escaped(key)}={_escaped(value)}" for key, value in params)


def _escaped(text: str) -> str:
    return "".join(f"\\{char}" if char in "\\':=" else char for char in text)


def _user_params(settings: EncodeSettings) -> list[tuple[str, str]]:
    return [(key, value) for key, value in settings.params if key not in RESERVED_PARAMS]


def _svt_options(
    settings: EncodeSettings, encoder: EncoderInfo, facts: VideoFacts, threads: int | None
) -> Options:
    options = [("preset", str(settings.preset))]
    params: list[tuple[str, str]] = []
    if encoder.has_fractional_crf:  # FFmpeg's own -crf is an integer and cuts 30.5 to 30
        params.append(("crf", _number(settings.crf)))
    else:
        options.append(("crf", str(min(round(settings.crf), 63))))
    if settings.film_grain > 0:  # both always named: the encoder's default adds grain to grain
        params.append(("film-grain", str(settings.film_grain)))
        params.append(("film-grain-denoise", str(int(settings.film_grain_denoise))))
    if settings.tune is not None:
        params.append(("tune", TUNES.get(settings.tune, settings.tune)))
    if settings.keyint is not None:
        params.append(("keyint", settings.keyint))
    params += _svt_rate(facts)
    params += _user_params(settings)
    if threads is not None:
        params.append(("lp", str(threads)))
    if params:
        options.append(("svtav1-params", _joined(params)))
    return tuple(options)


def _svt_rate(facts: VideoFacts) -> list[tuple[str, str]]:
    """The mean frame rate, since FFmpeg may tell SVT the finest tick between two frames instead.

    SVT refuses more than 240 per second, which some muxers and phones seem to have. Only its
    default keyframe distance (about 5 s) goes by the rate, so a usual one stands in for an unknown
    one. Timestamps are not touched; at ordinary rates the pictures are the same (measured).
    """
    rate = facts.frame_rate
    if rate is None or not 1 <= rate <= 240:
        rate = USUAL_RATE
    return [("fps-num", str(rate.numerator)), ("fps-denom", str(rate.denominator))]


def _svt_limits(settings: EncodeSettings, encoder: EncoderInfo) -> tuple[str, ...]:
    limits = []
    if not encoder.has_fractional_crf:
        if settings.crf != round(settings.crf):
            limits.append(
                f"{_called(encoder)} takes whole CRF only: "
                f"{_number(settings.crf)} becomes {round(settings.crf)}"
            )
        if settings.crf > 63:
            limits.append(
                f"{_called(encoder)} takes CRF up to 63: {_number(settings.crf)} becomes 63"
            )
    elif settings.crf * 4 != round(settings.crf * 4):
        limits.append(f"CRF goes in quarter steps: {_number(settings.crf)} is between two")
    tune = settings.tune
    if tune is not None and not tune.isdigit():
        if tune not in TUNES:
            limits.append(f"{_called(encoder)} has no tune {tune}: known are {', '.join(TUNES)}")
        elif encoder.name != SVT_CODEC and tune not in PORTABLE_TUNES:
            limits.append(
                f"{_called(encoder)} numbers its tunes otherwise than SVT-AV1: "
                f"give the number instead of {tune}"
            )
    return tuple(limits)


def _called(encoder: EncoderInfo) -> str:
    return f"{encoder.name} {encoder.version}" if encoder.version else encoder.name


def _aom_options(
    settings: EncodeSettings, _: EncoderInfo, facts: VideoFacts, threads: int | None
) -> Options:
    options = [
        ("usage", "good"),
        ("cpu-used", str(AOM_CPU_USED[settings.preset])),
        ("crf", str(min(round(settings.crf), 63))),  # the same 0-63 quantizer scale as SVT's
        ("b", "0"),  # without it libaom turns CRF into constrained quality
        ("row-mt", "1"),
    ]
    params = []
    if settings.film_grain > 0:  # the same noise model as SVT's, on the same scale (level / 10)
        options.append(("denoise-noise-level", str(settings.film_grain)))
        params.append(("enable-dnl-denoising", str(int(settings.film_grain_denoise))))
    if settings.tune in AOM_TUNES:
        options.append(("tune", AOM_TUNES[settings.tune]))
    options += _gop(settings, facts)
    if settings.encoder != "auto":
        params += _user_params(settings)
    if params:
        options.append(("aom-params", _joined(params)))
    if threads is not None:
        options.append(("threads", str(threads)))
    return tuple(options)


def _aom_limits(settings: EncodeSettings, encoder: EncoderInfo) -> tuple[str, ...]:
    limits = _whole_crf(settings, encoder)
    if settings.tune is not None and settings.tune not in AOM_TUNES:
        limits.append(f"{encoder.name} has no tune {settings.tune}: known are psnr, ssim")
    return (*limits, *_foreign_params(settings, encoder))


def _rav1e_options(
    settings: EncodeSettings, _: EncoderInfo, facts: VideoFacts, threads: int | None
) -> Options:
    options = [
        ("speed", str(RAV1E_SPEED[settings.preset])),
        ("qp", str(min(round(settings.crf * RAV1E_QP_PER_CRF), 255))),
    ]
    options += _gop(settings, facts)
    params = []
    if settings.tune == "psnr":
        params.append(("tune", "psnr"))
    if settings.encoder != "auto":
        params += _user_params(settings)
    if params:
        options.append(("rav1e-params", _joined(params)))
    if threads is not None:
        options.append(("threads", str(threads)))
    return tuple(options)


def _rav1e_limits(settings: EncodeSettings, encoder: EncoderInfo) -> tuple[str, ...]:
    limits: list[str] = []
    if settings.film_grain > 0:
        limits.append(
            f"{encoder.name} can't analyse film grain: film_grain {settings.film_grain} is left "
            "out (its photon noise is made up, not taken from the film)"
        )
    if settings.tune not in (None, "psnr"):
        limits.append(f"{encoder.name} has no tune {settings.tune}: known is psnr")
    return (*limits, *_foreign_params(settings, encoder))


def _whole_crf(settings: EncodeSettings, encoder: EncoderInfo) -> list[str]:
    given, taken = settings.crf, min(round(settings.crf), 63)
    if given == taken:
        return []
    return [f"{encoder.name} takes whole CRF up to 63: {_number(given)} becomes {taken}"]


def _foreign_params(settings: EncodeSettings, encoder: EncoderInfo) -> tuple[str, ...]:
    if not settings.params or settings.encoder != "auto":
        return ()
    keys = ", ".join(key for key, _ in settings.params)
    message = (
        "parameters are SVT-AV1's where the encoder is chosen automatically; "
        f"{encoder.name} does not get: {keys}"
    )
    return (message,)


def _gop(settings: EncodeSettings, facts: VideoFacts) -> list[tuple[str, str]]:
    """-g in frames; seconds are counted at the mean frame rate."""
    if settings.keyint is None:
        return []
    if not settings.keyint.endswith("s"):
        return [("g", settings.keyint)]
    rate = facts.frame_rate or USUAL_RATE
    return [("g", str(max(round(float(settings.keyint[:-1]) * rate), 1)))]


_FAMILIES = {
    SVT_CODEC: _Family(options=_svt_options, limits=_svt_limits),
    AOM_CODEC: _Family(options=_aom_options, limits=_aom_limits),
    "librav1e": _Family(options=_rav1e_options, limits=_rav1e_limits),
}
