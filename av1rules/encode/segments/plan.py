"""Which films can be encoded in segments, and where these begin and end. Pure.

Segments are cut where the encoder would set a key frame anyway, so that they cost next to nothing.
The bounds depend on nothing but the number of pictures and the length of a segment: whoever makes
them, in whatever order, makes the same bytes.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable
from enum import Enum
from fractions import Fraction
from itertools import pairwise

import msgspec

from av1rules.base.units import format_duration
from av1rules.encode.containers import MKV
from av1rules.encode.encoders.registry import require_encoder
from av1rules.encode.job import EncodeJob
from av1rules.encode.picture_times import PictureTimes
from av1rules.encode.segments.records import NotExactError
from av1rules.policy.segments.rules import IDLE_FROM_S, SegmentRules
from av1rules.policy.settings import Loss

PRE_ROLL_S = 10.0
"""Decoded before a segment, so that its first picture refers to nothing that was not decoded.
Measured: exact at 10 of 10 cuts each in ten kinds of files, and at 24 of 24 in open groups of
pictures; groups are shorter, and a seek lands on the key frame before."""

SHORTEST_LAST = 0.5
"""A rest shorter than this share of a segment is part of the one before it."""

PROVEN_PICTURES = 3
"""Pictures before each cut that both sides decode, and must decode to the same."""

SEEKABLE = frozenset({"matroska", "webm", "mov", "mp4"})
"""Demuxers with an index by time and a clock that does not jump."""


class WholeReason(Enum):
    """Why a film is encoded whole."""

    ENCODER = "its encoder sets key frames wherever scenes change"
    TARGET = "MP4 keeps finer times than its segments would"
    SOURCE = "its container has no exact index of its pictures"
    DEINTERLACED = "its pictures are deinterlaced, which looks beyond a cut"
    CHANGES = "its pictures change on the way"
    MID_GROUP = "it begins between two key frames"
    LAYERS = "it has a second layer of pictures"
    DAMAGE = "damage of it is accepted, so that pictures may be missing"


def why_whole(job: EncodeJob) -> WholeReason | None:
    """Why this film can't be encoded in segments, by what is known before it is read; None if
    nothing speaks against it."""
    main, settings = job.main, job.settings
    reasons = {
        WholeReason.ENCODER: key_frame_distance(job) is None,
        WholeReason.TARGET: settings.container != MKV,
        WholeReason.SOURCE: SEEKABLE.isdisjoint(job.source.container.split(",")),
        WholeReason.DEINTERLACED: settings.deinterlace != "off",
        WholeReason.CHANGES: bool(main.changes),
        WholeReason.MID_GROUP: bool(main.begins_mid_group),
        WholeReason.LAYERS: bool(main.layers or main.packet_filter),
        WholeReason.DAMAGE: Loss.DAMAGE in settings.accept,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


class SegmentChoice(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy means for one film: segments of `pictures` each, or why it is encoded whole.
    Whether its forecast is long enough is seen when its turn comes."""

    rules: SegmentRules
    pictures: int | None = None
    whole: WholeReason | None = None

    @property
    def text(self) -> str:
        if self.rules.from_s is None:
            return "none: `run: {segments: never}`"
        if self.whole is not None:
            return f"none: {self.whole.value}"
        each = f"of {self.pictures} pictures"
        if not self.rules.from_s:
            return each
        longer = f"{each}, if its forecast is longer than {format_duration(self.rules.from_s)}"
        if self.rules.from_s <= IDLE_FROM_S:
            return longer
        return f"{longer}, or than {format_duration(IDLE_FROM_S)} with slots to spare"


def segment_choice(job: EncodeJob, rules: SegmentRules) -> SegmentChoice:
    """What `rules` mean for the film of this job."""
    distance = key_frame_distance(job)
    whole = why_whole(job)
    if rules.from_s is None or whole is not None or distance is None:
        return SegmentChoice(rules=rules, whole=whole)
    return SegmentChoice(rules=rules, pictures=distance * rules.length)


def key_frame_distance(job: EncodeJob) -> int | None:
    """Pictures from one key frame of the target to the next, as far as its encoder fixes that."""
    return require_encoder(job.encoder.codec).key_frame_distance(job.settings, job.facts)


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """Pictures `first` to before `end` of a film, by the order in which they are shown.

    Times are seconds by the source's own clock: `low_s` and `high_s` lie between two pictures, None
    at the ends of the film. `proof` are the times of the pictures that prove its cuts.
    """

    number: int
    first: int
    end: int
    low_s: float | None
    high_s: float | None
    proof: tuple[tuple[float, float], ...]

    @property
    def pictures(self) -> int:
        return self.end - self.first

    @property
    def seek_s(self) -> float | None:
        """Where reading begins; None for the beginning of the file."""
        if self.low_s is None or self.low_s <= PRE_ROLL_S:
            return None
        return self.low_s - PRE_ROLL_S


def plan_segments(times: PictureTimes, pictures: int) -> tuple[Segment, ...]:
    """The segments of a film whose pictures have these times. Raises NotExactError if it is too
    short for two, or its times are not those of pictures one after the other."""
    ticks = array("q", times.ticks)
    if ticks and ticks[0] < 0:
        raise NotExactError("its first picture comes before the zero of its clock")
    if any(later <= one for one, later in pairwise(ticks)):
        raise NotExactError("several of its pictures have the same time")
    starts = segment_starts(len(ticks), pictures)
    if len(starts) < 2:
        raise NotExactError("it is too short for two segments")

    def between(picture: int) -> float | None:
        """The middle of the time before this picture; None at the ends."""
        if not 0 < picture < len(ticks):
            return None
        return float(Fraction(ticks[picture - 1] + ticks[picture], 2) * times.tick)

    def proof(end: int) -> tuple[float, float]:
        """From before the last pictures up to this one, to before it."""
        return (between(end - PROVEN_PICTURES) or 0.0, between(end) or 0.0)

    ends = (*starts[1:], len(ticks))
    return tuple(
        Segment(
            number=number,
            first=first,
            end=end,
            low_s=between(first),
            high_s=between(end),
            proof=tuple(proof(at) for at in (first, end) if 0 < at < len(ticks)),
        )
        for number, (first, end) in enumerate(zip(starts, ends, strict=True))
    )


def segment_starts(count: int, pictures: int) -> tuple[int, ...]:
    """The first picture of each segment of a film of `count` pictures."""
    starts = tuple(range(0, count, pictures))
    is_short = len(starts) > 1 and count - starts[-1] < SHORTEST_LAST * pictures
    return starts[:-1] if is_short else starts


def spread_order(count: int) -> tuple[int, ...]:
    """The order in which to make segments: the first two, whose cut shows early whether cuts can be
    proven at all, the last, then the middle of what lies between. A few of them are a sample of the
    whole film, whose first minutes are titles."""
    order, gaps = dict.fromkeys((0, min(1, count - 1), count - 1)), deque([(0, count - 1)])
    while gaps:
        low, high = gaps.popleft()
        middle = (low + high) // 2
        if middle not in (low, high):
            order[middle] = None
            gaps += ((low, middle), (middle, high))
    return tuple(order)


def milliseconds(times: PictureTimes, picture: int) -> int:
    """The time of a picture as FFmpeg writes it to Matroska: rounded, halves away from zero."""
    tick = array("q", times.ticks)[picture]
    return int(abs(tick) * times.tick * 1000 + Fraction(1, 2))


def durations_ms(times: PictureTimes, segments: Iterable[Segment]) -> tuple[int, ...]:
    """How long after each segment the next one begins. The last one lasts to its last picture."""
    begins = [milliseconds(times, one.first) for one in segments]
    begins.append(milliseconds(times, len(times) - 1) + 1)
    return tuple(later - one for one, later in pairwise(begins))
