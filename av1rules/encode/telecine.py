"""Recognises film that was telecined to 60 fields per second, by a few looks along it.

Two of each five frames of such a video repeat a field of the frame before; in video that was taken
with 60 fields per second next to none do.
"""

from __future__ import annotations

import re

from av1rules.base.process import Children, Limits, run
from av1rules.encode.argv import input_guard_args
from av1rules.ffmpeg.run import file_url
from av1rules.ffmpeg.tools import Tools
from av1rules.media.source import Source

PLACES = (0.2, 0.5, 0.8)
LOOK_S = 3.0
"""Looks at these shares of the length, each of so many seconds: some tenths of a second for a DVD,
in which a cycle of five frames comes 18 times."""

TIMEOUT_S = 60.0

REPEATED_SHARE = 0.25
"""Of 2 in 5 frames; scenes in which nothing moves have no repeated field that could be seen."""

_REPEATED = re.compile(r"Repeated Fields: Neither:\s*(\d+)\s+Top:\s*(\d+)\s+Bottom:\s*(\d+)")


def is_telecined(path: str, source: Source, *, tools: Tools, children: Children) -> bool | None:
    """Whether most looks show film; None where nothing could be seen. Raises OSError and
    RunInterruptedError."""
    length_s = (source.main.duration_s if source.main else None) or source.duration_s or 0.0
    shares = [_look(path, source, share * length_s, tools, children) for share in PLACES]
    known = [share for share in shares if share is not None]
    if not known:
        return None
    return 2 * sum(share >= REPEATED_SHARE for share in known) > len(known)


def _look(
    path: str, source: Source, start_s: float, tools: Tools, children: Children
) -> float | None:
    """The share of frames with a repeated field."""
    assert source.main is not None
    argv = (
        tools.ffmpeg, "-nostdin", "-v", "info", "-ss", f"{start_s:.3f}", "-t", f"{LOOK_S:g}",
        *input_guard_args(source), "-i", file_url(path), "-map", f"0:{source.main.index}",
        "-vf", "idet", "-f", "null", "-",
    )  # fmt: skip
    done = run(argv, children=children, limits=Limits(timeout_s=TIMEOUT_S), tether=True)
    children.check()
    return repeated_share(done.stderr)


def repeated_share(lines: tuple[str, ...]) -> float | None:
    """The share that the filter's last summary tells; None without a summary of any frame."""
    found = [match for line in lines if (match := _REPEATED.search(line)) is not None]
    counts = [tuple(map(int, match.groups())) for match in found]
    neither, top, bottom = next((one for one in reversed(counts) if any(one)), (0, 0, 0))
    total = neither + top + bottom
    return (top + bottom) / total if total else None
