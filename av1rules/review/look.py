"""Takes single looks at a film through FFmpeg: a seek, some pictures, shrunk to small maps."""

from __future__ import annotations

from dataclasses import dataclass

from av1rules.base.errors import ProbeError
from av1rules.base.priority import USUAL, Priority
from av1rules.base.process import Children, Completed, Limits, run
from av1rules.base.text import printable
from av1rules.encode.argv import file_url
from av1rules.encode.measure import ONLY_FILMS
from av1rules.library.source import Source, VideoStream
from av1rules.library.toolset import Tools
from av1rules.review.look_parse import (
    Grid,
    Look,
    LookWish,
    grid_of,
    look_argv,
    parse_look,
    picture_times,
)

LOOK_TIMEOUT_S = 20.0
"""A look takes 0.2-0.4 s in 1080p, 1.5-3 s in the heaviest 4K; a slow disk adds its seeks."""

MEMORY_BYTES = 4 * 1024**3
"""Address space of one look: 0.9 GB in 1080p, 1.1 GB in 4K, 1.7 GB in 8K (HEVC, 10 bit)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """A film that can be looked into: all that does not change from look to look."""

    path: str
    main: VideoStream
    start_s: float
    duration_s: float
    grid: Grid
    tools: Tools
    children: Children
    priority: Priority = USUAL

    def look(self, wish: LookWish) -> Look | None:
        """What is seen there; None where nothing is: a damaged place, a wrong index, no time left.

        Raises RunInterruptedError, OSError.
        """
        head = (self.tools.ffmpeg, "-nostdin", *ONLY_FILMS)
        lines: list[str] = []
        completed = run(
            look_argv(head, file_url(self.path), self.main.index, self.grid, wish),
            children=self.children,
            limits=Limits(timeout_s=LOOK_TIMEOUT_S, memory_bytes=MEMORY_BYTES),
            on_err_line=lines.append,
            priority=self.priority,
            tether=True,
        )
        self.children.check()
        return self._read(completed, lines)

    def _read(self, completed: Completed, lines: list[str]) -> Look | None:
        is_full = self.main.colour.range == "pc"
        return parse_look(completed.stdout, picture_times(lines), self.grid, is_full=is_full)


def open_viewer(
    path: str,
    source: Source,
    *,
    tools: Tools,
    children: Children,
    priority: Priority = USUAL,
) -> Viewer:
    """Raises ProbeError for what can't be looked into: no pictures, no size, no length."""
    main = source.main
    if main is None or not (main.width and main.height):
        raise _unseen(path, "it has no pictures of known size")
    duration_s = main.duration_s or source.duration_s
    if not duration_s:
        raise _unseen(path, "its length is unknown")
    return Viewer(
        path=path,
        main=main,
        start_s=source.start_s or 0.0 if main.start_s is None else main.start_s,
        duration_s=duration_s,
        grid=grid_of(main.width, main.height),
        tools=tools,
        children=children,
        priority=priority,
    )


def _unseen(path: str, why: str) -> ProbeError:
    return ProbeError(
        f"no passages can be looked at: {why}",
        hint="remux the file into Matroska, or leave out its review",
        where=printable(path),
    )
