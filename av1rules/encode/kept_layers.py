"""What becomes of a film's second layers and of the marks of stereo and spherical pictures. Pure.

Tried with FFmpeg 9.0: the decoder gives the base layer only. The Matroska muxer writes `StereoMode`
and `Projection`; the MP4 muxer writes neither unless told to be unofficial, and then the box of
spherical pictures is right, but that of stereo (`vexu`) says that there are two views, not how they
lie in the picture.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from av1rules.encode.containers import MKV, MP4
from av1rules.media.second_layers import FRAME_ALTERNATE, Layer
from av1rules.media.source import Source, VideoStream
from av1rules.policy.settings import Loss

MONO = "mono"
"""The stereo mode of a target that has one view: without it FFmpeg marks two where its decoder
speaks of two."""

_NOT_KEPT_LAYOUTS = frozenset({"block_lr", "block_rl"})
"""Both eyes in one block of Matroska: a coding that AV1 does not have."""

_LAYOUTS = ("left_right", "right_left", "top_bottom", "bottom_top", "anaglyph", "checkerboard",
            "row_interleaved", "col_interleaved")  # fmt: skip

_PROJECTIONS = {
    MKV: frozenset({"equirectangular", "cubemap", "tiled equirectangular"}),
    MP4: frozenset({"equirectangular", "half equirectangular", "fisheye"}),
}
"""Read back as they were in the source."""

_LAYER_NAMES = {
    Layer.VIEW: "a second view (3D: MV-HEVC or MVC)",
    Layer.SCALABLE: "a second layer (SVC, SHVC, LCEVC or another)",
}


_PLANE = re.compile(r"(left|right|background)_\d+")
"""FFmpeg's stereo mode of a track that Matroska combines with another one (TrackOperation)."""


def has_second_view(main: VideoStream) -> bool:
    return Layer.VIEW in main.layers


def kept_stereo(main: VideoStream, container: str) -> str | None:
    """The stereo mode that the target has, by Matroska's name; None if there is none to keep."""
    if main.stereo is None or container != MKV or has_second_view(main):
        return None
    return main.stereo if main.stereo.startswith(_LAYOUTS) else None


def keeps_spherical(main: VideoStream, container: str) -> bool:
    """MP4's are read back without angles and bounds, so only plain ones are promised there."""
    found = main.spherical
    if found is None or found.projection not in _PROJECTIONS[container]:
        return False
    return container == MKV or not (found.is_turned or any(found.bounds))


def stereo_tag(main: VideoStream, container: str) -> str | None:
    """What to set as the stereo mode; None where FFmpeg is right by itself."""
    if container != MKV or (main.stereo is None and not has_second_view(main)):
        return None
    return kept_stereo(main, container) or MONO


def false_marks(main: VideoStream, container: str) -> Iterator[str]:
    """FFmpeg's names of what frames must not tell an MP4 muxer that is allowed to mark it; Matroska
    is told by `stereo_tag`, and writes only projections that it can hold."""
    if container == MP4 and (main.stereo is not None or has_second_view(main)):
        yield "STEREO3D"
    if container == MP4 and main.spherical is not None and not keeps_spherical(main, container):
        yield "SPHERICAL"


def is_plane(stream: VideoStream) -> bool:
    """Whether a track is one of several that Matroska combines to one picture."""
    return stream.stereo is not None and bool(_PLANE.fullmatch(stream.stereo))


def layer_losses(source: Source, main: VideoStream, container: str) -> Iterator[tuple[Loss, str]]:
    """What of the layers and marks of `main` would be lost: which loss, and in words."""
    for layer in (Layer.VIEW, Layer.SCALABLE):
        if layer in main.layers:
            message = f"{_LAYER_NAMES[layer]} would be lost: only the base layer is decoded"
            yield Loss.SECOND_LAYER, message
    for stream in source.video:
        if stream.is_layer_of_another and not _is_dolby_vision(stream):
            message = f"video {stream.index} ({stream.codec}) is a layer of another track, and lost"
            yield Loss.SECOND_LAYER, message
    if main.stereo and not has_second_view(main) and kept_stereo(main, container) is None:
        yield Loss.STEREO_3D, _stereo_message(main.stereo, container)
    if main.spherical is not None and not keeps_spherical(main, container):
        yield Loss.SPHERICAL, _spherical_message(main, container)


def other_container(main: VideoStream, container: str, loss: Loss) -> str | None:
    """The container that would keep what is lost in this one."""
    other = MKV if container == MP4 else MP4
    if loss is Loss.STEREO_3D:
        return other if kept_stereo(main, other) else None
    if loss is Loss.SPHERICAL:
        return other if keeps_spherical(main, other) else None
    return None


def enhancement_tracks(source: Source) -> tuple[VideoStream, ...]:
    """Tracks of their own that hold Dolby Vision's enhancement layer."""
    return tuple(one for one in source.video if one.is_layer_of_another and _is_dolby_vision(one))


def _is_dolby_vision(stream: VideoStream) -> bool:
    return stream.dolby_vision is not None


def _stereo_message(stereo: str, container: str) -> str:
    if plane := _PLANE.fullmatch(stereo):
        what = f"the {plane[1]} one of several tracks that make one picture"
    elif stereo == FRAME_ALTERNATE:
        what = "left and right eye come one after the other"
    elif stereo in _NOT_KEPT_LAYOUTS:
        what = "both eyes are coded in one block"
    else:
        what = stereo.replace("_", " ")
    return (
        f"the pictures are stereo ({what}), and {container} can't keep the mark that says so: "
        "players would show them as flat"
    )


def _spherical_message(main: VideoStream, container: str) -> str:
    found = main.spherical
    assert found is not None
    turned = ", turned" if found.is_turned else ""
    return (
        f"the pictures are spherical ({found.projection}{turned}), and {container} can't keep the "
        "mark that says so: players would show them as flat"
    )
