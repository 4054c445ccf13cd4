"""Reads a few frames of a film through FFmpeg and measures them.

FFmpeg shrinks the frames to maps of a few thousand values. Plain Python is fast enough for these
(about 5 ms per reading), so no array library is needed.
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
"""Side in pixels of a block; its fine detail is one value."""


WIDEST, TALLEST = 1280, 720
"""Fine detail is measured in the middle of larger frames: that is as good for grain, and 4K costs
no more. In 1080p and larger, this excludes the bars above and below a wide film."""


GAP_S = 0.12
"""Time between two frames of a reading: about 3 frames at 24 fps."""


MOTION_FRAMES = 3
"""Two gaps: a cut can only fall into one of them, and the calmer one counts."""


COARSE_STEP = 3
"""Coarse detail is measured between every third pixel of every third line. Scanned grain spans
some pixels and leaves little between neighbours: with a correlation of 0.4 (noise blurred by a
Gaussian of 0.8 pixels) neighbours show 52 % of its deviation, every third pixel 95 %."""


COARSE_BLOCK = 2 * BLOCK
"""Its blocks are larger, so that each still holds some hundred pixels."""


_MAX_FRAMES = 64
"""Limit of decoded frames per reading: 0.24 s at up to 240 fps. Bounds files without times."""


_STEP = 16


_TOP = 256 * _STEP - 1
"""An 8-bit step, and white, in the maps. They have 12 bits: fine detail is often below a step."""


_DARK = round(0.1 * _TOP)


_PEAK_SHARE = 0.005
"""Share of the areas: a lamp counts as the peak, a single glint does not."""


_NOISE_SCALE = 2.394
"""Mean of the positive part of the Laplacian for noise of deviation 1: the norm of the kernel is 6,
the mean of the positive part 6 / sqrt(2 pi)."""


_USABLE = range(40 * _STEP, 220 * _STEP + 1)
"""Brightness of blocks usable for noise: codecs remove noise in the dark, white clips it."""


_MIN_BLOCKS = 8


_FRAME_LINE = re.compile(
    r"^\[Parsed_showinfo_\d+ @ [^\]]*\] n: *\d+ pts: *-?\d+ pts_time:(-?[\d.]+) "
)


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """Blocks of the measured part across and down; the map of areas has twice as many of each, that
    of coarse detail half as many."""

    across: int
    down: int

    @property
    def coarse_across(self) -> int:
        return max(self.across * BLOCK // COARSE_BLOCK, 1)

    @property
    def coarse_down(self) -> int:
        return max(self.down * BLOCK // COARSE_BLOCK, 1)

    @property
    def rows(self) -> int:
        """Of all maps, one below the other; each row has twice `across` values."""
        return self.down * 3 + self.coarse_down

    @property
    def values(self) -> int:
        return self.across * 2 * self.rows


class FrameRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Asks for `frames` at least `gap_s` apart, from the key frame before `at_s` on, or
    (`is_exact`) from `at_s` itself, which also decodes everything between the two. `is_sought`
    False decodes from the beginning of the file: for what no seek finds."""

    at_s: float
    frames: int
    gap_s: float
    is_exact: bool = False
    is_sought: bool = True


class FrameStats(msgspec.Struct, frozen=True, kw_only=True):
    """Measurements of one burst of frames; units as in `FrameSample`."""

    time_s: float
    luma: float
    dark_share: float
    peak: float
    motion: float | None  # None: there was only one frame
    textures: tuple[float, ...]  # per frame: the median of all blocks
    noises: tuple[float, ...]  # per usable frame: the calmest tenth of its usable blocks
    medians: tuple[float, ...]  # per usable frame: the median of these
    coarse_noises: tuple[float, ...]  # the same two of coarse detail
    coarse_medians: tuple[float, ...]


def grid_of(width: int, height: int) -> Grid:
    return Grid(
        across=max(min(width, WIDEST) // BLOCK, 1), down=max(min(height, TALLEST) // BLOCK, 1)
    )


def frame_argv(
    head: Sequence[str], url: str, stream: int, grid: Grid, request: FrameRequest
) -> tuple[str, ...]:
    """The command of one reading; `head` is the program with its input guards.

    `-copyts` and `-seek_timestamp` keep the timestamps of the film. Accurate seeking would add the
    start time once more, so `trim` cuts instead.
    """
    seek = ("-noaccurate_seek", "-seek_timestamp", "1", "-ss", f"{request.at_s:.6f}")
    return (
        *head, "-hide_banner", "-nostats", "-v", "info", "-copyts", "-threads", "2",
        "-noautorotate", *(seek if request.is_sought else ()),
        "-i", url, "-filter_complex", _graph(stream, grid, request),
        "-frames:v", str(request.frames),
        "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray12le", "-",
    )  # fmt: skip


def _graph(stream: int, grid: Grid, request: FrameRequest) -> str:
    """The areas of the whole frame, stretched to full range; below them, side by side, the fine
    detail and the brightness of the blocks in the middle of the frame; then the same of coarse
    detail."""
    across, down = grid.across, grid.down
    blocks = f"scale={across}:{down}:flags=area"
    coarse = f"scale={grid.coarse_across}:{grid.coarse_down}:flags=area"
    roughness = "convolution=0m='1 -2 1 -2 4 -2 1 -2 1':0rdiv=1"
    first = f"trim=start={request.at_s:.6f}," if request.is_exact else ""
    return (
        f"[0:{stream}]{first}trim=end_frame={_MAX_FRAMES},"
        f"select='isnan(prev_selected_t)+gte(t-prev_selected_t,{request.gap_s:g})',"
        "sidedata=mode=delete,showinfo=checksum=0,split[whole][part];"
        f"[whole]scale={across * 2}:{down * 2}:flags=area:out_range=full,"
        "format=yuv420p12,extractplanes=y[areas];"
        f"[part]crop='min(iw,{across * BLOCK})':'min(ih,{down * BLOCK})',"
        "format=yuv420p12,extractplanes=y,split=3[rough][sparse][plain];"
        f"[rough]{roughness},{blocks}[detail];"
        f"[sparse]scale='max(iw/{COARSE_STEP},1)':'max(ih/{COARSE_STEP},1)':flags=neighbor,"
        f"{roughness},{coarse}[coarse];"
        f"[plain]split[fine_plain][coarse_plain];"
        f"[fine_plain]{blocks}[level];[coarse_plain]{coarse}[coarse_level];"
        f"[coarse][coarse_level]hstack,pad={across * 2}:{grid.coarse_down}[coarse_blocks];"
        "[detail][level]hstack[blocks];[areas][blocks][coarse_blocks]vstack=3"
    )


def logged_times(lines: Iterable[str]) -> list[float]:
    """The presentation times of the frames, from FFmpeg's log."""
    found = (_FRAME_LINE.match(line) for line in lines)
    return [float(match[1]) for match in found if match is not None]


def parse_frame_stats(
    data: bytes, times: Sequence[float], grid: Grid, *, is_full: bool
) -> FrameStats | None:
    """Measurements from the maps; None without a complete frame that has a time. `is_full`: the
    film uses the full range, so its steps are larger than those of limited range."""
    count = min(len(data) // (grid.values * 2), len(times))
    if not count:
        return None
    values = array("H", data[: count * grid.values * 2])
    maps = [values[at : at + grid.values] for at in range(0, len(values), grid.values)]
    areas = [frame[: grid.across * grid.down * 4] for frame in maps]
    blocks = [_blocks(frame, grid) for frame in maps]
    step = _NOISE_SCALE * _STEP * (255 / 219 if is_full else 1)
    fine = [found for one in blocks if (found := _noise(*one)) is not None]
    coarse = [found for one in maps if (found := _noise(*_coarse_blocks(one, grid))) is not None]
    first = sorted(areas[0])
    changes = [_change(one, other) for one, other in pairwise(areas)]
    return FrameStats(
        time_s=times[0],
        luma=sum(first) / len(first) / _TOP,
        dark_share=sum(value < _DARK for value in first) / len(first),
        peak=first[int((len(first) - 1) * (1 - _PEAK_SHARE))] / _TOP,
        motion=min(changes) / _TOP if changes else None,
        textures=tuple(median(detail) / step for detail, _ in blocks),
        noises=tuple(calmest / step for calmest, _ in fine),
        medians=tuple(middle / step for _, middle in fine),
        coarse_noises=tuple(calmest / step for calmest, _ in coarse),
        coarse_medians=tuple(middle / step for _, middle in coarse),
    )


def _blocks(frame: array[int], grid: Grid) -> tuple[list[int], list[int]]:
    """Fine detail and brightness of each block."""
    start, row = grid.across * grid.down * 4, grid.across * 2
    detail: list[int] = []
    level: list[int] = []
    for at in range(start, start + grid.down * row, row):
        detail += frame[at : at + grid.across]
        level += frame[at + grid.across : at + row]
    return detail, level


def _coarse_blocks(frame: array[int], grid: Grid) -> tuple[list[int], list[int]]:
    """Coarse detail and brightness of each larger block."""
    row, across = grid.across * 2, grid.coarse_across
    detail: list[int] = []
    level: list[int] = []
    for at in range(grid.down * 3 * row, grid.rows * row, row):
        detail += frame[at : at + across]
        level += frame[at + across : at + across * 2]
    return detail, level


def _noise(detail: list[int], level: list[int]) -> tuple[int, int] | None:
    """Detail of the calmest tenth of the usable blocks, and their median: black bars are no calm
    part of the picture."""
    usable = sorted(d for d, y in zip(detail, level, strict=True) if y in _USABLE)
    if len(usable) < _MIN_BLOCKS:
        return None
    return usable[len(usable) // 10], usable[len(usable) // 2]


def _change(one: array[int], other: array[int]) -> float:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


FRAME_TIMEOUT_S = 20.0
"""A reading takes 0.2-0.4 s in 1080p, 1.5-3 s in the heaviest 4K; a slow disk adds seek times."""


MEMORY_BYTES = 4 * 1024**3
"""Address space of one reading: 0.9 GB in 1080p, 1.1 GB in 4K, 1.7 GB in 8K (HEVC, 10 bit)."""


class FrameReader(msgspec.Struct, frozen=True, kw_only=True):
    """Reads frames of one film; holds everything that is the same for all readings."""

    path: str
    main: VideoStream
    start_s: float
    duration_s: float
    grid: Grid
    tools: Tools
    children: Children
    priority: Priority = USUAL
    reach: tuple[str, ...] = ()

    def read(self, request: FrameRequest) -> FrameStats | None:
        """Measure a burst of frames; None if there are none: damage, a wrong index or a timeout.

        Raises RunInterruptedError, OSError.
        """
        reading = (*self.reach, *self.main.packet_filter)
        head = (self.tools.ffmpeg, "-nostdin", *INPUT_GUARD, *reading)
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
        return self._parse(completed, lines)

    def _parse(self, completed: Completed, lines: list[str]) -> FrameStats | None:
        is_full = self.main.colour.range == "pc"
        return parse_frame_stats(completed.stdout, logged_times(lines), self.grid, is_full=is_full)


def open_frame_reader(
    path: str,
    source: Source,
    *,
    tools: Tools,
    children: Children,
    priority: Priority = USUAL,
) -> FrameReader:
    """Raises ProbeError for a film without video, frame size or duration."""
    main = source.main
    if main is None or not (main.width and main.height):
        raise _unmeasurable(path, "it has no video of known size")
    duration_s = source.film_s
    if not duration_s:
        raise _unmeasurable(path, "its length is unknown")
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


def _unmeasurable(path: str, why: str) -> ProbeError:
    return ProbeError(
        f"no excerpts can be measured: {why}",
        hint="remux the file into Matroska, or set `review: never` for it",
        where=printable(path),
    )
