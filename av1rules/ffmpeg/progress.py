"""FFmpeg's -progress output as values: lines of key=value, one block a second. Pure.

Only the frame count measures progress: out_time includes copied audio and jumps back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

MIN_PROJECTION_FRAMES = 48
"""Below this many frames a projected size is mostly the first keyframe: None instead."""


class ProgressSample(msgspec.Struct, frozen=True, kw_only=True):
    """One block. `speed` is in multiples of real time; None where FFmpeg prints N/A.

    `film_s` is the position in the source, in seconds; `size_bytes` is what was written so far.
    """

    frame: int | None = None
    fps: float | None = None
    speed: float | None = None
    size_bytes: int | None = None
    film_s: float | None = None
    dropped: int | None = None
    is_end: bool = False


@dataclass(slots=True)
class ProgressParser:
    """Takes lines; `on_sample` gets each complete block."""

    on_sample: Callable[[ProgressSample], None]
    _values: dict[str, str] = field(default_factory=dict)

    def feed(self, line: str) -> None:
        key, found, value = line.partition("=")
        if not found:
            return
        self._values[key.strip()] = value.strip()
        if key.strip() == "progress":
            values, self._values = self._values, {}
            self.on_sample(_sample(values))


def _sample(values: dict[str, str]) -> ProgressSample:
    film_us = _rate(values.get("out_time_us"))
    return ProgressSample(
        frame=_whole(values.get("frame")),
        fps=_rate(values.get("fps")),
        speed=_rate(values.get("speed", "").removesuffix("x")),
        size_bytes=_whole(values.get("total_size")),
        film_s=None if film_us is None else film_us / 1e6,
        dropped=_whole(values.get("drop_frames")),
        is_end=values.get("progress") == "end",
    )


def _whole(text: str | None) -> int | None:
    number = _rate(text)
    return None if number is None else int(number)


def _rate(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


def eta_s(frame: int | None, frames: int | None, elapsed_s: float) -> float | None:
    """Seconds left, by the mean rate since the start."""
    if not frame or not frames or elapsed_s <= 0:
        return None
    return max(frames - frame, 0) * elapsed_s / frame


def projected_bytes(size_bytes: int | None, frame: int | None, frames: int | None) -> int | None:
    """The final size if the rest compresses like the part done."""
    if not size_bytes or not frames or not frame or frame < MIN_PROJECTION_FRAMES:
        return None
    return round(size_bytes * max(frames / frame, 1.0))
