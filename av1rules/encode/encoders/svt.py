"""SVT-AV1 and its forks. Pure."""

from __future__ import annotations

import math
import re
from fractions import Fraction

from av1rules.encode.encoders.description import (
    USUAL_RATE,
    Encoder,
    Options,
    VideoFacts,
    joined_params,
    number_text,
    trial_args,
)
from av1rules.ffmpeg.log import EncoderMessages, KnownFailure
from av1rules.ffmpeg.tools import EncoderInfo, EncoderTrial, TrialEncode
from av1rules.policy.settings import EncodeSettings

CODEC = "libsvtav1"
PSY = "svt-av1-psy"

TUNES = {"vq": "0", "psnr": "1", "ssim": "2", "iq": "3", "ms-ssim": "4", "vmaf": "5"}
"""Names of SVT-AV1's tunes; 3 and up need 4.1, 5 needs 4.2 (the trial encode of a build decides).
Digits are passed on as they are: forks number theirs otherwise."""

PORTABLE_TUNES = frozenset({"vq", "psnr", "ssim"})
"""The tunes that mean the same in SVT-AV1 and in its forks."""

TRIAL_PARAMS: tuple[tuple[str, str], ...] = (
    ("tune", "1"),
    ("ac-bias", "1.0"),
    ("max-tx-size", "32"),
    ("hbd-mds", "1"),
    ("enable-kf-tf", "1"),
    ("pin", "0"),
    ("enable-variance-boost", "1"),
    ("variance-boost-strength", "2"),
    ("variance-octile", "6"),
    ("variance-boost-curve", "0"),
    ("enable-qm", "1"),
    ("qm-min", "8"),
    ("qm-max", "15"),
    ("chroma-qm-min", "8"),
    ("chroma-qm-max", "15"),
    ("sharpness", "1"),
    ("luminance-qp-bias", "10"),
    ("qp-scale-compress-strength", "1"),
    ("tf-strength", "3"),
    ("enable-tf", "1"),
    ("film-grain", "8"),
    ("film-grain-denoise", "1"),
    ("adaptive-film-grain", "1"),
    ("enable-dlf", "1"),
    ("enable-cdef", "1"),
    ("enable-restoration", "1"),
    ("enable-overlays", "0"),
    ("startup-mg-size", "3"),
    ("fast-decode", "0"),
    ("lossless", "0"),
    ("scm", "0"),
    ("scd", "0"),
    ("keyint", "10s"),
    ("lp", "1"),
    ("mbr", "0"),
    ("noise-norm-strength", "1"),
    ("psy-rd", "1.0"),
    ("spy-rd", "1"),
    ("kf-tf-strength", "1"),
    ("noise-strength", "0"),
    ("sharp-tx", "1"),
    ("tx-bias", "1"),
    ("complex-hvs", "0"),
    ("alt-ssim-tuning", "0"),
    ("enable-alt-curve", "0"),
    ("frame-luma-bias", "10"),
    ("low-q-taper", "0"),
)
"""Keys asked in one process: SVT names each one that it does not know in a warning."""

PSY_ONLY_PARAMS = frozenset(
    {
        "noise-norm-strength", "psy-rd", "spy-rd", "kf-tf-strength", "noise-strength", "sharp-tx",
        "tx-bias", "complex-hvs", "alt-ssim-tuning", "enable-alt-curve", "frame-luma-bias",
        "low-q-taper",
    }
)  # fmt: skip
"""Keys of SVT-AV1-PSY and its heirs; none is known to mainline 3.1, 4.1 or 4.2."""

PSY_MIN_PARAMS = 2
"""So many fork-only keys make a fork: mainline may adopt one of them at any time."""

_NO_PARAM = "av1rules-no-such-key"
"""Asked for with the others: only a build that names this one as unknown can be believed."""

_VERSION = re.compile(r"SVT \[version\]:\s*(?:SVT-AV1\s+)?(?:Encoder Lib\s+)?(\S.*)")
_UNKNOWN_PARAM = re.compile(r"Error parsing option ([\w-]+):")

_BYTES_PER_PIXEL = ((9, 340), (8, 370), (6, 600), (0, 720))
"""From this preset up, so many bytes for each pixel, at parallel level 2 and 10 bit: what was
measured and a seventh more. Peak resident memory in MiB, SVT-AV1 4.2, the film made by FFmpeg:

    preset                         10     8   6-7     5     3   1-2
    640x360                       147   203     -   255   253     -
    1920x1080                     699   737  1143  1274  1347  1379
    3840x2160                    2312  2503     -  3855  3946     -    (preset 3 cut short)
"""

_LEVEL_FACTORS = (0.95, 1.0, 1.4, 1.7, 1.8, 2.0)
"""SVT-AV1 keeps more pictures at work the more threads it may use. MiB by parallel level, 1 to 6:

    1920x1080, preset 10          559   711   904  1089  1138  1312
    1920x1080, preset 5           862  1308  1587  1719  1820  2009
    3840x2160, preset 10         1844  2064  2799  3325  3583  4006    (40 to 50 frames)
"""

_LEVEL_CORES = (1, 2, 5, 11, 23)
"""Up to so many cores SVT-AV1 chooses parallel level 1, 2 ... 5 by itself; 6 beyond."""


def _bytes_per_pixel(preset: int, threads: int | None, cores: int) -> float:
    size = next(size for least, size in _BYTES_PER_PIXEL if max(preset, 0) >= least)
    level = threads or 1 + sum(cores > most for most in _LEVEL_CORES)
    return size * _LEVEL_FACTORS[min(level, len(_LEVEL_FACTORS)) - 1]


def _options(
    settings: EncodeSettings, encoder: EncoderInfo, facts: VideoFacts, threads: int | None
) -> Options:
    options = [("preset", str(settings.preset))]
    params: list[tuple[str, str]] = []
    if encoder.has_fractional_crf:  # FFmpeg's own -crf is an integer and cuts 30.5 to 30
        params.append(("crf", number_text(settings.crf)))
    else:
        options.append(("crf", str(min(round(settings.crf), 63))))
    if settings.film_grain > 0:  # both always named: the encoder's default adds grain to grain
        params.append(("film-grain", str(settings.film_grain)))
        params.append(("film-grain-denoise", str(int(settings.film_grain_denoise))))
    if settings.tune is not None:
        params.append(("tune", TUNES.get(settings.tune, settings.tune)))
    if settings.keyint is not None:
        params.append(("keyint", settings.keyint))
    params += _frame_rate(facts)
    params += settings.params
    if threads is not None:
        params.append(("lp", str(threads)))
    if params:
        options.append(("svtav1-params", joined_params(params)))
    return tuple(options)


def _usable_rate(facts: VideoFacts) -> Fraction:
    rate = facts.frame_rate
    return USUAL_RATE if rate is None or not 1 <= rate <= 240 else rate


def _frame_rate(facts: VideoFacts) -> list[tuple[str, str]]:
    """The mean frame rate, since FFmpeg may tell SVT the finest tick between two frames instead.

    SVT refuses more than 240 per second, which some muxers and phones seem to have. Only its
    default keyframe distance (about 5 s) goes by the rate, so a usual one stands in for an unknown
    one. Timestamps are not touched; at ordinary rates the pictures are the same (measured).
    """
    rate = _usable_rate(facts)
    return [("fps-num", str(rate.numerator)), ("fps-denom", str(rate.denominator))]


KEY_FRAME_SECONDS = 5


def _key_frame_distance(settings: EncodeSettings, facts: VideoFacts) -> int | None:
    """The setting, else SVT-AV1's own: five times the next power of two of the frame rate, and one.

    Measured with 4.2: 81 pictures at 12 a second, 161 at 24 to 31, 321 at 48 to 60, 641 at 120; a
    `keyint` of 100 is 100. A fork that does otherwise loses a few bytes at each segment, no more.
    """
    if settings.keyint is not None:
        frames = settings.keyint
        return int(frames) if frames.isdecimal() and int(frames) > 0 else None
    power: int = 2 ** math.ceil(math.log2(_usable_rate(facts)))
    return KEY_FRAME_SECONDS * power + 1


def _limits(settings: EncodeSettings, encoder: EncoderInfo) -> tuple[str, ...]:
    limits = []
    if not encoder.has_fractional_crf:
        if settings.crf != round(settings.crf):
            limits.append(
                f"{_name(encoder)} takes whole CRF only: "
                f"{number_text(settings.crf)} becomes {round(settings.crf)}"
            )
        if settings.crf > 63:
            limits.append(
                f"{_name(encoder)} takes CRF up to 63: {number_text(settings.crf)} becomes 63"
            )
    elif settings.crf * 4 != round(settings.crf * 4):
        limits.append(f"CRF goes in quarter steps: {number_text(settings.crf)} is between two")
    tune = settings.tune
    if tune is not None and not tune.isdigit():
        if tune not in TUNES:
            limits.append(f"{_name(encoder)} has no tune {tune}: known are {', '.join(TUNES)}")
        elif encoder.name != CODEC and tune not in PORTABLE_TUNES:
            limits.append(
                f"{_name(encoder)} numbers its tunes otherwise than SVT-AV1: "
                f"give the number instead of {tune}"
            )
    return tuple(limits)


def _name(encoder: EncoderInfo) -> str:
    return f"{encoder.name} {encoder.version}" if encoder.version else encoder.name


def _self_test(trial: TrialEncode) -> EncoderTrial:
    quick = ("-preset", "10")
    verbose = {"SVT_LOG": "3"}
    answer = trial(*trial_args(CODEC, *quick, "-svtav1-params", "crf=30.5"), env=verbose)
    has_fractional_crf = answer.ok
    if not has_fractional_crf:
        answer = trial(*trial_args(CODEC, *quick, "-crf", "30"), env=verbose)
    if not answer.ok:
        return EncoderTrial(codec=CODEC, failure=answer.failure(chatter="Svt[info]"))
    versions = (found[1].strip() for line in answer.lines if (found := _VERSION.search(line)))
    params = _accepted_params(trial)
    is_psy = len(params & PSY_ONLY_PARAMS) >= PSY_MIN_PARAMS
    info = EncoderInfo(
        name=PSY if is_psy else CODEC,
        codec=CODEC,
        version=next(versions, None),
        params=params,
        has_fractional_crf=has_fractional_crf,
    )
    return EncoderTrial(codec=CODEC, info=info)


def _accepted_params(trial: TrialEncode) -> frozenset[str]:
    """Keys that SVT parses. The encode itself may fail: some go together badly, none matters."""
    wanted = ":".join(f"{key}={value}" for key, value in (*TRIAL_PARAMS, (_NO_PARAM, "1")))
    answer = trial(
        "-pix_fmt", "yuv420p10le", "-c:v", CODEC, "-preset", "10", "-svtav1-params", wanted,
        log_level="warning", env=_ENV,
    )  # fmt: skip
    unknown = {key for line in answer.lines for key in _UNKNOWN_PARAM.findall(line)}
    if _NO_PARAM not in unknown:
        return frozenset()  # it never came to reading them, or does not say
    return frozenset(key for key, _ in TRIAL_PARAMS) - unknown


_ENV = {"SVT_LOG": "1"}
"""SVT-AV1 prints its banner whatever FFmpeg's log level is; 1 leaves errors only."""

SVT = Encoder(
    codec=CODEC,
    product="SVT-AV1",
    forks=(PSY,),
    self_test=_self_test,
    options=_options,
    key_frame_distance=_key_frame_distance,
    limits=_limits,
    reserved_params={
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
    },
    messages=EncoderMessages(
        codec=CODEC,
        refusals=(r"Svt\[error\]:\s*",),
        out_of_memory=("allocate memory failed",),
        known=(
            KnownFailure(  # SVT-AV1 calls it a lack of memory
                words="TU size > 8 raw frame size",
                reason="SVT-AV1 can't code pictures as small as these",
                hint=(
                    "`encoder: libaom-av1` can; or leave such files out by a rule: "
                    "`when: {height: {max: 8}}`, `skip: tiny`"
                ),
            ),
            KnownFailure(
                words="received frame without AV_FRAME_DATA_DOVI_METADATA",
                reason="a picture has no Dolby Vision metadata, and SVT-AV1 wants it in each",
                hint=(
                    "`encoder: libaom-av1` with `accept: [dolby-vision]` leaves Dolby Vision out "
                    "and keeps the ordinary picture"
                ),
            ),
        ),
    ),
    env=_ENV,
    bytes_per_pixel=_bytes_per_pixel,
    time_factor=1.0,
    # Measured: it crashes on 2x2. Up to 8x8 it depends on content and CRF: a packet of more than
    # eight times the picture's own size is an error of it.
    min_side=1,
    min_pixels=8,
    writes_dolby_vision=True,  # measured: 8.1 and 8.4 become 10.1 and 10.4, every frame's metadata
    may_keep_hdr10_plus=False,
)
