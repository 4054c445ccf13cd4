"""Facts of one video stream about other layers, stereo and spherical pictures. Pure."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from av1rules.media.mp4_structure import Mp4Structure
from av1rules.media.probe.ffprobe_json import RawSideData, RawStream, number
from av1rules.media.second_layers import (
    UNSPECIFIED,
    Layer,
    LayerHints,
    Spherical,
    ordered,
)
from av1rules.media.source import VideoStream

_STEREO, _SPHERICAL = "Stereo 3D", "Spherical Mapping"

_LAYOUTS = {
    "side by side": "left_right",
    "top and bottom": "top_bottom",
    "frame alternate": "block",
    "checkerboard": "checkerboard",
    "interleaved lines": "row_interleaved",
    "interleaved columns": "col_interleaved",
}
"""FFmpeg's words for how two views lie in a picture, and Matroska's names without the order."""

_FLAT = ("mono", "2D")

_LAYER_STREAM_TYPES = {
    "0x001f",
    "0x0020",
    "0x0025",
    "0x0026",
    "0x0027",
    "0x0028",
    "0x0029",
    "0x002a",
}
"""Stream types of MPEG-TS for what belongs to another stream: H.264 SVC and MVC, layers and
temporal subsets of HEVC."""

_LAYER_REFERENCES = frozenset({"vdep", "auxl", "sbas", "scal", "swto", "oref", "tmpo"})
"""MP4 references from a layer to the track it belongs to."""

_BOUNDS = ("padding", "bound_left", "bound_top", "bound_right", "bound_bottom")


def with_layers(found: VideoStream, stream: RawStream, hints: LayerHints) -> VideoStream:
    """The stream with what it holds beside its base layer, and how it is to be shown."""
    beside = layers(stream, hints)
    return replace(
        found,
        layers=beside,
        has_alpha=True if Layer.ALPHA in beside else found.has_alpha,
        stereo=stereo(stream, hints),
        is_stereo_marked_twice=_is_stereo_marked_twice(found, stream, hints),
        spherical=spherical(stream),
    )


def layers(stream: RawStream, hints: LayerHints) -> frozenset[Layer]:
    """By the packets' units and by ffprobe, which lists the views of HEVC: a layer of transparency
    counts as the same view once more."""
    views = (stream.view_ids_available or "").split(",")
    if len(views) < 2:
        return hints.layers
    known = Layer.VIEW if len(set(views)) > 1 else Layer.ALPHA
    return hints.layers - {Layer.SCALABLE} | {known}


def stereo(stream: RawStream, hints: LayerHints) -> str | None:
    """How two views lie in a picture, by Matroska's names; None if it is one view, or unknown."""
    if name := stream.tag("stereo_mode"):
        return None if name in _FLAT else name
    for side in stream.side_data_list:
        if side.side_data_type == _STEREO:
            layout = _layout(side)
            return hints.stereo or layout if layout == UNSPECIFIED else layout
    return hints.stereo


def _is_stereo_marked_twice(found: VideoStream, stream: RawStream, hints: LayerHints) -> bool:
    by_container = bool(stream.tag("stereo_mode")) or any(
        side.side_data_type == _STEREO for side in stream.side_data_list
    )
    return found.codec == "h264" and hints.stereo is not None and by_container


def _layout(side: RawSideData) -> str | None:
    if side.type in _FLAT:
        return None
    layout = _LAYOUTS.get(str(side.type))
    return UNSPECIFIED if layout is None else ordered(layout, is_inverted=side.inverted == 1)


def spherical(stream: RawStream) -> Spherical | None:
    """None also for pictures that are said to be flat and are not turned."""
    for side in stream.side_data_list:
        if side.side_data_type != _SPHERICAL or not isinstance(side.projection, str):
            continue
        found = Spherical(
            projection=side.projection,
            yaw=_angle(side.yaw),
            pitch=_angle(side.pitch),
            roll=_angle(side.roll),
            bounds=tuple(
                value for name in _BOUNDS if isinstance(value := getattr(side, name), int)
            ),
        )
        is_flat = found.projection == "rectilinear" and not found.is_turned
        return None if is_flat else found
    return None


def _angle(value: Any) -> float:
    return number(str(value)) or 0.0 if value is not None else 0.0


def is_layer_of_another(stream: RawStream, found: VideoStream, mp4: Mp4Structure | None) -> bool:
    """Whether a video stream beside the main one is of no use without it: the enhancement layer of
    Dolby Vision, the other eye of a 3D disc, a track of transparency."""
    if found.dolby_vision is not None and found.dolby_vision.has_base_layer is False:
        return True
    if stream.codec_name in ("h264", "hevc") and stream.codec_tag in _LAYER_STREAM_TYPES:
        return True
    tracks = () if mp4 is None else mp4.tracks
    kinds = {kind for one in tracks if one.index == stream.index for kind, _ in one.references}
    return bool(kinds & _LAYER_REFERENCES)
