"""The one way to run FFmpeg: reads its progress and log, and stops it when it hangs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from av1rules.base.process import Children, Completed, Limits, run
from av1rules.ffmpeg.log import LogReader
from av1rules.ffmpeg.progress import ProgressParser, ProgressSample
from av1rules.ffmpeg.watchdog import USUAL_LIMITS, RunLimits, StallReport, Watchdog

SILENCE_S = 3.0
"""FFmpeg prints nothing while it finishes a file; for MP4 it then rewrites the whole file. After
this time without a progress report, the modification time of the file is the heartbeat."""

_LEAST_PAUSE_S = 1.0
"""Shorter pauses do not show in FFmpeg's own rates."""

DEMUXERS = (
    "matroska,mov,avi,mpegts,mpeg,mpegvideo,asf,flv,live_flv,ogg,h264,hevc,h263,h261,m4v,vc1,"
    "vc1test,ivf,obu,av1,mxf,mxf_opatom,rm,dv,yuv4mpegpipe,nut,gxf,wtv,vvc"
)
"""Real containers only: playlists, manifests and scripts could open other files or run code."""


def file_url(path: str) -> str:
    """`path` as a URL: FFmpeg then reads `-`, `:` and `%` in it as plain characters."""
    return f"file:{path}"


INPUT_GUARD = ("-protocol_whitelist", "file", "-format_whitelist", DEMUXERS)
"""Input options that allow local files in real containers only: a playlist that replaced a file
after the probe can open nothing."""

OnSample = Callable[[ProgressSample], None]


def ignore_sample(_sample: ProgressSample) -> None:
    """For callers that show no progress."""


class FfmpegResult(msgspec.Struct, frozen=True, kw_only=True):
    """How one FFmpeg run ended, and what it reported.

    `hang` is why the watchdog stopped it, if it did; `film_s` is the farthest position in the
    source that its progress reached, in seconds.
    """

    completed: Completed
    log: LogReader
    elapsed_s: float
    frames: int | None = None
    film_s: float = 0.0
    hang: StallReport | None = None

    @property
    def ok(self) -> bool:
        return self.completed.ok

    def frames_read(self, index: int) -> int | None:
        """Frames decoded from input stream `index`, by FFmpeg's own count."""
        count = self.log.count("in", index)
        return None if count is None else count.frames

    def packets_read(self, index: int) -> int | None:
        """Packets read from input stream `index`, by FFmpeg's own count."""
        count = self.log.count("in", index)
        return None if count is None else count.packets


def run_ffmpeg(
    argv: Sequence[str],
    *,
    children: Children,
    limits: RunLimits = USUAL_LIMITS,
    on_sample: OnSample = ignore_sample,
    output: str | None = None,
    env: Mapping[str, str] | None = None,
    encoders: Sequence[str] = (),
) -> FfmpegResult:
    """Run one FFmpeg command to its end; a non-zero exit is not an exception.

    `output` is the file that FFmpeg writes and that must grow; None if it writes none. `encoders`
    are the codecs whose log lines concern the output and never the source. What `on_sample` raises
    ends FFmpeg and is raised here. Raises RunInterruptedError, and OSError if FFmpeg can't be
    started.
    """
    monitor = FfmpegMonitor(
        watchdog=Watchdog(
            stall_s=limits.stall_s,
            max_s=limits.max_s,
            started=children.clock(),
            writes=output is not None,
        ),
        log=LogReader(encoders=tuple(encoders)),
        on_sample=on_sample,
        output=output,
        clock=children.clock,
    )
    completed = run(
        argv,
        children=children,
        limits=Limits(timeout_s=limits.timeout_s, memory_bytes=limits.memory_bytes),
        env=env,
        on_line=ProgressParser(on_sample=monitor.feed).feed,
        on_err_line=monitor.log.feed,
        watch=monitor.check,
        priority=limits.priority,
        tether=True,
    )
    children.check()
    return monitor.result(completed)


@dataclass(slots=True, kw_only=True)
class FfmpegMonitor:
    """Monitors one running FFmpeg: passes samples on and detects a hang. `clock` stands still while
    it is paused."""

    watchdog: Watchdog
    log: LogReader
    on_sample: OnSample
    output: str | None
    clock: Callable[[], float] = time.monotonic
    hang: StallReport | None = None
    _started: float = field(init=False)
    _heartbeat: float = field(init=False)
    _frames: int | None = None
    _film_s: float = 0.0
    _started_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._started = self._heartbeat = self.clock()
        self._started_at = time.monotonic()

    def feed(self, sample: ProgressSample) -> None:
        """Take one progress report."""
        self._heartbeat = self.clock()
        self.hang = self.hang or self.watchdog.feed(sample, self._heartbeat)
        self._frames = self._frames if sample.frame is None else sample.frame
        self._film_s = max(self._film_s, sample.film_s or 0.0)
        self.on_sample(self._without_pauses(sample))

    def _without_pauses(self, sample: ProgressSample) -> ProgressSample:
        """FFmpeg's rates are those since its start, by a clock that goes on in a pause."""
        running_s = self._heartbeat - self._started
        if time.monotonic() - self._started_at - running_s < _LEAST_PAUSE_S or running_s <= 0:
            return sample
        return replace(
            sample,
            fps=None if sample.frame is None else sample.frame / running_s,
            speed=None if sample.film_s is None else sample.film_s / running_s,
        )

    def check(self) -> str | None:
        """The cause to stop FFmpeg now, in one word; None while it makes progress."""
        now = self.clock()
        is_silent = self.output is not None and now - self._heartbeat > SILENCE_S
        written = _mtime_ns(self.output) if self.output and is_silent else None
        self.hang = self.hang or self.watchdog.feed(None, now, written=written)
        return None if self.hang is None else self.hang.cause

    def result(self, completed: Completed) -> FfmpegResult:
        """The result of the run that ended as `completed`."""
        return FfmpegResult(
            completed=completed,
            log=self.log,
            elapsed_s=self.clock() - self._started,
            frames=self._frames,
            film_s=self._film_s,
            hang=self.hang,
        )


def _mtime_ns(path: str) -> int | None:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None
