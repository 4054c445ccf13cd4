"""Facts of one video stream: pixels, interlacing, colour, HDR, captions. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from av1rules.media.probe.bitstream_scan import PictureHints
from av1rules.media.probe.ffprobe_json import (
    RawFrame,
    RawProbe,
    RawSideData,
    RawStream,
    positive_int,
    ratio,
    rational,
    word,
)
from av1rules.media.probe.parse_rates import claimed_frames, first_picture_s, frame_rate
from av1rules.media.source import (
    Colour,
    ContentLight,
    DolbyVision,
    HdrKind,
    MasteringDisplay,
    VideoStream,
)

PROGRESSIVE_CODECS = frozenset(
    {
        "av1", "vp6", "vp6f", "vp7", "vp8", "vp9", "theora", "flv1", "h263", "h261", "mpeg1video",
        "msmpeg4v1", "msmpeg4v2", "msmpeg4v3", "wmv1", "wmv2", "svq1", "svq3", "rv10", "rv20",
        "gif", "apng", "webp",
    }
)  # fmt: skip
"""They have no way to code fields, so a field order that is not known means whole pictures."""

_EIGHT_BIT = re.compile(
    r"yuvj?4[0-4][0-4]p|yuva4[24][0-4]p|nv(12|21|16|24|42)|yuyv422|yvyu422|uyvy422|uyyvyy411"
    r"|rgb24|bgr24|[rgbax0]{4}|gbra?p|gray|ya8|pal8"
)
_DEEP = re.compile(
    r"(?:yuva?4\d\dp|gbra?p|gray|p[024]|y2|nv20|xyz|ya|x2rgb|x2bgr|xv\d?)(\d\d)(?:le|be)?"
)
_FORTY_EIGHT = re.compile(r"(?:rgb|bgr)48|(?:rgba|bgra)64")
_CHROMA_FAMILY = {
    "nv12": "420", "nv21": "420", "p010": "420", "p012": "420", "p016": "420", "nv16": "422",
    "nv20": "422", "p210": "422", "p212": "422", "p216": "422", "y210": "422", "y212": "422",
    "yuyv422": "422", "yvyu422": "422", "uyvy422": "422", "uyyvyy411": "411", "nv24": "444",
    "nv42": "444", "p410": "444", "p412": "444", "p416": "444",
}  # fmt: skip

_SDR_TRANSFERS = frozenset(
    {
        "bt709", "smpte170m", "smpte240m", "bt470m", "bt470bg", "gamma22", "gamma28", "linear",
        "log100", "log316", "iec61966-2-1", "iec61966-2-4", "bt1361e", "bt2020-10", "bt2020-12",
    }
)  # fmt: skip

_MATRICES = ("Display Matrix", "3x3 displaymatrix")
_MASTERING = "Mastering display metadata"
_LIGHT = "Content light level metadata"
_HDR10_PLUS = "SMPTE2094-40"
_DOVI_CONFIG = "DOVI configuration record"
_DOVI_PICTURE = "Dolby Vision"
_CAPTIONS = "ATSC A53"
_AMBIENT = "Ambient viewing environment"
_CROPPING = "Frame Cropping"


def build_video(
    stream: RawStream,
    raw: RawProbe,
    *,
    frames: Sequence[RawFrame] | None,
    hints: PictureHints,
    bitrate_bps: int | None,
    length_s: float | None,
) -> VideoStream:
    """`length_s` is that of the pictures alone. `frames` are the decoded ones of this stream; None
    if no decoding was tried."""
    sides = _all_side_data(stream, raw, frames or ())
    colour = _colour(stream, frames or ())
    pix_fmt = stream.pix_fmt or next((frame.pix_fmt for frame in frames or ()), None)
    depth = bit_depth(pix_fmt, stream.bits_per_raw_sample)
    mastering = _mastering(sides) or hints.mastering_display
    light = _light(sides) or hints.content_light
    vision = _vision(stream, sides, frames, hints)
    has_plus = hints.has_hdr10_plus or _has_hdr10_plus(sides)
    rate = frame_rate(stream, raw.packets)
    crops = [side for side in stream.side_data_list if side.side_data_type == _CROPPING]
    return VideoStream(
        index=stream.index,
        codec=stream.codec_name or "unknown",
        profile=word(stream.profile),
        width=_shown_size(stream.width, [side.crop_left + side.crop_right for side in crops]),
        height=_shown_size(stream.height, [side.crop_top + side.crop_bottom for side in crops]),
        pix_fmt=pix_fmt,
        bit_depth=depth,
        chroma=chroma(pix_fmt),
        has_alpha=_has_alpha(stream, pix_fmt),
        sample_aspect=ratio(stream.sample_aspect_ratio, ":"),
        rotation=_rotation(sides),
        field_order=word(stream.field_order),
        is_interlaced=_is_interlaced(stream, frames or (), hints),
        frame_rate=rate.rate,
        is_variable_rate=rate.is_variable,
        bitrate_bps=bitrate_bps,
        duration_s=length_s,
        start_s=first_picture_s(stream, raw),
        frames=claimed_frames(stream),
        colour=colour,
        hdr_kinds=hdr_kinds(
            colour,
            depth,
            has_static=bool(mastering or light),
            has_plus=has_plus,
            has_vision=vision is not None,
        ),
        mastering_display=mastering,
        content_light=light,
        dolby_vision=vision,
        has_captions=_has_captions(stream, sides, frames, hints),
        has_ambient_viewing=_has_ambient_viewing(sides, frames, hints),
        begins_mid_group=hints.begins_mid_group or _begins_mid_group(stream, raw),
        is_decodable=_is_decodable(pix_fmt, frames),
        language=stream.language,
        title=stream.tag("title"),
        dispositions=stream.dispositions,
    )


def _has_hdr10_plus(sides: Iterable[RawSideData]) -> bool:
    return any(_HDR10_PLUS in (side.side_data_type or "") for side in sides)


def _shown_size(coded: int | None, cut: Iterable[int]) -> int | None:
    """Of the picture that is shown: FFmpeg's decoders apply the crop of a container (PixelCrop in
    Matroska, `clap` in MP4), and ffprobe gives the size before it."""
    if not coded or coded <= 0:
        return None
    left = coded - sum(cut)
    return left if left > 0 else coded


def _all_side_data(
    stream: RawStream, raw: RawProbe, frames: Iterable[RawFrame]
) -> tuple[RawSideData, ...]:
    """Of the stream first, so that the container's word wins over that of single pictures."""
    packets = (packet for packet in raw.packets if packet.stream_index == stream.index)
    return (
        *stream.side_data_list,
        *(side for frame in frames for side in frame.side_data_list),
        *(side for packet in packets for side in packet.side_data_list),
    )


def bit_depth(pix_fmt: str | None, raw_bits: str | None) -> int | None:
    """Bits per sample by the pixel format, else as the codec says; None if neither tells."""
    if pix_fmt is not None:
        if _EIGHT_BIT.fullmatch(pix_fmt):
            return 8
        if found := _DEEP.fullmatch(pix_fmt):
            return int(found[1])
        if _FORTY_EIGHT.match(pix_fmt):
            return 16
    bits = positive_int(raw_bits)
    return bits if bits is not None and 8 <= bits <= 32 else None


def chroma(pix_fmt: str | None) -> str | None:
    """ "420", "422", "444", "400", "rgb" ...; None if the format is not known."""
    if pix_fmt is None:
        return None
    if found := re.match(r"yuv[aj]?(4\d\d)p", pix_fmt):
        return found[1]
    if pix_fmt.startswith(("gray", "ya8", "ya16", "mono")):
        return "400"
    if re.match(r"gbr|rgb|bgr|[axr0][rgb]{3}|x2|pal8|[rgbax0]{4}", pix_fmt):
        return "rgb"
    return _CHROMA_FAMILY.get(pix_fmt.removesuffix("le").removesuffix("be"))


def _has_alpha(stream: RawStream, pix_fmt: str | None) -> bool | None:
    if stream.tag("alpha_mode") == "1":
        return True
    if pix_fmt is None or pix_fmt == "pal8":
        return None
    return bool(re.match(r"yuva|gbrap|ya\d|rgba|bgra|argb|abgr|ayuv|vuya", pix_fmt))


def _rotation(sides: Iterable[RawSideData]) -> int | None:
    turns = (side.rotation for side in sides if side.side_data_type in _MATRICES)
    return next((round(turn) for turn in turns if turn is not None and -360 <= turn <= 360), None)


def _is_interlaced(
    stream: RawStream, frames: Sequence[RawFrame], hints: PictureHints
) -> bool | None:
    """By the decoded pictures' own flags, else the hints, else the field order."""
    flags = [frame.interlaced_frame for frame in frames if frame.interlaced_frame is not None]
    if flags:
        return any(flag == 1 for flag in flags)
    if hints.is_interlaced is not None:
        return hints.is_interlaced
    order = word(stream.field_order)
    if order is not None:
        return order != "progressive"
    return False if stream.codec_name in PROGRESSIVE_CODECS else None


def _colour(stream: RawStream, frames: Sequence[RawFrame]) -> Colour:
    seen: tuple[RawStream | RawFrame, ...] = (stream, *frames)
    return Colour(
        primaries=_first(one.color_primaries for one in seen),
        transfer=_first(one.color_transfer for one in seen),
        matrix=_first(one.color_space for one in seen),
        range=_first(one.color_range for one in seen),
        chroma_location=_first(one.chroma_location for one in seen),
    )


def _first(words: Iterable[str | None]) -> str | None:
    return next((known for text in words if (known := word(text)) is not None), None)


def hdr_kinds(
    colour: Colour,
    depth: int | None,
    *,
    has_static: bool,
    has_plus: bool,
    has_vision: bool,
) -> frozenset[HdrKind] | None:
    """None if neither colour tags nor metadata tell; 8 bit without tags is SDR."""
    kinds: set[HdrKind] = set()
    if has_vision:
        kinds.add(HdrKind.DOLBY_VISION)
    if has_plus:
        kinds.add(HdrKind.HDR10_PLUS)
    if colour.transfer == "smpte2084":
        kinds.add(HdrKind.HDR10 if has_static else HdrKind.PQ)
    elif colour.transfer == "arib-std-b67":
        kinds.add(HdrKind.HLG)
    elif not kinds and (colour.transfer in _SDR_TRANSFERS or depth == 8):
        kinds.add(HdrKind.SDR)
    return frozenset(kinds) or None


def _mastering(sides: Iterable[RawSideData]) -> MasteringDisplay | None:
    """The mastering display; None also where its fields are all zero, which says nothing."""
    side = next((side for side in sides if side.side_data_type == _MASTERING), None)
    if side is None:
        return None
    display = MasteringDisplay(
        red=_point(side.red_x, side.red_y),
        green=_point(side.green_x, side.green_y),
        blue=_point(side.blue_x, side.blue_y),
        white=_point(side.white_point_x, side.white_point_y),
        min_luminance=rational(side.min_luminance),
        max_luminance=rational(side.max_luminance),
    )
    return None if display == MasteringDisplay() else display


def _point(x: str | None, y: str | None) -> tuple[float, float] | None:
    across, up = rational(x), rational(y)
    return (across, up) if across is not None and up is not None else None


def _light(sides: Iterable[RawSideData]) -> ContentLight | None:
    """The light levels; None also where both are zero, which means unknown (CTA-861.3): ordinary
    discs have it so."""
    for side in sides:
        if side.side_data_type == _LIGHT and side.max_content is not None:
            light = ContentLight(
                max_cll=max(side.max_content, 0), max_fall=max(side.max_average or 0, 0)
            )
            return light if light.max_cll or light.max_fall else None
    return None


def _dolby_vision(sides: Sequence[RawSideData]) -> DolbyVision | None:
    for side in sides:
        if side.side_data_type == _DOVI_CONFIG:
            return DolbyVision(
                profile=side.dv_profile,
                compatibility_id=side.dv_bl_signal_compatibility_id,
                has_enhancement_layer=None
                if side.el_present_flag is None
                else side.el_present_flag == 1,
                has_base_layer=None if side.bl_present_flag is None else side.bl_present_flag == 1,
            )
    if any(_is_vision_picture(side) for side in sides):
        return DolbyVision()
    return None


def _vision(
    stream: RawStream,
    sides: Sequence[RawSideData],
    frames: Sequence[RawFrame] | None,
    hints: PictureHints,
) -> DolbyVision | None:
    vision = _dolby_vision(sides) or (DolbyVision() if hints.has_dolby_vision else None)
    if vision is None:
        return None
    return replace(vision, has_metadata=_has_vision_metadata(stream, sides, frames, hints))


def _has_vision_metadata(
    stream: RawStream,
    sides: Sequence[RawSideData],
    frames: Sequence[RawFrame] | None,
    hints: PictureHints,
) -> bool | None:
    """Whether the first pictures carry metadata of Dolby Vision (RPU); None where none was seen
    and nobody would have."""
    if hints.has_dolby_vision or any(_is_vision_picture(side) for side in sides):
        return True
    was_looked_for = bool(frames) or (stream.codec_name == "hevc" and hints.has_captions is False)
    return False if was_looked_for else None


def _is_vision_picture(side: RawSideData) -> bool:
    return (side.side_data_type or "").startswith(_DOVI_PICTURE)


def _has_captions(
    stream: RawStream,
    sides: Iterable[RawSideData],
    frames: Sequence[RawFrame] | None,
    hints: PictureHints,
) -> bool | None:
    if stream.closed_captions == 1:
        return True
    if any((side.side_data_type or "").startswith(_CAPTIONS) for side in sides):
        return True
    return False if frames else hints.has_captions


def _has_ambient_viewing(
    sides: Iterable[RawSideData], frames: Sequence[RawFrame] | None, hints: PictureHints
) -> bool | None:
    if hints.has_ambient_viewing or any(side.side_data_type == _AMBIENT for side in sides):
        return True
    return False if frames or hints.has_captions is not None else None


def _begins_mid_group(stream: RawStream, raw: RawProbe) -> bool | None:
    """By the flags of its first packet; None if no packet of it was asked for."""
    flags = (packet.flags for packet in raw.packets if packet.stream_index == stream.index)
    first = next(flags, None)
    return None if first is None else "K" not in first


def _is_decodable(pix_fmt: str | None, frames: Sequence[RawFrame] | None) -> bool | None:
    """No pixel format: encrypted, or a codec that this ffprobe can't decode."""
    if pix_fmt is None:
        return False
    return None if frames is None else bool(frames)
