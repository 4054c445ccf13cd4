"""Single pictures of a clip and of its source at the same places, fit for a browser."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from av1rules.base.errors import Av1rulesError
from av1rules.base.files import TEMP_PREFIX
from av1rules.base.process import Children, Limits, run
from av1rules.base.text import printable
from av1rules.encode.excerpt_argv import excerpt_graph, excerpt_inputs
from av1rules.ffmpeg.run import file_url
from av1rules.ffmpeg.tools import Tools
from av1rules.media.source import Source, VideoStream
from av1rules.quality.excerpts import Excerpt

MOST_STILLS = 6
TIMEOUT_S = 900.0
"""The clip is decoded up to its last picture: 4K takes some minutes on a small machine."""

HDR_TRANSFERS = frozenset({"smpte2084", "arib-std-b67"})
_TO_SDR = (
    "zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,"
    "zscale=t=bt709:m=bt709:r=tv"
)
"""203 cd/m2 is where HDR has its white, by ITU-R BT.2408."""

_TO_JPEG = "out_color_matrix=bt601:out_range=pc:flags=accurate_rnd+full_chroma_int"
"""JPEG means BT.601 in full range, whatever the film has."""

TONE_MAPPED = "HDR is shown in SDR, both sides alike: colours and highlights are not those of a TV"
NOT_TONE_MAPPED = "HDR is shown as it is, pale: this FFmpeg lacks zscale"


_TURNS = {90: ("transpose=cclock",), 180: ("hflip", "vflip"), 270: ("transpose=clock",)}
"""By the angle, counterclockwise, at which a player turns the picture."""

MOST_STRETCH = 4
"""Beyond it the aspect is a mistake of the file: a still would take gigabytes."""

_SQUARE_ENOUGH = 0.01
"""Pixels so little off square are shown as they are: scaling would only blur them."""


class Spot(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of the clip by its number, counted from 0, and why it is shown."""

    frame: int
    label: str


def spots(
    pieces: Sequence[Excerpt],
    frames: int,
    worst_second: tuple[int, int] | None,
    *,
    most: int = MOST_STILLS,
) -> tuple[Spot, ...]:
    """The middle of each piece, and of the second with the lowest score (its number of so many),
    which is among them however few they are."""
    if frames <= 0:
        return ()
    total_s = sum(piece.duration_s for piece in pieces) or 1.0
    found: dict[int, str] = {}
    before_s = 0.0
    for piece in pieces:
        middle = int((before_s + piece.duration_s / 2) / total_s * frames)
        found.setdefault(min(middle, frames - 1), piece.reason)
        before_s += piece.duration_s
    if worst_second is not None:
        number, seconds = worst_second
        worst = int((number + 0.5) / max(seconds, 1) * frames)
        found = {min(worst, frames - 1): "the second with the lowest score"} | found
    return tuple(Spot(frame=at, label=found[at]) for at in sorted([*found][:most]))


def stills_note(source: Source, tools: Tools) -> str | None:
    main = source.main
    if main is None or main.colour.transfer not in HDR_TRANSFERS:
        return None
    return TONE_MAPPED if _can_map(tools) else NOT_TONE_MAPPED


def squared(main: VideoStream) -> str:
    """The size for square pixels as words of a scaler: one side grows, none shrinks. Empty where
    they are square, or not known."""
    aspect, width, height = main.sample_aspect, main.width, main.height
    if not aspect or not width or not height or abs(aspect - 1) < _SQUARE_ENOUGH:
        return ""
    if aspect > MOST_STRETCH or 1 / aspect > MOST_STRETCH:
        return ""
    if aspect > 1:
        return f"w={round(width * aspect)}:h={height}:"
    return f"w={width}:h={round(height / aspect)}:"


def _can_map(tools: Tools) -> bool:
    return "zscale" in tools.filters  # tonemap is FFmpeg's own, in every build


def take_stills(
    path: str,
    source: Source,
    passages: Sequence[tuple[float, float]],
    frames: Sequence[int],
    *,
    tools: Tools,
    children: Children,
    deinterlacers: Sequence[str] = (),
) -> tuple[bytes, ...]:
    """JPEG files of these pictures (ascending), counted over all passages as a clip joins them; no
    passages: over the whole file. Raises Av1rulesError where they can't be had."""
    with tempfile.TemporaryDirectory(prefix=TEMP_PREFIX) as folder:
        argv = stills_argv(
            path,
            source,
            passages or ((-1.0, 1e6),),
            frames,
            output=f"{folder}/%03d.jpg",
            tools=tools,
            deinterlacers=deinterlacers,
        )
        done = run(argv, children=children, limits=Limits(timeout_s=TIMEOUT_S), tether=True)
        children.check()
        pictures = [Path(folder, name).read_bytes() for name in sorted(os.listdir(folder))]
    if not done.ok or len(pictures) != len(frames):
        said = f": {printable(done.stderr[-1])}" if done.stderr else ""
        raise Av1rulesError(
            f"no stills: {len(pictures)} of {len(frames)} pictures could be had "
            f"({done.describe_exit()}){said}",
            where=printable(path),
        )
    return tuple(pictures)


def stills_argv(
    path: str,
    source: Source,
    passages: Sequence[tuple[float, float]],
    frames: Sequence[int],
    *,
    output: str,
    tools: Tools,
    deinterlacers: Sequence[str],
) -> tuple[str, ...]:
    """The command. Pure."""
    assert source.main is not None
    wanted = "+".join(f"eq(n,{frame})" for frame in frames)
    is_hdr = source.main.colour.transfer in HDR_TRANSFERS and _can_map(tools)
    graph = excerpt_graph(
        passages,
        stream=source.main.index,
        first=deinterlacers,
        last=(
            f"select='{wanted}'",
            *((_TO_SDR,) if is_hdr else ()),
            f"scale={squared(source.main)}{_TO_JPEG}",
            "format=yuvj444p",
            *_TURNS.get((source.main.rotation or 0) % 360, ()),
        ),
    )
    return (
        tools.ffmpeg, "-nostdin", "-v", "error", "-copyts",
        *excerpt_inputs(path, source, passages),
        "-filter_complex", f"{graph}[stills]", "-map", "[stills]",
        "-fps_mode", "passthrough", "-frames:v", str(len(frames)),
        "-c:v", "mjpeg", "-qmin", "1", "-q:v", "1", "-f", "image2", file_url(output),
    )  # fmt: skip
