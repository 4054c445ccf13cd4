"""Events of a run as frozen values: the only link between the work and what displays it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum

import msgspec

from av1rules.base.text import counted


class Outcome(Enum):
    """How one job ended. The value is its text in the summary of a run, in this order."""

    DONE = "done"
    CLIP_MADE = "clip made"
    PREPARED = "prepared"  # a prerequisite of the encode is done
    MOVED = "moved"  # its target followed the renamed source
    COPIED = "linked or copied"  # from the target of the same content
    TRASHED = "moved to the trash"
    DISCARDED = "discarded"  # the encode worked, but a gate did not let it pass
    NO_ACCEPTABLE_CRF = "not encoded"  # no encode would be good enough
    OVER_BUDGET = "beyond the budget"  # never started: nothing is recorded
    FAILED = "failed"
    NOT_ATTEMPTED = "left for the next run"  # the source changed, or the run was stopped

    def counted(self, count: int) -> str:
        """The outcome of `count` jobs as text."""
        many = "clips made" if self is Outcome.CLIP_MADE else self.value
        return counted(count, self.value, many)


OutcomeCounts = Mapping[Outcome, int]
"""The number of jobs of a run by outcome; every outcome has a count."""


def wire_name(class_name: str) -> str:
    """The `type` of an event in NDJSON: `JobDone` becomes `job_done`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", class_name).lower()


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=wire_name):
    """Root of all events. `source` is the library path of the file concerned, if any. The class
    name gives the `type` in NDJSON."""

    source: str | None = None

    @property
    def file(self) -> str | None:
        """The file concerned: the source by its library path, or the target if no source is
        given."""
        return self.source

    def wire_fields(self) -> dict[str, object]:
        """The fields as NDJSON shows them."""
        return msgspec.structs.asdict(self)


class Probing(Event, frozen=True, kw_only=True):
    """Progress of a plan: `done` of the `total` files that must be probed."""

    done: int
    total: int


class CheckStarted(Event, frozen=True, kw_only=True):
    """A check of `files` begins; `known` others were checked before."""

    files: int
    known: int
    size_bytes: int  # of the files to check


class FileChecked(Event, frozen=True, kw_only=True):
    """One source or target was checked; `fault` is None if no damage was found."""

    target: str | None = None
    fault: str | None
    elapsed_s: float

    @property
    def file(self) -> str | None:
        return self.source or self.target


class RunStarted(Event, frozen=True, kw_only=True):
    jobs: int
    stale: int
    fresh: int
    held: int
    blocked: int
    size_bytes: int  # of all sources to encode
    clips: int = 0  # number of clips to make


class JobStarted(Event, frozen=True, kw_only=True):
    target: str
    size_bytes: int
    duration_s: float | None
    frames: int | None  # expected
    causes: tuple[str, ...]
    encoder: str
    is_clip: bool = False  # a test clip, not the whole source


class JobProgress(Event, frozen=True, kw_only=True, tag="progress"):
    """Progress of a job. `phase` is "digest", "encode", "verify", "decode", "survey", "measure",
    "search", "sample" or "score"; rates are None until known."""

    target: str | None = None  # set where only the target is read
    phase: str
    frame: int | None = None
    frames: int | None = None
    fps: float | None = None
    speed: float | None = None
    eta_s: float | None = None
    size_bytes: int | None = None
    projected_bytes: int | None = None

    @property
    def file(self) -> str | None:
        return self.source or self.target


class JobDone(Event, frozen=True, kw_only=True):
    target: str
    source_bytes: int
    target_bytes: int
    encode_s: float
    verify_s: float


class JobDiscarded(Event, frozen=True, kw_only=True):
    """The encode succeeded but its result was discarded (too large): recorded, not retried."""

    reason: str
    source_bytes: int
    target_bytes: int


class StepDone(Event, frozen=True, kw_only=True):
    """A prerequisite of an encode is done. `step` is "measure", "search" or "sample"; `found` is
    the result as text."""

    step: str
    found: str
    elapsed_s: float


class JobWithheld(Event, frozen=True, kw_only=True):
    """The prerequisites showed that the source must not be encoded: recorded, not retried."""

    reason: str


class JobFailed(Event, frozen=True, kw_only=True):
    message: str
    hint: str | None = None


class JobDropped(Event, frozen=True, kw_only=True):
    """The source changed or the run was stopped: no result, the next run checks again."""

    reason: str


class JobMoved(Event, frozen=True, kw_only=True):
    """The target followed its renamed source."""

    old: str
    target: str


class JobCopied(Event, frozen=True, kw_only=True):
    """The target is a link to, or a copy of, another target made from the same content."""

    target: str
    like: str
    is_link: bool


class ClipMade(Event, frozen=True, kw_only=True):
    """A test clip is ready and waits for approval, or is a variant that needs none. `score` is
    text."""

    clip: str
    size_bytes: int
    source_bytes: int
    projected_bytes: int | None
    score: str | None
    elapsed_s: float
    is_variant: bool = False


class Note(Event, frozen=True, kw_only=True):
    message: str


class RunFinished(Event, frozen=True, kw_only=True):
    counts: OutcomeCounts
    run: int | None = None  # number of the run; None if it did nothing
    source_bytes: int
    target_bytes: int
    elapsed_s: float

    def wire_fields(self) -> dict[str, object]:
        counts = {name: self.counts[outcome] for name, outcome in _WIRE_COUNTS.items()}
        fields = {"source": self.source, **counts, **Event.wire_fields(self)}
        del fields["counts"]
        return fields


_WIRE_COUNTS = {
    "done": Outcome.DONE,
    "discarded": Outcome.DISCARDED,
    "failed": Outcome.FAILED,
    "dropped": Outcome.NOT_ATTEMPTED,
    "moved": Outcome.MOVED,
    "copied": Outcome.COPIED,
    "aside": Outcome.TRASHED,
    "clips": Outcome.CLIP_MADE,
    "withheld": Outcome.NO_ACCEPTABLE_CRF,
}
"""The counts of a run in NDJSON, by key."""


Sink = Callable[[Event], None]
"""Receives events, from any thread; must not raise."""


def ignore(_event: Event) -> None:
    """A sink that drops every event."""
