"""A finished encode as FFmpeg and ffprobe measure it: numbers in place of the two programs.

The default is a good one: a film of 100 pictures in 4 s with sound and subtitles. A test changes
one number and sees what verification makes of it; that the programs give these numbers is shown
with real films (`test_broken_targets`, `test_healthy_films`).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from av1rules.base.events import JobProgress
from av1rules.base.process import Children, Completed
from av1rules.encode import verify as verify_module
from av1rules.encode import verify_timing
from av1rules.encode.encode import EncodeOutcome
from av1rules.encode.job import EncodeJob
from av1rules.encode.measure import ShownPackets, StreamEnd
from av1rules.encode.picture_times import PictureTimes
from av1rules.encode.verify import Verification, verify
from av1rules.ffmpeg.log import LogReader, StreamCount
from av1rules.ffmpeg.progress import ProgressSample
from av1rules.ffmpeg.run import FfmpegResult
from av1rules.media.source import Source, SubtitleStream, VideoStream
from tests.encode.make import TOOLS, audio, job, settings, source, video

RATE = Fraction(25)
PICTURE = video(frame_rate=RATE, duration_s=4.0)


def film(*, main: VideoStream = PICTURE, **changes: Any) -> Source:
    tracks: dict[str, Any] = {
        "audio": (audio(1, "ac3"),),
        "subtitles": (SubtitleStream(index=2, codec="subrip"),),
        "duration_s": 4.0,
    }
    return source(main=main, **(tracks | changes))


def film_job(*, main: VideoStream = PICTURE, of: Source | None = None, **wanted: Any) -> EncodeJob:
    return job(source=of or film(main=main), settings=settings(**wanted))


def every(step_s: float, count: int = 100, start_s: float = 0.0) -> tuple[float, ...]:
    return tuple(round(start_s + number * step_s, 6) for number in range(count))


def picture_times(seconds: tuple[float, ...]) -> PictureTimes:
    ticks = array("q", (round(one * 1_000_000) for one in seconds))
    return PictureTimes(tick=Fraction(1, 1_000_000), ticks=ticks.tobytes())


IN = {0: 100, 1: 125, 2: 3}
"""Packets by index in the source, and in the target."""


HUNDRED = ShownPackets(shown=100, leading=0)


@dataclass(kw_only=True)
class Measured:
    """`read`, `written` and `back` are packets by stream: of the source, as written to the target,
    as read back from it. `asked` are the costly questions that were asked."""

    job: EncodeJob = field(default_factory=film_job)
    read: dict[int, int | None] = field(default_factory=lambda: dict(IN))
    written: dict[int, int | None] = field(default_factory=lambda: dict(IN))
    back: dict[int, int] = field(default_factory=lambda: dict(IN))
    decoded: int | None = 100
    decode_errors: int = 0
    frames: int = 100
    encoder_got: tuple[float, ...] | None = every(0.04)
    target_shows: tuple[float, ...] | None = every(0.04)
    source_first: tuple[float, ...] = every(0.04, 90)
    target_first: tuple[float, ...] = every(0.04, 90)
    source_sound: dict[int, tuple[float, ...]] = field(default_factory=lambda: {1: (0.0,)})
    target_sound: dict[int, tuple[float, ...]] = field(default_factory=lambda: {1: (0.0,)})
    source_first_sound: tuple[float, ...] = ()
    target_first_sound: tuple[float, ...] = ()
    ends: dict[int, StreamEnd] = field(default_factory=dict)
    shown: ShownPackets = HUNDRED
    merged: int | None = None
    lead_in: int = 0
    restarts: int = 0
    returncode: int = 0
    stopped: str | None = None
    said: tuple[str, ...] = ()
    target: Source | None = None
    probe: Exception | None = None
    asked: list[str] = field(default_factory=list)
    progress: list[JobProgress] = field(default_factory=list)

    def verified(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Verification:
        path = str(folder / "part.mkv")
        Path(path).touch()
        stands_in: dict[str, Callable[..., Any]] = {
            "probe_file": self._probe_file,
            "decode_fully": self._decode_fully,
            "shown_packets": self._shown_packets,
            "merged_packets": self._merged_packets,
        }
        for name, function in stands_in.items():
            monkeypatch.setattr(verify_module, name, function)
        for function in (self.first_frame_times, self.audio_starts, self.stream_ends):
            monkeypatch.setattr(verify_timing, function.__name__, function)
        return verify(
            self.job,
            self._encoded(path),
            tools=TOOLS,
            children=Children(),
            on_progress=self.progress.append,
        )

    def _encoded(self, path: str) -> EncodeOutcome:
        main = self.job.main.index
        read = (
            StreamCount(
                side="in",
                index=index,
                packets=packets,
                frames=self.decoded if index == main else None,
                decode_errors=self.decode_errors if index == main else None,
            )
            for index, packets in self.read.items()
        )
        written = (
            StreamCount(side="out", index=index, packets=packets)
            for index, packets in self.written.items()
        )
        return EncodeOutcome(
            path=path,
            argv=(),
            size_bytes=1000,
            elapsed_s=1.0,
            frames=100,
            counts=(*read, *written),
            times=None if self.encoder_got is None else picture_times(self.encoder_got),
            lead_in=self.lead_in,
            restarts=self.restarts,
        )

    def good_target(self) -> Source:
        """What the contract of the default film promises."""
        made = self.job.source
        pictures = (replace(made.video[0], codec="av1", bit_depth=self.job.target_bit_depth),)
        return replace(made, video=pictures, provenance=self.job.provenance)

    def _probe_file(self, *_: object, **__: object) -> Source:
        if self.probe is not None:
            raise self.probe
        return self.target or self.good_target()

    def _decode_fully(self, path: str, **how: Any) -> FfmpegResult:
        if self.target_shows is not None:
            lines = (f"{round(one * 1_000_000)} 1/1000000\n" for one in self.target_shows)
            Path(how["times"]).write_text("".join(lines))
        how["on_sample"](ProgressSample(frame=50, fps=25.0, speed=2.0))
        self.asked.append(f"decoded {how['video']} beside {how['tracks']}, {how['limits'].stall_s}")
        log = LogReader()
        for line in self.said:
            log.feed(line)
        for index, packets in self.back.items():
            pictures = f"{self.frames} frames decoded; " if index == how["video"] else ""
            log.feed(
                f"[in#0/matroska,webm @ 0x1] [verbose]   Input stream #0:{index} (video): "
                f"{packets} packets read (9 bytes); {pictures}"
            )
        ended = Completed(argv=(), returncode=self.returncode, stopped=self.stopped)
        return FfmpegResult(completed=ended, log=log, elapsed_s=1.0)

    def _shown_packets(self, *_: object, **how: Any) -> ShownPackets:
        self.asked.append(f"packets to be shown after {how['lead_in']}")
        return self.shown

    def _merged_packets(self, *_: object, **__: object) -> int | None:
        return self.merged

    def first_frame_times(self, path: str, index: int, **how: Any) -> tuple[float, ...]:
        is_source = path == self.job.source_path
        if index == self.job.main.index:
            return self.source_first if is_source else self.target_first
        return self.source_first_sound if is_source else self.target_first_sound

    def audio_starts(self, path: str, **how: Any) -> dict[int, tuple[float, ...]]:
        return self.source_sound if path == self.job.source_path else self.target_sound

    def stream_ends(self, *_: object, **__: object) -> dict[int, StreamEnd]:
        self.asked.append("the ends of all streams")
        return self.ends
