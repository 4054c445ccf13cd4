"""What an encode would lose of a source, found before the encode. Pure.

Each loss holds the source back until a rule accepts it (`accept:`) or a setting handles it.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from av1rules.encode.containers import MKV, MP4
from av1rules.encode.dolby_vision import BASE_NAMES, VIEWABLE_BASE_TRANSFERS, base_transfer
from av1rules.encode.encoders.description import Encoder
from av1rules.encode.encoders.registry import ENCODERS, require_encoder
from av1rules.encode.kept_layers import enhancement_tracks, layer_losses, other_container
from av1rules.encode.matroska.structure import StructureLoss, structure_losses
from av1rules.encode.mp4_tracks import mp4_structure_losses
from av1rules.encode.streams import StreamPlan
from av1rules.ffmpeg.tools import EncoderInfo
from av1rules.media.encryption import encrypted_text
from av1rules.media.source import HDR_TRANSFERS, ChangeKind, HdrKind, Source, VideoStream
from av1rules.policy.deinterlacing import INVERSE_TELECINE, is_telecine_rate
from av1rules.policy.settings import EncodeSettings, Loss

MAX_BIT_DEPTH = 10
"""The AV1 profile that players have (Main) ends at 10 bit 4:2:0."""

SUBSAMPLED_LIKE_420 = frozenset({"420", "400", "410"})
"""Chroma that 4:2:0 holds without loss: no more of it in either direction."""


class LossFinding(msgspec.Struct, frozen=True, gc=False, kw_only=True):
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
    *,
    has_mkvpropedit: bool = False,
    linked_by: str | None = None,
) -> tuple[LossFinding, ...]:
    """Everything this encode would lose, accepted or not, in the order of `Loss`.

    `encoder` None means the best one, which keeps most. `linked_by` is the name of a file that
    plays the source as a part of its own.
    """
    main = source.main
    if main is None:
        return (
            _hopeless(Loss.DAMAGE, "no video stream to encode; leave it out by a rule with `skip`"),
        )
    if source.encryption is not None:
        return (_hopeless(Loss.DAMAGE, encrypted_text(source.encryption)),)
    if main.is_decodable is False:
        message = (
            "the pictures do not decode: encrypted, damaged, or of a codec that this FFmpeg does "
            "not know; get the file again, or leave it out by a rule with `skip`"
        )
        return (_hopeless(Loss.DAMAGE, message),)
    if (too_small := _too_small(main, encoder)) is not None:
        return (_hopeless(Loss.DAMAGE, too_small),)
    found = [
        *_dynamic_hdr(main, settings, encoder),
        *_pictures(main, settings),
        *_changes(main, settings),
        *_unmapped(source, settings),
        *_container(main, settings, streams),
        *_layers(source, main, settings),
        *_mp4_structure(source, settings, streams),
        *(
            _structure(settings, loss)
            for loss in structure_losses(
                source,
                streams.container,
                has_mkvpropedit=has_mkvpropedit,
                linked_by=linked_by,
            )
        ),
    ]
    if not found:  # most films
        return ()
    order = list(Loss)
    return tuple(sorted(found, key=lambda finding: order.index(finding.loss)))


def new_losses(
    before: Source,
    after: Source,
    settings: EncodeSettings,
    streams: StreamPlan,
    encoder: EncoderInfo | None,
) -> tuple[LossFinding, ...]:
    """What else would be lost since more of the film is known: the facts `after` beside those
    `before`. What depends on the tools at hand is in neither."""
    known = find_losses(before, settings, streams, encoder)
    found = find_losses(after, settings, streams, encoder)
    return tuple(loss for loss in found if loss not in known)


def _structure(settings: EncodeSettings, loss: StructureLoss) -> LossFinding:
    if loss.is_held:
        return _finding(settings, Loss.MATROSKA_STRUCTURE, loss.message, loss.remedy)
    return LossFinding(loss=Loss.MATROSKA_STRUCTURE, message=loss.message, accepted=True)


def _too_small(main: VideoStream, encoder: EncoderInfo | None) -> str | None:
    """Why the encoder can't code pictures as small as these; None if it can, or nobody knows."""
    known, width, height = _known(encoder), main.width, main.height
    if width is None or height is None:
        return None
    if min(width, height) >= known.min_side and width * height >= known.min_pixels:
        return None
    others = [one.codec for one in ENCODERS if one.min_side == one.min_pixels == 1]
    side, most = ("width", width) if width < height else ("height", height)
    return (
        f"{known.product} can't code pictures as small as {width}x{height}: "
        f"`encoder: {others[0]}` can, or leave such files out by a rule: "
        f"`when: {{{side}: {{max: {most}}}}}`, `skip: tiny`"
    )


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
    base = base_transfer(main)
    if keeps_dolby_vision(main, encoder):
        return
    if base is None:
        message = (
            f"Dolby Vision {_profile_name(main)} has no ordinary picture below it: "
            "encoded, its colours would be wrong everywhere; leave it as it is by a rule with "
            f"`skip`{_profile_condition(profile)}, or get a version in HDR10"
        )
        yield _hopeless(Loss.DOLBY_VISION, message)
    elif main.dolby_vision is not None and main.dolby_vision.has_metadata is False:
        message = (
            f"the container promises Dolby Vision profile {profile}, but the pictures begin "
            "without its metadata (RPU): the ordinary picture stays, the promise would go"
        )
        yield _finding(settings, Loss.DOLBY_VISION, message)
    elif keeps_dolby_vision(main, None):
        name = encoder.name if encoder else "this encoder"
        message = f"Dolby Vision profile {profile} would be lost: {name} does not write it"
        yield _finding(settings, Loss.DOLBY_VISION, message, f"or `encoder: {ENCODERS[0].codec}`")
    else:
        message = (
            f"Dolby Vision {_profile_name(main)} can't be kept; the ordinary picture below it "
            f"({BASE_NAMES.get(base, base)}) stays"
        )
        yield _finding(settings, Loss.DOLBY_VISION, message)


def _profile_condition(profile: int | None) -> str:
    return "" if profile is None else f" (`when: {{dolby_vision_profile: {profile}}}`)"


def _profile_name(main: VideoStream) -> str:
    vision = main.dolby_vision
    if vision is None or vision.profile is None:
        return "without a known profile"
    number = f".{vision.compatibility_id}" if vision.compatibility_id else ""
    return f"profile {vision.profile}{number}"


def _mp4_structure(
    source: Source, settings: EncodeSettings, streams: StreamPlan
) -> Iterator[LossFinding]:
    kept = frozenset(step.index for step in streams.mapped)
    for loss, message in mp4_structure_losses(source, kept):
        yield _finding(settings, loss, message)


def _layers(source: Source, main: VideoStream, settings: EncodeSettings) -> Iterator[LossFinding]:
    container = settings.container
    for loss, message in layer_losses(source, main, container):
        other = other_container(main, container, loss)
        yield _finding(settings, loss, message, f"or `container: {other}`" if other else "")
    for track in enhancement_tracks(source):
        message = (
            f"video {track.index} is the enhancement layer of Dolby Vision and can't be kept; "
            "the ordinary picture below it stays"
        )
        yield _finding(settings, Loss.DOLBY_VISION, message)


def keeps_dolby_vision(main: VideoStream, encoder: EncoderInfo | None) -> bool:
    """Whether the encode carries Dolby Vision on: profiles 8 and 10 with a base, by an
    encoder that writes it."""
    vision = main.dolby_vision
    if vision is None or vision.profile not in (8, 10) or not vision.compatibility_id:
        return False
    if vision.has_metadata is False:
        return False  # SVT-AV1 gives up at the first picture without it
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


def keeps_light_levels(main: VideoStream, container: str) -> bool:
    """A MaxFALL without a MaxCLL: only MP4's own box takes it, neither AV1 nor Matroska."""
    light = main.content_light
    return container == MP4 or light is None or light.max_cll > 0


def _pictures(main: VideoStream, settings: EncodeSettings) -> Iterator[LossFinding]:
    if main.chroma not in SUBSAMPLED_LIKE_420 and main.pix_fmt is not None:
        shown = {"422": "4:2:2", "444": "4:4:4", "rgb": "RGB"}.get(main.chroma or "", main.pix_fmt)
        yield _finding(settings, Loss.CHROMA, f"the colour of {shown} pictures becomes 4:2:0")
    if main.has_alpha:
        yield _finding(settings, Loss.ALPHA, "the transparency of the pictures would be lost")
    if main.begins_mid_group:
        # A line, not a decision: no player shows them either.
        message = (
            "the film begins between two key frames: what comes before the first and can't be "
            "decoded is left out"
        )
        yield LossFinding(loss=Loss.DAMAGE, message=message, accepted=True)
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


def _changes(main: VideoStream, settings: EncodeSettings) -> Iterator[LossFinding]:
    """One target has one size, aspect and colour signal: what comes later is fitted into it, and
    where only the signal differs it is shown wrong."""
    if not main.changes:
        return
    changes = "; ".join(change.text for change in main.changes)
    message = f"the pictures change on the way ({changes}): all become as the first"
    transfers = {
        value
        for change in main.changes
        if change.kind is ChangeKind.TRANSFER
        for value in change.values
    }
    if not HDR_TRANSFERS.isdisjoint(transfers):
        message = f"{message}, so that what is HDR in one part only would be shown wrong"
    yield _finding(settings, Loss.CHANGES, message, "or cut the film there and encode its parts")


def _unmapped(source: Source, settings: EncodeSettings) -> Iterator[LossFinding]:
    if late := (*source.unresolved, *source.unmapped):
        message = f"too far behind the beginning for FFmpeg to find it there is {', '.join(late)}"
        remedy = "or put the film into a container with a header first (mkvmerge -o FILM.mkv)"
        yield _finding(settings, Loss.STREAMS, message, remedy)


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
    if not keeps_light_levels(main, streams.container):
        # As above: a level for a whole picture above that of its brightest pixel can't be true.
        message = "mkv can't hold a light level of whole pictures (MaxFALL) without MaxCLL; mp4 can"
        yield LossFinding(loss=Loss.STREAMS, message=message, accepted=True)
    for step in streams.losses:
        yield _finding(settings, Loss.STREAMS, step.describe(), remedy)
