"""One encode as a frozen value: all that `encode`, `verify` and the receipt need."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from av1rules.base.priority import USUAL, Priority
from av1rules.encode.encoders.description import VideoFacts
from av1rules.encode.segments.records import SegmentJob
from av1rules.encode.streams import StreamPlan, plan_streams
from av1rules.ffmpeg.tools import EncoderInfo
from av1rules.ffmpeg.watchdog import RunLimits
from av1rules.media.source import Source, VideoStream
from av1rules.policy.deinterlacing import picture_rate
from av1rules.policy.settings import EncodeSettings


class EncodeJob(msgspec.Struct, frozen=True, kw_only=True):
    """What to encode, how, and where to.

    `provenance` is the JSON text of the AV1RULES tag; it becomes part of the target's bytes and so
    must be the same for the same job. `temp_dir` is an existing private folder of this job, which
    `encode` does not remove; None means a temporary folder beside the target.
    `passages` are (start, duration) of excerpts in seconds by the source's own time stamps: only
    these are encoded and joined, without audio (a test clip). Empty means the whole source.
    `wanted_deinterlace` is what the rule asks for, whatever the source made of it.
    The fields after them do not change the result: `memory_bytes` caps the address space of each
    program, `stall_timeout_s` is the longest time without progress, `max_duration_s` the longest
    total time. With `segments` the pictures are encoded in segments where each can be proven right.
    """

    source_path: str
    source: Source
    settings: EncodeSettings
    encoder: EncoderInfo
    target: str
    provenance: str
    library_path: str | None = None  # for events; None: the source's path
    temp_dir: str | None = None
    passages: tuple[tuple[float, float], ...] = ()
    wanted_deinterlace: str = "off"
    threads: int | None = None
    stall_timeout_s: float | None = None
    max_duration_s: float | None = None
    priority: Priority = USUAL
    memory_bytes: int | None = None
    segments: SegmentJob | None = None

    @property
    def main(self) -> VideoStream:
        main = self.source.main
        assert main is not None, "a source without pictures never becomes a job"
        return main

    @property
    def streams(self) -> StreamPlan:
        return plan_streams(self.source, self.settings)

    @property
    def limits(self) -> RunLimits:
        return RunLimits(
            stall_s=self.stall_timeout_s,
            max_s=self.max_duration_s,
            memory_bytes=self.memory_bytes,
            priority=self.priority,
        )

    @property
    def facts(self) -> VideoFacts:
        return VideoFacts(frame_rate=picture_rate(self.main.frame_rate, self.settings))

    @property
    def event_name(self) -> str:
        return self.library_path or self.source_path

    @property
    def target_bit_depth(self) -> int:
        return target_bit_depth(self.main, self.settings)


def target_bit_depth(main: VideoStream, settings: EncodeSettings) -> int:
    """The setting if there is one; else 8 bit stays 8, and all else, unknown too, becomes 10."""
    if settings.bit_depth:
        return settings.bit_depth
    return 8 if main.bit_depth is not None and main.bit_depth <= 8 else 10


class Blame(StrEnum):
    """What a failed check speaks against."""

    SOURCE = "source"  # it holds less than it promises, or does not decode
    ENCODE = "encode"  # the source was read well, the result is wrong
    TELECINE = "telecine"  # the film does not go on evenly, as its inverse needs it
    STRUCTURE = "structure"  # mkvpropedit wrote something else than it was told


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """`detail` says what was found, also when it passed; `blame` what a failure speaks against."""

    name: str
    passed: bool
    detail: str
    blame: Blame = Blame.ENCODE
