"""What is told to an encode in segments, and what is kept of each finished one. Pure values."""

from __future__ import annotations

import msgspec

from av1rules.ffmpeg.film_log import PictureSum, ShownPicture

SEGMENT_FORMAT = 1
"""Raised whenever the same settings would cut or encode segments in another way."""

SEGMENT_SUFFIX = ".segments"
"""Of the folder that holds the segments of one target."""


class FinishedSegment(msgspec.Struct, frozen=True, kw_only=True):
    """A segment that was accepted, counted from 0 in the order of the film. `digest` is that of its
    file, `header` of its sequence header: only segments with the same one can be joined.

    `before` and `last` are pictures of the source as decoded: those just before the segment, which
    its decoder reached by a seek, and its own last ones. `shown` are the kinds of pictures seen,
    `start_s` is what FFmpeg took for the start of the source: its versions differ by the delay of a
    sound codec.
    """

    number: int
    pictures: int
    size_bytes: int
    digest: str
    header: str
    encode_s: float
    start_s: float
    before: tuple[PictureSum, ...] = ()
    last: tuple[PictureSum, ...] = ()
    shown: tuple[ShownPicture, ...] = ()
    log: tuple[str, ...] = ()


class SegmentJob(msgspec.Struct, frozen=True, kw_only=True):
    """How to encode a job in segments of `pictures`, which stay in `folder` until the job is over.

    `finished` are those that an earlier run made in the same way; `provenance` is the tag of a
    target that is made so, and takes the place of that of the job.
    """

    folder: str
    pictures: int
    provenance: str
    finished: tuple[FinishedSegment, ...] = ()


class Segmentation(msgspec.Struct, frozen=True, kw_only=True):
    """How a finished encode was segmented: `count` segments of `pictures` each, of which `reused`
    were there from an earlier run. `argv` is the command of the first."""

    count: int
    pictures: int
    reused: int
    argv: tuple[str, ...]

    @property
    def text(self) -> str:
        taken = f", {self.reused} of them made by an earlier run" if self.reused else ""
        return f"{self.count} segments of {self.pictures} pictures{taken}"


class NotExactError(Exception):
    """A film that can't be cut so that every picture is known to be right: it is encoded whole."""
