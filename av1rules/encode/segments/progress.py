"""Progress over all segments of a film, and the live size gate over a sample that is spread."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from av1rules.base.events import JobProgress
from av1rules.encode.job import EncodeJob
from av1rules.encode.segments.records import FinishedSegment
from av1rules.encode.size_gate import certain_bytes, is_too_large_so_far
from av1rules.ffmpeg.progress import ProgressSample, eta_s, projected_bytes


class HopelessError(Exception):
    """The live size gate: the film will be too large."""

    def __init__(self, projected: int) -> None:
        super().__init__(projected)
        self.projected = projected


@dataclass(slots=True, kw_only=True)
class SegmentProgress:
    """What of a film of `pictures` is encoded: by earlier runs, and since `started`."""

    job: EncodeJob
    pictures: int
    on_progress: Callable[[JobProgress], None]
    clock: Callable[[], float]
    started: float
    frames: int = 0
    size_bytes: int = 0
    played_s: float = 0.0
    encode_s: float = 0.0
    reused_frames: int = 0
    _running: dict[int, ProgressSample] = field(default_factory=dict)

    def reuse(self, segment: FinishedSegment, played_s: float) -> None:
        """Count a segment that was there. Raises HopelessError."""
        self.reused_frames += segment.pictures
        self.finish(segment, played_s)

    def finish(self, segment: FinishedSegment, played_s: float) -> None:
        """Count a finished segment, which lasts `played_s` seconds. Raises HopelessError."""
        self._running.pop(segment.number, None)
        self.frames += segment.pictures
        self.size_bytes += segment.size_bytes
        self.encode_s += segment.encode_s
        self.played_s += played_s
        self._gate(
            certain_bytes(
                self.size_bytes,
                frame=self.frames,
                frames=self.pictures,
                film_s=self.played_s,
                length_s=self.job.main.duration_s,
            )
        )

    def feed(self, number: int, sample: ProgressSample) -> None:
        """Take a sample of a segment that is being encoded, perhaps beside others. Raises
        HopelessError."""
        self._running[number] = sample
        samples = self._running.values()
        frame = self.frames + sum(one.frame or 0 for one in samples)
        size_bytes = self.size_bytes + sum(one.size_bytes or 0 for one in samples)
        since = frame - self.reused_frames
        left_s = eta_s(since, self.pictures - self.reused_frames, self.clock() - self.started)
        self.on_progress(
            JobProgress(
                source=self.job.event_name,
                phase="encode",
                frame=frame,
                frames=self.pictures,
                fps=_added(one.fps for one in samples if not one.is_end),
                speed=_added(one.speed for one in samples if not one.is_end),
                eta_s=left_s,
                size_bytes=size_bytes,
                projected_bytes=projected_bytes(size_bytes, frame, self.pictures),
            )
        )
        if not sample.is_end:
            self._gate(size_bytes)

    def _gate(self, certain: int | None) -> None:
        if certain is not None and is_too_large_so_far(
            certain,
            source_bytes=self.job.source.size_bytes,
            max_size_ratio=self.job.settings.max_size_ratio,
        ):
            raise HopelessError(certain)


def _added(rates: Iterable[float | None]) -> float | None:
    """Of segments that are encoded at the same time; None if no rate is known."""
    known = [rate for rate in rates if rate is not None]
    return sum(known) if known else None
