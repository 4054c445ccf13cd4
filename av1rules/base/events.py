"""Events of a run as frozen values: the only link between the work and what displays it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum

import msgspec

from av1rules.base.findings import FilmFinding
from av1rules.base.text import counted


class Outcome(Enum):
    """How one job ended. The value is its text in the summary of a run, in this order."""

    DONE = "done"
    CLIP_MADE = "clip made"
    PREPARED = "prepared"  # a prerequisite of the encode is done
    MOVED = "moved"  # its target followed the renamed source
    COPIED = "linked or copied"  # from the target of the same content
    TRASHED = "moved to the trash"
    UNDONE = "put back"  # a file from the trash
    PURGED = "deleted from the trash"
    ADOPTED = "adopted"
    PLACED = "put into the mirror"  # a file that is not encoded
    TAKEN_OUT = "taken out of the mirror"
    NOT_PLACED = "not put into the mirror"  # the kind of link can't be made there
    DISCARDED = "discarded"  # the encode worked, but a gate did not let it pass
    NO_ACCEPTABLE_CRF = "not encoded"  # no encode would be good enough
    OVER_BUDGET = "beyond the budget"  # never started: nothing is recorded
    FAILED = "failed"
    REFUSED = "refused"  # by undo, purge or adopt
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
    """Progress of a plan: `done` of the `total` files that must be probed, since nothing is known
    of them. The rate is that of the last seconds; None until known."""

    done: int
    total: int
    per_s: float | None = None
    eta_s: float | None = None


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


class RunForecast(Event, frozen=True, kw_only=True):
    """How long the `encodes` of a run will take, in seconds: the likely value, and the bounds that
    hold in 8 of 10 cases."""

    encodes: int
    low_s: float
    mid_s: float
    high_s: float


class RunStarted(Event, frozen=True, kw_only=True):
    """A run begins. It has `stale` targets to make, `jobs` at a time, and `clips` to make;
    `size_bytes` is that of all sources to encode. `fresh`, `held` and `blocked` are left as they
    are."""

    jobs: int
    stale: int
    fresh: int
    held: int
    blocked: int
    size_bytes: int
    clips: int = 0


class JobStarted(Event, frozen=True, kw_only=True):
    """An encode begins, of a source of `size_bytes` and `duration_s` with `frames` to expect. A
    result larger than `limit_bytes` would be discarded; `quality` is text. `is_clip`: of a test
    clip, not of the whole source."""

    target: str
    size_bytes: int
    duration_s: float | None
    frames: int | None
    causes: tuple[str, ...]
    encoder: str
    is_clip: bool = False
    limit_bytes: int | None = None
    quality: str | None = None


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
    """The target is verified, in its place and recorded."""

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
    """No target: recorded, and tried again until it failed too often. `hint` says what to do."""

    message: str
    hint: str | None = None


class JobDropped(Event, frozen=True, kw_only=True):
    """The source changed or the run was stopped: no result, the next run checks again.
    `is_by_user`: a user stopped or skipped this film, which waits for `resume`."""

    reason: str
    is_by_user: bool = False


class JobMoved(Event, frozen=True, kw_only=True):
    """The target followed its renamed source. `is_followed`: a user had moved the target itself,
    and the ledger has its new place now."""

    old: str
    target: str
    is_followed: bool = False


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


class Paused(Event, frozen=True, kw_only=True):
    """A film, or all if none is named, stands still or waits to be begun. `cause` is "user",
    "schedule", "load", "temperature", "battery", "memory" or "viewers"; `until` is ISO 8601, where
    it is known. `is_finishing`: what runs goes on to its end, and nothing is begun."""

    cause: str
    reason: str
    until: str | None = None
    is_finishing: bool = False


class Resumed(Event, frozen=True, kw_only=True):
    """A film, or all if none is named, goes on after a pause of so many seconds."""

    paused_s: float


class Watching(Event, frozen=True, kw_only=True):
    """What a watcher does now. `state` is "round" (it plans and runs, since `reason`), "idle",
    "waiting" (something keeps it from a round) or "held" (a user or the policy does); `until` is
    when it looks again by itself (ISO 8601), where that is known."""

    state: str
    reason: str | None = None
    until: str | None = None


class Note(Event, frozen=True, kw_only=True):
    """Something worth knowing, as text. `is_problem`: a user has to act; --quiet shows it."""

    message: str
    is_problem: bool = False


class RunFinished(Event, frozen=True, kw_only=True):
    """A run ended: how many jobs came to what, and the sizes of the sources and targets that were
    done. `run` is its number, None if it is not recorded: it had nothing to do. `findings` are its
    failures and the films that it leaves or that wait for a user, in the order they were found."""

    counts: OutcomeCounts
    run: int | None = None
    source_bytes: int
    target_bytes: int
    elapsed_s: float
    findings: tuple[FilmFinding, ...] = ()

    def wire_fields(self) -> dict[str, object]:
        counts = {name: self.counts[outcome] for name, outcome in WIRE_COUNTS.items()}
        fields = {"source": self.source, **counts, **Event.wire_fields(self)}
        del fields["counts"]
        return fields


WIRE_COUNTS = {
    "done": Outcome.DONE,
    "discarded": Outcome.DISCARDED,
    "failed": Outcome.FAILED,
    "dropped": Outcome.NOT_ATTEMPTED,
    "moved": Outcome.MOVED,
    "copied": Outcome.COPIED,
    "trashed": Outcome.TRASHED,
    "clips": Outcome.CLIP_MADE,
    "withheld": Outcome.NO_ACCEPTABLE_CRF,
    "placed": Outcome.PLACED,
    "taken_out": Outcome.TAKEN_OUT,
    "not_placed": Outcome.NOT_PLACED,
}
"""The counts of a run in NDJSON, by key."""


Sink = Callable[[Event], None]
"""Receives events, from any thread; must not raise."""


def ignore(_event: Event) -> None:
    """A sink that drops every event."""
