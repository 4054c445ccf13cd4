"""What happens in a run, as frozen values: the seam between work and everything that shows it."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from av1rules.base.outcomes import Outcome, OutcomeCounts


def wire_name(class_name: str) -> str:
    """The `type` of an event in a stream of JSON: `JobDone` is `job_done`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", class_name).lower()


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=wire_name):
    """Root of all events. `source` is the library path of the file it is about, if any. The name
    of its class is its `type` in a stream of JSON."""

    source: str | None = None

    @property
    def file(self) -> str | None:
        """The file it is about: a source by its library path, or a target where no source is
        named."""
        return self.source

    def wire_fields(self) -> dict[str, object]:
        """The fields as programs read them, in NDJSON."""
        return msgspec.structs.asdict(self)


class Probing(Event, frozen=True, kw_only=True):
    """A sign of life of a plan: so many of the files that must be looked into are done."""

    done: int
    total: int


class CheckStarted(Event, frozen=True, kw_only=True):
    """Files are about to be looked through; `known` of others were checked before."""

    files: int
    known: int
    size_bytes: int  # of the files


class FileChecked(Event, frozen=True, kw_only=True):
    """One of them is done: a source, or a target; `fault` is None where nothing was found."""

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
    clips: int = 0  # to make


class JobStarted(Event, frozen=True, kw_only=True):
    target: str
    size_bytes: int
    duration_s: float | None
    frames: int | None  # expected
    causes: tuple[str, ...]
    encoder: str
    is_clip: bool = False  # a test clip of it, not the whole


class JobProgress(Event, frozen=True, kw_only=True, tag="progress"):
    """A sign of life. `phase` is "digest", "encode", "verify", "decode", "survey", "measure",
    "search", "sample" or "score"; rates are None until known."""

    target: str | None = None  # where only it is looked at
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
    """The encode worked but is not worth keeping (too large): remembered, not tried again."""

    reason: str
    source_bytes: int
    target_bytes: int


class StepDone(Event, frozen=True, kw_only=True):
    """Something that must be known before an encode is known now. `step` is "measure", "search"
    or "sample"; `found` says it in words."""

    step: str
    found: str
    elapsed_s: float


class JobWithheld(Event, frozen=True, kw_only=True):
    """What was found out before the encode keeps it from being made: remembered."""

    reason: str


class JobFailed(Event, frozen=True, kw_only=True):
    message: str
    hint: str | None = None


class JobDropped(Event, frozen=True, kw_only=True):
    """The source changed or the run was stopped: no verdict, the next run looks again."""

    reason: str


class JobMoved(Event, frozen=True, kw_only=True):
    """The target followed its renamed source."""

    old: str
    target: str


class JobCopied(Event, frozen=True, kw_only=True):
    """The target is a link to, or a copy of, one made of the same content."""

    target: str
    like: str
    is_link: bool


class ClipMade(Event, frozen=True, kw_only=True):
    """A test clip lies ready and waits for its approval, or is a variant that does not; `score` is
    told in words."""

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
    run: int | None = None  # its number; None: it did nothing
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
"""The counts of a run in NDJSON, by their keys."""


Sink = Callable[[Event], None]
"""Receives events, from any thread; must not raise."""


def ignore(_event: Event) -> None:
    """The sink of those who do not watch."""
