"""What happens in a run, as frozen values: the seam between work and everything that shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Root of all events. `source` is the library path of the file it is about, if any."""

    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probing(Event):
    """A sign of life of a plan: so many of the files that must be looked into are done."""

    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckStarted(Event):
    """Files are about to be looked through; `known` of others were checked before."""

    files: int
    known: int
    size_bytes: int  # of the files


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChecked(Event):
    """One of them is done; `fault` is None where nothing was found."""

    fault: str | None
    elapsed_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    jobs: int
    stale: int
    fresh: int
    held: int
    blocked: int
    size_bytes: int  # of all sources to encode
    clips: int = 0  # to make


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStarted(Event):
    target: str
    size_bytes: int
    duration_s: float | None
    frames: int | None  # expected
    causes: tuple[str, ...]
    encoder: str
    is_clip: bool = False  # a test clip of it, not the whole


@dataclass(frozen=True, slots=True, kw_only=True)
class JobProgress(Event):
    """A sign of life. `phase` is "digest", "encode", "verify", "decode", "survey", "measure",
    "search", "sample" or "score"; rates are None until known."""

    phase: str
    frame: int | None = None
    frames: int | None = None
    fps: float | None = None
    speed: float | None = None
    eta_s: float | None = None
    size_bytes: int | None = None
    projected_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDone(Event):
    target: str
    source_bytes: int
    target_bytes: int
    encode_s: float
    verify_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDiscarded(Event):
    """The encode worked but is not worth keeping (too large): remembered, not tried again."""

    reason: str
    source_bytes: int
    target_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDone(Event):
    """Something that must be known before an encode is known now. `step` is "measure", "search"
    or "sample"; `found` says it in words."""

    step: str
    found: str
    elapsed_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JobWithheld(Event):
    """What was found out before the encode keeps it from being made: remembered."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailed(Event):
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDropped(Event):
    """The source changed or the run was stopped: no verdict, the next run looks again."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobMoved(Event):
    """The target followed its renamed source."""

    old: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCopied(Event):
    """The target is a link to, or a copy of, one made of the same content."""

    target: str
    like: str
    is_link: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipMade(Event):
    """A test clip lies ready and waits for its approval, or is a variant that does not; `score` is
    told in words."""

    clip: str
    size_bytes: int
    source_bytes: int
    projected_bytes: int | None
    score: str | None
    elapsed_s: float
    is_variant: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Event):
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(Event):
    done: int
    discarded: int
    failed: int
    dropped: int
    moved: int = 0
    copied: int = 0
    aside: int = 0
    clips: int = 0
    withheld: int = 0
    run: int | None = None  # its number; None: it did nothing
    source_bytes: int
    target_bytes: int
    elapsed_s: float


Sink = Callable[[Event], None]
"""Receives events, from any thread; must not raise."""


def ignore(_event: Event) -> None:
    """The sink of those who do not watch."""
