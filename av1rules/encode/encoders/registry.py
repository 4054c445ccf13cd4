"""The AV1 encoders that av1rules can use, which of them an encode gets, and what it is told. Pure.

To add one: write its module, name it in `ENCODERS` and in the schema.
"""

from __future__ import annotations

from msgspec import structs

from av1rules.base.errors import ToolError
from av1rules.encode.encoders.aom import AOM
from av1rules.encode.encoders.description import Encoder, Options, VideoFacts
from av1rules.encode.encoders.rav1e import RAV1E
from av1rules.encode.encoders.svt import SVT
from av1rules.ffmpeg.tools import EncoderInfo, Tools
from av1rules.policy.settings import EncodeSettings

ENCODERS: tuple[Encoder, ...] = (SVT, AOM, RAV1E)
"""In order of priority, best first."""

ENCODER_CODECS = tuple(encoder.codec for encoder in ENCODERS)

SELF_TESTS = {encoder.codec: encoder.self_test for encoder in ENCODERS}

RESERVED_PARAMS = {
    key: setting for encoder in ENCODERS for key, setting in encoder.reserved_params.items()
}
"""Refused for every encoder: what one calls its speed is no parameter of another either."""


def find_encoder(name: str) -> Encoder | None:
    """The encoder of this codec, or the one that a fork of this name is built in as."""
    matches = (encoder for encoder in ENCODERS if name in (encoder.codec, *encoder.forks))
    return next(matches, None)


def require_encoder(name: str) -> Encoder:
    """As `find_encoder`, but raises ToolError if there is none."""
    encoder = find_encoder(name)
    if encoder is None:
        raise ToolError(
            f"no mapping of the settings to the encoder {name} is known",
            hint=f"known are: {', '.join(ENCODER_CODECS)}",
        )
    return encoder


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
) -> Options:
    """FFmpeg options of the encoder as (name without dash, value), for one video stream."""
    params = tuple((key, value) for key, value in settings.params if key not in RESERVED_PARAMS)
    settings = structs.replace(settings, params=params)
    return require_encoder(encoder.codec).options(settings, encoder, facts, threads)


def encoder_settings_text(settings: EncodeSettings, encoder: EncoderInfo, facts: VideoFacts) -> str:
    """The picture-shaping options in one line, for the ENCODER_SETTINGS tag; no thread counts."""
    options = encoder_options(settings, encoder, facts, threads=None)
    return ":".join(value if "params" in name else f"{name}={value}" for name, value in options)


def encoder_limits(settings: EncodeSettings, encoder: EncoderInfo) -> tuple[str, ...]:
    """What this encoder can't do of these settings, each as a sentence; empty if all is well."""
    return (*_param_limits(settings), *require_encoder(encoder.codec).limits(settings, encoder))


def _param_limits(settings: EncodeSettings) -> tuple[str, ...]:
    return tuple(
        f"the encoder parameter {key} can't be set here: use {RESERVED_PARAMS[key]}"
        for key, _ in settings.params
        if key in RESERVED_PARAMS
    )


def needs_trial(settings: EncodeSettings) -> bool:
    """Whether there is anything that an encoder may refuse: plain numbers are bounded already."""
    return bool(settings.params) or settings.tune is not None or settings.keyint is not None
