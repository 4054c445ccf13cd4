"""What an encode would lose of a source, found before the encode. Pure.

Each loss holds the source back until a rule accepts it (`accept:`) or a setting handles it.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from av1rules.encode.containers import MKV, MP4
from av1rules.encode.encoders.description import Encoder
from av1rules.encode.encoders.registry import ENCODERS, require_encoder
from av1rules.encode.streams import StreamPlan
from av1rules.ffmpeg.tools import EncoderInfo
from av1rules.media.encryption import encrypted_text
from av1rules.media.source import HdrKind, Source, VideoStream
from av1rules.policy.deinterlacing import INVERSE_TELECINE, is_telecine_rate
from av1rules.policy.settings import EncodeSettings, Loss

MAX_BIT_DEPTH = 10
"""The AV1 profile that players have (Main) ends at 10 bit 4:2:0."""

SUBSAMPLED_LIKE_420 = frozenset({"420", "400", "410"})
"""Chroma that 4:2:0 holds without loss: no more of it in either direction."""

VIEWABLE_BASE_TRANSFERS = frozenset({"smpte2084", "arib-std-b67", "bt709", "bt2020-10"})


class LossFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that would be lost. `accepted`: the settings say yes to it; `acceptable` is False
    where no rule can: the result would be wrong, not just less."""

    loss: Loss
    message: str
    accepted: bool
    acceptable: bool = True


def find_losses(
    source: Source,
    settings: EncodeSettings,
    streams: StreamPlan,
    encoder: EncoderInfo | None = None,
) -> tuple[LossFinding, ...]:
    """Everything this encode would lose, accepted or not, in the order of `Loss`.

    `encoder` None means the best one, which keeps most.
    """
    main = source.main
    if main is None:
        return (_hopeless(Loss.DAMAGE, "no video stream to encode"),)
    if source.encryption is not None:
        return (_hopeless(Loss.DAMAGE, encrypted_text(source.encryption)),)
    if main.is_decodable is False:
        message = "the pictures do not decode: encrypted, or damaged from the first frame on"
        return (_hopeless(Loss.DAMAGE, message),)
    found = [
        *_dynamic_hdr(main, settings, encoder),
        *_pictures(main, settings),
        *_container(main, settings, streams),
    ]
    order = list(Loss)
    return tuple(sorted(found, key=lambda finding: order.index(finding.loss)))


def _hopeless(loss: Loss, message: str) -> LossFinding:
    return LossFinding(loss=loss, message=message, accepted=False, acceptable=False)


def _finding(settings: EncodeSettings, loss: Loss, message: str, remedy: str = "") -> LossFinding:
    accepted = loss in settings.accept
    other = f", {remedy}" if remedy else ""
    advice = "" if accepted else f"; to encode all the same: `accept: [{loss.value}]`{other}"
    return LossFinding(loss=loss, message=f"{message}{advice}", accepted=accepted)


def _dynamic_hdr(
    main: VideoStream, settings: EncodeSettings, encoder: EncoderInfo | None
) -> Iterator[LossFinding]:
    kinds = main.hdr_kinds or frozenset()
    if HdrKind.HDR10_PLUS in kinds:
        name = encoder.name if encoder else ENCODERS[0].codec
        fate = f"would be lost ({name} drops it)"
        if may_keep_hdr10_plus(encoder):
            fate = f"may be lost ({name} keeps it from FFmpeg 9 on, 8.0 drops it)"
        yield _finding(settings, Loss.HDR10_PLUS, f"HDR10+ {fate}; the HDR10 base stays")
    if HdrKind.DOLBY_VISION in kinds or main.dolby_vision is not None:
        yield from _dolby_vision(main, settings, encoder)


def _dolby_vision(
    main: VideoStream, settings: EncodeSettings, encoder: EncoderInfo | None
) -> Iterator[LossFinding]:
    profile = main.dolby_vision.profile if main.dolby_vision else None
    has_base = main.colour.transfer in VIEWABLE_BASE_TRANSFERS
    if keeps_dolby_vision(main, encoder):
        return
    if profile == 5 or not has_base:
        message = (
            f"Dolby Vision profile {profile or 'unknown'} has no ordinary picture below it: "
            "encoded, its colours would be wrong everywhere"
        )
        yield _hopeless(Loss.DOLBY_VISION, message)
    elif profile in (8, 10):
        name = encoder.name if encoder else "this encoder"
        message = f"Dolby Vision profile {profile} would be lost: {name} does not write it"
        yield _finding(settings, Loss.DOLBY_VISION, message, f"or `encoder: {ENCODERS[0].codec}`")
    else:
        what = f"profile {profile}" if profile is not None else "without a known profile"
        message = f"Dolby Vision {what} can't be kept; the ordinary picture below it stays"
        yield _finding(settings, Loss.DOLBY_VISION, message)


def keeps_dolby_vision(main: VideoStream, encoder: EncoderInfo | None) -> bool:
    """Whether the encode carries Dolby Vision on: profiles 8 and 10 with a base, by an
    encoder that writes it."""
    vision = main.dolby_vision
    if vision is None or vision.profile not in (8, 10) or not vision.compatibility_id:
        return False
    if vision.has_enhancement_layer or main.colour.transfer not in VIEWABLE_BASE_TRANSFERS:
        return False
    return _known(encoder).writes_dolby_vision


def may_keep_hdr10_plus(encoder: EncoderInfo | None) -> bool:
    """Whether some version of FFmpeg passes HDR10+ on to this encoder: no promise."""
    return _known(encoder).may_keep_hdr10_plus


def _known(encoder: EncoderInfo | None) -> Encoder:
    return ENCODERS[0] if encoder is None else require_encoder(encoder.codec)


def keeps_mastering_display(main: VideoStream, container: str) -> bool:
    """MP4 writes a mastering display only with its luminance, which phones leave out."""
    display = main.mastering_display
    return container != MP4 or display is None or display.max_luminance is not None


def _pictures(main: VideoStream, settings: EncodeSettings) -> Iterator[LossFinding]:
    if main.chroma not in SUBSAMPLED_LIKE_420 and main.pix_fmt is not None:
        shown = {"422": "4:2:2", "444": "4:4:4", "rgb": "RGB"}.get(main.chroma or "", main.pix_fmt)
        yield _finding(settings, Loss.CHROMA, f"the colour of {shown} pictures becomes 4:2:0")
    if main.has_alpha:
        yield _finding(settings, Loss.ALPHA, "the transparency of the pictures would be lost")
    yield from _bit_depth(main, settings)
    if main.has_captions:
        message = "closed captions inside the pictures would be lost"
        yield _finding(settings, Loss.CAPTIONS, message)
    yield from _interlacing(main, settings)


def _interlacing(main: VideoStream, settings: EncodeSettings) -> Iterator[LossFinding]:
    if main.is_interlaced and settings.deinterlace == "off":
        message = "the pictures are interlaced and would be combed for ever"
        better = "or better `deinterlace: bwdif`"
        if is_telecine_rate(main):
            better += " (for film at 24 pictures, telecined: `deinterlace: inverse-telecine`)"
        yield _finding(settings, Loss.INTERLACED, message, better)
    if settings.deinterlace == INVERSE_TELECINE and not is_telecine_rate(main):
        rate = "unknown" if main.frame_rate is None else f"{float(main.frame_rate):.5g}"
        message = (
            "inverse telecine leaves out one of five frames, which is right only for film in 29.97 "
            f"frames per second; this rate is {rate}: use `deinterlace: bwdif`"
        )
        yield _hopeless(Loss.INTERLACED, message)


def _bit_depth(main: VideoStream, settings: EncodeSettings) -> Iterator[LossFinding]:
    depth = main.bit_depth
    if depth is None:
        return
    if depth > MAX_BIT_DEPTH:
        yield _finding(
            settings, Loss.BIT_DEPTH, f"{depth} bit become {settings.bit_depth or 10} bit"
        )
    elif settings.bit_depth == 8 and depth > 8:
        message = f"`bit_depth: 8` makes 8 bit of {depth}"
        if _is_hdr(main):
            yield _finding(settings, Loss.BIT_DEPTH, f"{message}: HDR shows bands in 8 bit")
        else:  # the setting itself says yes
            yield LossFinding(loss=Loss.BIT_DEPTH, message=message, accepted=True)


def _is_hdr(main: VideoStream) -> bool:
    return bool((main.hdr_kinds or frozenset()) - {HdrKind.SDR})


def _container(
    main: VideoStream, settings: EncodeSettings, streams: StreamPlan
) -> Iterator[LossFinding]:
    remedy = "or `container: mkv`" if streams.container == MP4 else ""
    if not keeps_mastering_display(main, streams.container):
        message = "mp4 can't hold a mastering display without luminance"
        yield _finding(settings, Loss.STREAMS, message, remedy)
    if main.has_ambient_viewing and streams.container == MKV:
        # Worth a line, not a decision: few screens look at it, and the pictures are the same.
        message = "mkv can't hold the ambient viewing environment, a hint for screens; mp4 can"
        yield LossFinding(loss=Loss.STREAMS, message=message, accepted=True)
    for step in streams.losses:
        yield _finding(settings, Loss.STREAMS, step.describe(), remedy)
