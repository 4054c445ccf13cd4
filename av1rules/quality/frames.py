"""The question to FFmpeg for one look at a film, and what its answer says. Pure.

FFmpeg shrinks the pictures to maps of some thousand values; those are few enough for plain Python
(about 5 ms a look), so that no array library is needed.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median

import msgspec

from av1rules.base.errors import ProbeError
from av1rules.base.priority import USUAL, Priority
from av1rules.base.process import Children, Completed, Limits, run
from av1rules.base.text import printable
from av1rules.ffmpeg.run import INPUT_GUARD, file_url
from av1rules.ffmpeg.tools import Tools
from av1rules.media.source import Source, VideoStream

BLOCK = 16
"""Pixels along the side of a block whose fine detail is one value."""


WIDEST, TALLEST = 1280, 720
"""Fine detail is looked for in the middle of larger pictures: as good for grain, and 4K costs no
more. Bars above and below a wide film stay outside in 1080p and larger."""


GAP_S = 0.12
"""Between two pictures of a look: about 3 at 24 a second."""


MOTION_FRAMES = 3
"""Two gaps: a cut falls into one of them only, and the calmer one counts."""


_MOST_PICTURES = 64
"""Decoded for one look at most: 0.24 s at up to 240 a second. Bounds files without times."""


_STEP = 16


_TOP = 256 * _STEP - 1
"""A step of 8 bits, and white, in the maps: 12 bits, since fine detail is often below one step."""


_DARK = round(0.1 * _TOP)


_PEAK_SHARE = 0.005
"""Of the areas: a lamp counts, a single glint does not."""


_NOISE_SCALE = 2.394
"""Mean of the positive part of the Laplacian for noise of deviation 1: the kernel's norm is 6,
the positive part's mean 6 / sqrt(2 pi)."""


_USABLE = range(40 * _STEP, 220 * _STEP + 1)
"""Brightness of blocks that can tell of noise: codecs wipe it out in the dark, white cuts it."""


_LEAST_BLOCKS = 8


_PICTURE = re.compile(r"^\[Parsed_showinfo_\d+ @ [^\]]*\] n: *\d+ pts: *-?\d+ pts_time:(-?[\d.]+) ")


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """Blocks of the looked-at part across and down; the map of areas has twice as many of each."""

    across: int
    down: int

    @property
    def values(self) -> int:
        return self.across * self.down * 6


class FrameRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`pictures` at least `gap_s` apart, from the key frame before `at_s`, or (`is_exact`) from
    `at_s` itself, at the cost of decoding all between."""

    at_s: float
    pictures: int
    gap_s: float
    is_exact: bool = False


class FrameStats(msgspec.Struct, frozen=True, kw_only=True):
    """What one burst of pictures showed; units as in `passages.Sample`."""

    time_s: float
    luma: float
    dark_share: float
    peak: float
    motion: float | None  # None: only one picture came
    noises: tuple[float, ...]  # per picture that could tell
    textures: tuple[float, ...]


def grid_of(width: int, height: int) -> Grid:
    return Grid(
        across=max(min(width, WIDEST) // BLOCK, 1), down=max(min(height, TALLEST) // BLOCK, 1)
    )


def frame_argv(
    head: Sequence[str], url: str, stream: int, grid: Grid, request: FrameRequest
) -> tuple[str, ...]:
    """The command of one look; `head` is the program and what it may open.

    `-copyts` and `-seek_timestamp` keep the film's own clock, whatever its start. Accurate seeking
    would add that start once more: `trim` is accurate instead.
    """
    return (
        *head, "-hide_banner", "-nostats", "-v", "info", "-copyts", "-threads", "2",
        "-noautorotate", "-noaccurate_seek", "-seek_timestamp", "1", "-ss", f"{request.at_s:.6f}",
        "-i", url, "-filter_complex", _graph(stream, grid, request),
        "-frames:v", str(request.pictures),
        "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray12le", "-",
    )  # fmt: skip


def _graph(stream: int, grid: Grid, request: FrameRequest) -> str:
    """Areas of the whole picture, their levels stretched to the full range; below them, side by
    side, the fine detail and the brightness of the blocks in its middle."""
    across, down = grid.across, grid.down
    blocks = f"scale={across}:{down}:flags=area"
    first = f"trim=start={request.at_s:.6f}," if request.is_exact else ""
    return (
        f"[0:{stream}]{first}trim=end_frame={_MOST_PICTURES},"
        f"select='isnan(prev_selected_t)+gte(t-prev_selected_t,{request.gap_s:g})',"
        "sidedata=mode=delete,showinfo=checksum=0,split[whole][part];"
        f"[whole]scale={across * 2}:{down * 2}:flags=area:out_range=full,"
        "format=yuv420p12,extractplanes=y[areas];"
        f"[part]crop='min(iw,{across * BLOCK})':'min(ih,{down * BLOCK})',"
        "format=yuv420p12,extractplanes=y,split[rough][plain];"
        f"[rough]convolution=0m='1 -2 1 -2 4 -2 1 -2 1':0rdiv=1,{blocks}[detail];"
        f"[plain]{blocks}[level];"
        "[detail][level]hstack[blocks];[areas][blocks]vstack"
    )


def picture_times(lines: Iterable[str]) -> list[float]:
    """When the pictures are shown, from FFmpeg's log."""
    found = (_PICTURE.match(line) for line in lines)
    return [float(match[1]) for match in found if match is not None]


def parse_frame_stats(
    data: bytes, times: Sequence[float], grid: Grid, *, is_full: bool
) -> FrameStats | None:
    """What the maps say; None if no whole picture with a time came. `is_full`: the film's levels
    use the full range, its steps are larger than those of usual films."""
    count = min(len(data) // (grid.values * 2), len(times))
    if not count:
        return None
    values = array("H", data[: count * grid.values * 2])
    maps = [values[at : at + grid.values] for at in range(0, len(values), grid.values)]
    areas = [picture[: grid.across * grid.down * 4] for picture in maps]
    blocks = [_blocks(picture, grid) for picture in maps]
    step = _NOISE_SCALE * _STEP * (255 / 219 if is_full else 1)
    noises = [_noise(detail, level) for detail, level in blocks]
    first = sorted(areas[0])
    changes = [_change(one, other) for one, other in pairwise(areas)]
    return FrameStats(
        time_s=times[0],
        luma=sum(first) / len(first) / _TOP,
        dark_share=sum(value < _DARK for value in first) / len(first),
        peak=first[int((len(first) - 1) * (1 - _PEAK_SHARE))] / _TOP,
        motion=min(changes) / _TOP if changes else None,
        noises=tuple(noise / step for noise in noises if noise is not None),
        textures=tuple(median(detail) / step for detail, _ in blocks),
    )


def _blocks(picture: array[int], grid: Grid) -> tuple[list[int], list[int]]:
    """Fine detail and brightness of each block."""
    start, row = grid.across * grid.down * 4, grid.across * 2
    detail: list[int] = []
    level: list[int] = []
    for at in range(start, start + grid.down * row, row):
        detail += picture[at : at + grid.across]
        level += picture[at + grid.across : at + row]
    return detail, level


def _noise(detail: list[int], level: list[int]) -> float | None:
    """Fine detail of the calmest tenth of the usable blocks."""
    usable = sorted(d for d, y in zip(detail, level, strict=True) if y in _USABLE)
    return usable[len(usable) // 10] if len(usable) >= _LEAST_BLOCKS else None


def _change(one: array[int], other: array[int]) -> float:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


FRAME_TIMEOUT_S = 20.0
"""A look takes 0.2-0.4 s in 1080p, 1.5-3 s in the heaviest 4K; a slow disk adds its seeks."""


MEMORY_BYTES = 4 * 1024**3
"""Address space of one look: 0.9 GB in 1080p, 1.1 GB in 4K, 1.7 GB in 8K (HEVC, 10 bit)."""


class FrameReader(msgspec.Struct, frozen=True, kw_only=True):
    """A film that can be looked into: all that does not change from look to look."""

    path: str
    main: VideoStream
    start_s: float
    duration_s: float
    grid: Grid
    tools: Tools
    children: Children
    priority: Priority = USUAL
    reach: tuple[str, ...] = ()

    def look(self, request: FrameRequest) -> FrameStats | None:
        """What is seen there; None where nothing is: a damaged place, a wrong index, no time left.

        Raises RunInterruptedError, OSError.
        """
        head = (self.tools.ffmpeg, "-nostdin", *INPUT_GUARD, *self.reach)
        lines: list[str] = []
        completed = run(
            frame_argv(head, file_url(self.path), self.main.index, self.grid, request),
            children=self.children,
            limits=Limits(timeout_s=FRAME_TIMEOUT_S, memory_bytes=MEMORY_BYTES),
            on_err_line=lines.append,
            priority=self.priority,
            tether=True,
        )
        self.children.check()
        return self._read(completed, lines)

    def _read(self, completed: Completed, lines: list[str]) -> FrameStats | None:
        is_full = self.main.colour.range == "pc"
        return parse_frame_stats(completed.stdout, picture_times(lines), self.grid, is_full=is_full)


def open_frame_reader(
    path: str,
    source: Source,
    *,
    tools: Tools,
    children: Children,
    priority: Priority = USUAL,
) -> FrameReader:
    """Raises ProbeError for what can't be looked into: no pictures, no size, no length."""
    main = source.main
    if main is None or not (main.width and main.height):
        raise _unseen(path, "it has no pictures of known size")
    duration_s = source.film_s
    if not duration_s:
        raise _unseen(path, "its length is unknown")
    return FrameReader(
        path=path,
        main=main,
        start_s=source.start_s or 0.0 if main.start_s is None else main.start_s,
        duration_s=duration_s,
        grid=grid_of(main.width, main.height),
        tools=tools,
        children=children,
        priority=priority,
        reach=source.reach.options if source.reach is not None else (),
    )


def _unseen(path: str, why: str) -> ProbeError:
    return ProbeError(
        f"no excerpts can be measured: {why}",
        hint="remux the file into Matroska, or leave out its review",
        where=printable(path),
    )
