"""What av1rules must know of an AV1 encoder to use it, and what its modules share. Pure.

CRF, preset and grain are SVT-AV1's scales; other encoders get the nearest of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import msgspec

from av1rules.ffmpeg.log import EncoderMessages
from av1rules.ffmpeg.tools import EncoderInfo, EncoderTrial, SelfTest, TrialEncode
from av1rules.policy.settings import EncodeSettings

USUAL_RATE = Fraction(24)
"""Stands in for a frame rate that is not known, where only a keyframe distance depends on it."""

Options = tuple[tuple[str, str], ...]


class VideoFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What an encoder's options need to know of the pictures."""

    frame_rate: Fraction | None = None


class Encoder(msgspec.Struct, frozen=True, kw_only=True):
    """One AV1 encoder of FFmpeg: all that is special about it.

    `codec` is FFmpeg's `-c:v` name and the name in rules; `product` is what the encoder tag of a
    target calls it; `forks` are our names of forks that FFmpeg builds in as the same codec.
    """

    codec: str
    product: str
    forks: tuple[str, ...] = ()

    self_test: SelfTest
    """Tries the encoder on two tiny frames and finds out what this build of it can do."""

    options: Callable[[EncodeSettings, EncoderInfo, VideoFacts, int | None], Options]
    """FFmpeg options as (name without dash, value), from settings, build, facts and threads."""

    key_frame_distance: Callable[[EncodeSettings, VideoFacts], int | None]
    """Pictures from one key frame to the next; None where that is not fixed."""

    limits: Callable[[EncodeSettings, EncoderInfo], tuple[str, ...]]
    """What the encoder can't do of these settings, each as a sentence."""

    reserved_params: Mapping[str, str]
    """Encoder parameters that a setting already stands for, with what to use instead."""

    messages: EncoderMessages

    env: Mapping[str, str]
    """Environment of an FFmpeg that runs it."""

    bytes_per_pixel: Callable[[int, int | None, int], float]
    """Most memory for each pixel, from preset, threads (None: its own choice) and cores."""

    time_factor: float
    """Its processor time, as a multiple of SVT-AV1's at the same preset."""

    min_side: int
    """Pixels that a picture must have in width and in height."""

    min_pixels: int
    """Pixels that it must have in all."""

    writes_dolby_vision: bool
    may_keep_hdr10_plus: bool


def trial_args(codec: str, *options: str) -> tuple[str, ...]:
    """FFmpeg arguments of a trial encode that fails on any option that the encoder refuses."""
    return ("-pix_fmt", "yuv420p", "-c:v", codec, *options, "-err_detect:v", "explode")


def plain_self_test(codec: str, *options: str) -> SelfTest:
    """The self-test of an encoder whose builds differ in nothing that matters here."""

    def self_test(trial: TrialEncode) -> EncoderTrial:
        answer = trial(*trial_args(codec, *options))
        if not answer.ok:
            return EncoderTrial(codec=codec, failure=answer.failure())
        return EncoderTrial(codec=codec, info=EncoderInfo(name=codec, codec=codec))

    return self_test


def no_key_frame_distance(_settings: EncodeSettings, _facts: VideoFacts) -> None:
    """Of encoders that set key frames where scenes change."""


def number_text(value: float) -> str:
    return f"{value:g}"


def joined_params(params: Sequence[tuple[str, str]]) -> str:
    """Parameters as FFmpeg reads them: `key=value:key=value`, separators in values escaped."""
    return ":".join(f"{_escaped(key)}={_escaped(value)}" for key, value in params)


def _escaped(text: str) -> str:
    return "".join(f"\\{char}" if char in "\\':=" else char for char in text)


def named_params(settings: EncodeSettings) -> tuple[tuple[str, str], ...]:
    """The user's parameters for an encoder other than SVT-AV1: it gets them if it was named."""
    return () if settings.encoder == "auto" else settings.params


def unsent_params(settings: EncodeSettings, encoder: EncoderInfo) -> tuple[str, ...]:
    """The limit that `named_params` is, as a sentence; empty if nothing is left out."""
    if not settings.params or settings.encoder != "auto":
        return ()
    keys = ", ".join(key for key, _ in settings.params)
    message = (
        "parameters are SVT-AV1's where the encoder is chosen automatically; "
        f"{encoder.name} does not get: {keys}"
    )
    return (message,)


def keyframe_options(settings: EncodeSettings, facts: VideoFacts) -> Options:
    """`-g` in frames; seconds are counted at the mean frame rate."""
    if settings.keyint is None:
        return ()
    if not settings.keyint.endswith("s"):
        return (("g", settings.keyint),)
    rate = facts.frame_rate or USUAL_RATE
    return (("g", str(max(round(float(settings.keyint[:-1]) * rate), 1))),)
