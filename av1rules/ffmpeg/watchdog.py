"""Whether a running FFmpeg still gets on, by what it reports. Pure: the clock is an argument.

FFmpeg prints its progress every half second whether or not anything moves, so a line is no sign of
life: only a frame, or film time, never reached before is.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from av1rules.base.priority import USUAL, Priority
from av1rules.base.units import format_duration, format_size
from av1rules.ffmpeg.progress import ProgressSample

STALL_S = 300.0
"""A decoder that shows no frame for so long is stuck; slow real ones show several a second."""

IDLE_FILM_S = 600.0
"""Film that must have passed without a byte in the file before that is a fault. FFmpeg collects up
to 256 KiB before it writes, and Matroska 5 s more: at 4 kb/s, an empty picture, that is 9 min."""

UNWATCHED_S = 5.0
"""A longer pause between two looks (we were stopped, the machine slept) counts for nothing."""


class RunLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one FFmpeg process may take; None means no bound.

    `stall_s` is the longest time without progress and `max_s` the longest time at all, in seconds;
    a process that passes either counts as hung. `timeout_s` bounds commands that report no
    progress. `memory_bytes` caps the address space.
    """

    stall_s: float | None = STALL_S
    max_s: float | None = None
    timeout_s: float | None = None
    memory_bytes: int | None = None
    priority: Priority = USUAL


USUAL_LIMITS = RunLimits()


class StallReport(msgspec.Struct, frozen=True, kw_only=True):
    """Why a program is to be stopped. `cause` in a word: "stall", "duration" or "growth"."""

    cause: str
    reason: str
    hint: str


@dataclass(slots=True, kw_only=True)
class Watchdog:
    """Feed it each sample, and None in between. Bounds in seconds; None: not bounded.

    The first frame may take as long as any other: an encoder may look ahead for minutes. `written`
    is when the file was last written to, for times when FFmpeg has nothing to say. Where it writes
    no file (`writes` False), none is expected to grow.
    """

    stall_s: float | None
    max_s: float | None = None
    started: float  # all times by the clock of `feed`
    writes: bool = True
    _looked: float | None = None
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
        """What is to be said of the program now; None: it gets on."""
        self._forgive_pause(now)
        if sample is not None:
            self._take(sample, now)
        if written is not None and written != self._written:
            self._moved = now if self._written is not None else self._moved
            self._written = written
        return self._too_long(now) or self._stalled(now) or self._not_growing(now)

    def _forgive_pause(self, now: float) -> None:
        pause = now - (self.started if self._looked is None else self._looked)
        self._looked = now
        if pause > UNWATCHED_S:
            self.started += pause
            self._moved = None if self._moved is None else self._moved + pause
            self._grown = None if self._grown is None else self._grown + pause

    def _take(self, sample: ProgressSample, now: float) -> None:
        """Only what was never reached before moves: film time jumps back where streams differ."""
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
                f"FFmpeg ran longer than {format_duration(self.max_s)} ({self._way()}) "
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
                f"FFmpeg made no progress for {format_duration(self.stall_s)} ({self._way()}) "
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

    def _way(self) -> str:
        return f"at frame {self._frame}" if self._frame else "not one frame came"
