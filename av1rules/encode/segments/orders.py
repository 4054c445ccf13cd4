"""What a backend of segments is asked and answers: the whole interface, for whoever encodes
segments in threads, in other processes or on other machines.

An order is a pure value that can be sent anywhere. A backend begins it where it has a free slot,
and reports what becomes of it; who asked accepts, records and joins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import msgspec

from av1rules.encode.job import EncodeJob
from av1rules.encode.picture_times import PictureTimes
from av1rules.encode.segments.argv import segment_name
from av1rules.encode.segments.plan import Segment
from av1rules.encode.segments.records import FinishedSegment
from av1rules.ffmpeg.progress import ProgressSample


class SegmentOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One segment to be made in `folder`; `times` are those of its own pictures alone.

    `attempt` tells apart orders of the same segment: their makers write to different files until
    they are done, and a late answer to an order that was given up is not taken for the one that is
    awaited.
    """

    job: EncodeJob
    segment: Segment
    times: PictureTimes
    folder: str
    attempt: int = 0

    @property
    def number(self) -> int:
        return self.segment.number

    @property
    def name(self) -> str:
        """Of the finished file in the folder."""
        return segment_name(self.segment.number)

    @property
    def part_stem(self) -> str:
        """Of the files that are there while it is made."""
        return f"part-{self.segment.number:05d}-{self.attempt}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentReport:
    """What becomes of an order: a `sample` of its progress, or its end: the segment that was `made`
    or the `problem`, exactly one of the three."""

    number: int
    attempt: int
    sample: ProgressSample | None = None
    made: FinishedSegment | None = None
    problem: BaseException | None = None


OnReport = Callable[[SegmentReport], None]


class SegmentHandle(Protocol):
    """An order that was begun."""

    def cancel(self) -> None:
        """Have it end soon, its programs too. Its end is reported all the same."""


class SegmentBackend(Protocol):
    """Makes segments somewhere."""

    def submit(self, order: SegmentOrder, report: OnReport) -> SegmentHandle | None:
        """Begin an order, or return None if no slot is free now.

        `report` may be called from any thread, first with samples, then exactly once with the end,
        whatever happened. By then the slot is free again and no program of the order runs.
        """
