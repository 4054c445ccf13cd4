"""Detects from its reports whether a running FFmpeg hangs. Pure: the clock is an argument.

FFmpeg prints its progress every half second whether or not anything moves, so a line alone is not
progress: only a frame or a source position that was never reached before is.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from av1rules.base.priority import USUAL, Priority
from av1rules.base.units import format_duration, format_size
from av1rules.ffmpeg.progress import ProgressSample

STALL_S = 300.0
"""A decoder without a frame for this long is stuck; slow but healthy ones give several a second."""

IDLE_FILM_S = 600.0
"""Source time that must pass without a byte written before that counts as a hang. FFmpeg buffers up
to 256 KiB before it writes, and Matroska 5 s more: at 4 kb/s, empty frames, that is 9 min."""

UNWATCHED_S = 5.0
"""A longer pause between two checks (this process was stopped, the machine slept) is ignored."""


class RunLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one FFmpeg process may take; None means no bound.

    `stall_s` is the longest time without progress and `max_s` the longest total time, in seconds;
    a process that exceeds either counts as hung. `timeout_s` bounds commands that report no
    progress. `memory_bytes` caps the address space.
    """

    stall_s: float | None = STALL_S
    max_s: float | None = None
    timeout_s: float | None = None
    memory_bytes: int | None = None
    priority: Priority = USUAL


USUAL_LIMITS = RunLimits()


class StallReport(msgspec.Struct, frozen=True, kw_only=True):
    """Why a program must be stopped. `cause` is "stall", "duration" or "growth"."""

    cause: str
    reason: str
    hint: str


@dataclass(slots=True, kw_only=True)
class Watchdog:
    """Takes each sample, and None in between. Bounds are in seconds; None means no bound.

    The first frame may take as long as any other: an encoder's lookahead may take minutes.
    `written` is the file's modification time, used while FFmpeg reports nothing. With `writes`
    False, FFmpeg writes no file and none must grow.
    """

    stall_s: float | None
    max_s: float | None = None
    started: float  # all times are by the clock of `feed`
    writes: bool = True
    _checked: float | None = None
    _moved: float | None = None
    _grown: float | None = None
    _frame: int = 0
    _film_s: float = 0.0
    _size_bytes: int | None = None
    _film_at_growth_s: float = 0.0
    _written: int | None = None

    def feed(
        self, sample: ProgressSample | None, now: float, *, written: int | None = None
    ) -> StallReport | None:
        """Why the program must be stopped now; None while it makes progress."""
        self._exclude_pause(now)
        if sample is not None:
            self._take(sample, now)
        if written is not None and written != self._written:
            self._moved = now if self._written is not None else self._moved
            self._written = written
        return self._too_long(now) or self._stalled(now) or self._not_growing(now)

    def _exclude_pause(self, now: float) -> None:
        pause = now - (self.started if self._checked is None else self._checked)
        self._checked = now
        if pause > UNWATCHED_S:
            self.started += pause
            self._moved = None if self._moved is None else self._moved + pause
            self._grown = None if self._grown is None else self._grown + pause

    def _take(self, sample: ProgressSample, now: float) -> None:
        """Only a new maximum is progress: the position jumps back where streams differ."""
        frame, film_s = sample.frame or 0, sample.film_s or 0.0
        if frame > self._frame or film_s > self._film_s:
            self._moved = now
        self._frame, self._film_s = max(frame, self._frame), max(film_s, self._film_s)
        if sample.size_bytes is not None and sample.size_bytes != self._size_bytes:
            self._size_bytes, self._grown = sample.size_bytes, now
            self._film_at_growth_s = self._film_s

    def _too_long(self, now: float) -> StallReport | None:
        if self.max_s is None or now - self.started <= self.max_s:
            return None
        return StallReport(
            cause="duration",
            reason=(
                f"FFmpeg ran longer than {format_duration(self.max_s)} ({self._position()}) "
                "and was stopped"
            ),
            hint="a long film or a slow preset? then set a longer run.max_duration",
        )

    def _stalled(self, now: float) -> StallReport | None:
        last = self.started if self._moved is None else self._moved
        if self.stall_s is None or now - last <= self.stall_s:
            return None
        return StallReport(
            cause="stall",
            reason=(
                f"FFmpeg made no progress for {format_duration(self.stall_s)} ({self._position()}) "
                "and was stopped"
            ),
            hint="a slow disk or a very slow preset? then set a longer run.stall_timeout",
        )

    def _not_growing(self, now: float) -> StallReport | None:
        last = self.started if self._grown is None else self._grown
        film_s = self._film_s - self._film_at_growth_s
        if self.stall_s is None or now - last <= self.stall_s or film_s < IDLE_FILM_S:
            return None
        if not self.writes:
            return None
        size = "unknown" if self._size_bytes is None else format_size(self._size_bytes)
        return StallReport(
            cause="growth",
            reason=(
                f"FFmpeg went through {format_duration(film_s)} of film within "
                f"{format_duration(now - last)}, but its file did not grow (size {size}), "
                "and was stopped"
            ),
            hint="look at the disk of the temporary file",
        )

    def _position(self) -> str:
        return f"at frame {self._frame}" if self._frame else "not one frame came"
