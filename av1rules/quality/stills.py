"""Single frames of a clip and of its source at the same places, as JPEG for a browser."""

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
from av1rules.media.source import HDR_TRANSFERS, Source, VideoStream
from av1rules.quality.excerpts import Excerpt

MAX_STILLS = 6
TIMEOUT_S = 900.0
"""The clip is decoded up to its last frame: 4K takes some minutes on a small machine."""

_TO_SDR = (
    "zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,"
    "zscale=t=bt709:m=bt709:r=tv"
)
"""203 cd/m2 is reference white in HDR, by ITU-R BT.2408."""

_TO_JPEG = "out_color_matrix=bt601:out_range=pc:flags=accurate_rnd+full_chroma_int"
"""JPEG is BT.601 in full range, whatever the film uses."""

TONE_MAPPED = "HDR is tone-mapped to SDR on both sides: colours and highlights differ from a TV"
NOT_TONE_MAPPED = "HDR is shown without tone mapping and looks pale: this FFmpeg lacks zscale"


_TURNS = {90: ("transpose=cclock",), 180: ("hflip", "vflip"), 270: ("transpose=clock",)}
"""By the counterclockwise angle by which a player rotates the frame."""

MAX_ASPECT = 4
"""Beyond this the pixel aspect is an error in the file: a still would take gigabytes."""

_SQUARE_ENOUGH = 0.01
"""Pixels this close to square are not scaled: that would only blur them."""


class StillFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A frame of the clip by its number, from 0, and why it is shown."""

    frame: int
    label: str


def choose_stills(
    excerpts: Sequence[Excerpt],
    frames: int,
    worst_second: tuple[int, int] | None,
    *,
    most: int = MAX_STILLS,
) -> tuple[StillFrame, ...]:
    """The middle of each excerpt and of the second with the lowest score (`worst_second`: its
    number and the number of seconds), which is always among them."""
    if frames <= 0:
        return ()
    total_s = sum(excerpt.duration_s for excerpt in excerpts) or 1.0
    found: dict[int, str] = {}
    before_s = 0.0
    for excerpt in excerpts:
        middle = int((before_s + excerpt.duration_s / 2) / total_s * frames)
        found.setdefault(min(middle, frames - 1), excerpt.reason)
        before_s += excerpt.duration_s
    if worst_second is not None:
        number, seconds = worst_second
        worst = int((number + 0.5) / max(seconds, 1) * frames)
        found = {min(worst, frames - 1): "the second with the lowest score"} | found
    return tuple(StillFrame(frame=at, label=found[at]) for at in sorted([*found][:most]))


def stills_note(source: Source, tools: Tools) -> str | None:
    main = source.main
    if main is None or main.colour.transfer not in HDR_TRANSFERS:
        return None
    return TONE_MAPPED if _can_map(tools) else NOT_TONE_MAPPED


def square_pixel_scale(main: VideoStream) -> str:
    """Scaler arguments for square pixels: one side grows, none shrinks. Empty if the pixels are
    square or their aspect is unknown."""
    aspect, width, height = main.sample_aspect, main.width, main.height
    if not aspect or not width or not height or abs(aspect - 1) < _SQUARE_ENOUGH:
        return ""
    if aspect > MAX_ASPECT or 1 / aspect > MAX_ASPECT:
        return ""
    if aspect > 1:
        return f"w={round(width * aspect)}:h={height}:"
    return f"w={width}:h={round(height / aspect)}:"


def _can_map(tools: Tools) -> bool:
    return "zscale" in tools.filters  # tonemap is FFmpeg's own, in every build


def take_stills(
    path: str,
    source: Source,
    excerpts: Sequence[tuple[float, float]],
    frames: Sequence[int],
    *,
    tools: Tools,
    children: Children,
    deinterlacers: Sequence[str] = (),
) -> tuple[bytes, ...]:
    """JPEG files of these frames (ascending), counted over the joined excerpts, or over the whole
    file without excerpts. Raises Av1rulesError if FFmpeg doesn't give all of them."""
    with tempfile.TemporaryDirectory(prefix=TEMP_PREFIX) as folder:
        argv = stills_argv(
            path,
            source,
            excerpts or ((-1.0, 1e6),),
            frames,
            output=f"{folder}/%03d.jpg",
            tools=tools,
            deinterlacers=deinterlacers,
        )
        done = run(argv, children=children, limits=Limits(timeout_s=TIMEOUT_S), tether=True)
        children.check()
        stills = [Path(folder, name).read_bytes() for name in sorted(os.listdir(folder))]
    if not done.ok or len(stills) != len(frames):
        detail = f": {printable(done.stderr[-1])}" if done.stderr else ""
        raise Av1rulesError(
            f"can't make the stills: got {len(stills)} of {len(frames)} frames "
            f"({done.describe_exit()}){detail}",
            where=printable(path),
        )
    return tuple(stills)


def stills_argv(
    path: str,
    source: Source,
    excerpts: Sequence[tuple[float, float]],
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
        excerpts,
        stream=source.main.index,
        first=deinterlacers,
        last=(
            f"select='{wanted}'",
            *((_TO_SDR,) if is_hdr else ()),
            f"scale={square_pixel_scale(source.main)}{_TO_JPEG}",
            "format=yuvj444p",
            *_TURNS.get((source.main.rotation or 0) % 360, ()),
        ),
    )
    return (
        tools.ffmpeg, "-nostdin", "-v", "error", "-copyts",
        *excerpt_inputs(path, source, excerpts),
        "-filter_complex", f"{graph}[stills]", "-map", "[stills]",
        "-fps_mode", "passthrough", "-frames:v", str(len(frames)),
        "-c:v", "mjpeg", "-qmin", "1", "-q:v", "1", "-f", "image2", file_url(output),
    )  # fmt: skip
