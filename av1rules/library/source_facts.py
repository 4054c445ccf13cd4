"""Reads back from the lines of `source_text` what reports compare encodes by. Pure.

Receipts keep a source as text for people; these are the few numbers that are needed of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_MAIN = re.compile(r"video \d+ \(main\): ")
_SIZE = re.compile(r", (\d{1,6})x(\d{1,6}), ")
_STEADY_RATE = re.compile(r", (\d{1,6}(?:\.\d{1,9})?) fps(?:,|$)")
"""A variable rate is an average of the file, and says little of its pictures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MainPicture:
    """Of the main video stream. `frame_rate` in frames per second, None for a variable one."""

    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None


def main_picture(lines: Iterable[str]) -> MainPicture:
    """What `source_lines` says of the main stream; what it does not say stays None."""
    line = next((line for line in lines if _MAIN.match(line)), "")
    size, rate = _SIZE.search(line), _STEADY_RATE.search(line)
    return MainPicture(
        width=int(size[1]) if size else None,
        height=int(size[2]) if size else None,
        frame_rate=float(rate[1]) or None if rate else None,
    )
