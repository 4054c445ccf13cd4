"""What is known of a library at a moment, as frozen values: the state that monitors show."""

from __future__ import annotations

from enum import Enum

import msgspec

from av1rules.base.events import Outcome
from av1rules.report.json import JsonDocument


class RunPhase(Enum):
    """Where a run is. The value is its name in JSON."""

    PLANNING = "planning"
    WORKING = "working"
    FINISHED = "finished"
    GONE = "gone"  # its process ended without a last word


class LiveJob(msgspec.Struct, frozen=True, kw_only=True):
    """A film that is worked on. `phase` is that of `JobProgress`, or "starting"; rates are None
    until known, `out_bytes` is what was written so far. A result larger than `limit_bytes` would
    be discarded. Times are ISO 8601."""

    film: str
    target: str | None = None
    phase: str = "starting"
    is_clip: bool = False
    encoder: str | None = None
    quality: str | None = None  # CRF and preset as text
    causes: tuple[str, ...] = ()
    source_bytes: int = 0
    duration_s: float | None = None
    limit_bytes: int | None = None
    frame: int | None = None
    frames: int | None = None
    fps: float | None = None
    speed: float | None = None
    eta_s: float | None = None
    out_bytes: int | None = None
    projected_bytes: int | None = None
    started: str
    at: str
    paused: str | None = None  # why

    @property
    def share(self) -> float | None:
        """How far its phase is, 0..1; None while that is not known."""
        if not self.frames or self.frame is None:
            return None
        return min(self.frame / self.frames, 1.0)

    @property
    def is_over_limit(self) -> bool:
        """Whether it will probably be discarded as too large."""
        limit, projected = self.limit_bytes, self.projected_bytes
        return limit is not None and projected is not None and projected > limit


class LivePause(msgspec.Struct, frozen=True, kw_only=True):
    """Why a run stands still. `until` is ISO 8601, where it is known; `is_finishing`: what runs
    goes on to its end, and nothing is begun."""

    cause: str
    reason: str
    until: str | None = None
    is_finishing: bool = False


class LiveRun(msgspec.Struct, frozen=True, kw_only=True):
    """The run at work, or the last one. `forecast_s` are the bounds that hold in 8 of 10 cases."""

    number: int | None = None
    pid: int | None = None
    started: str
    phase: RunPhase
    slots: int = 0
    probed: tuple[int, int] | None = None
    planned: int = 0
    ended: int = 0
    failed: int = 0
    work_bytes: int = 0
    ended_bytes: int = 0
    saved_bytes: int = 0
    forecast_s: tuple[float, float, float] | None = None
    held: int = 0
    blocked: int = 0
    elapsed_s: float | None = None  # once it has finished
    pause: LivePause | None = None


class LiveResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a job ended. Sizes in bytes, 0 where there is no target."""

    film: str
    outcome: Outcome
    at: str
    source_bytes: int = 0
    target_bytes: int = 0
    encode_s: float = 0.0
    fps: float | None = None
    detail: str = ""

    @property
    def saved_share(self) -> float | None:
        if not self.source_bytes or not self.target_bytes:
            return None
        return 1.0 - self.target_bytes / self.source_bytes


class LiveNote(msgspec.Struct, frozen=True, kw_only=True):
    """A line that a run told."""

    at: str
    text: str
    is_problem: bool = False


class LibraryFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger knows of the whole library. Sizes in bytes, times in seconds. `pause` says
    what holds all work. `saved_shares`, `speeds` (pictures a second) and `forecast_errors` (actual
    size over forecast, less 1) are those of the last films, oldest first. `schedules` say in words
    until when each is open or closed; `is_closed`: that of all films is. `neighbours_untold` counts
    what neighbours were not told yet."""

    targets: int = 0
    source_bytes: int = 0
    target_bytes: int = 0
    encode_s: float = 0.0
    waiting: int = 0  # in the queue
    waiting_bytes: int = 0
    waiting_s: float | None = None
    expected_saving: int | None = None
    failed: int = 0
    clips_waiting: int = 0
    skipped: int = 0
    pause: str | None = None
    is_stopped: bool = False
    saved_shares: tuple[float, ...] = ()
    speeds: tuple[float, ...] = ()
    forecast_errors: tuple[float, ...] = ()
    neighbours_untold: int = 0
    schedules: tuple[str, ...] = ()
    is_closed: bool = False
    problem: str | None = None  # why the ledger could not be read

    @property
    def saved_bytes(self) -> int:
        return self.source_bytes - self.target_bytes

    @property
    def success_share(self) -> float | None:
        """How many of the films that were tried have a target, 0..1."""
        tried = self.targets + self.failed
        return self.targets / tried if tried else None


class LiveState(JsonDocument, frozen=True, kw_only=True):
    """All of it. `at` is the time of the last event (ISO 8601); `results` and `notes` are the last
    ones, newest first; `holder` is the process that holds the run lock."""

    at: str | None = None
    run: LiveRun | None = None
    jobs: tuple[LiveJob, ...] = ()
    results: tuple[LiveResult, ...] = ()
    notes: tuple[LiveNote, ...] = ()
    library: LibraryFigures = LibraryFigures()
    holder: str | None = None

    @property
    def is_active(self) -> bool:
        return self.run is not None and self.run.phase in (RunPhase.PLANNING, RunPhase.WORKING)

    @property
    def share(self) -> float:
        """How much of the work of the run is done, 0..1."""
        run = self.run
        if run is None:
            return 0.0
        if run.work_bytes:
            active = sum((_encoded_share(one) or 0.0) * one.source_bytes for one in self.jobs)
            return min((run.ended_bytes + active) / run.work_bytes, 1.0)
        active = sum(_encoded_share(one) or 0.0 for one in self.jobs)
        return min((run.ended + active) / run.planned, 1.0) if run.planned else 0.0

    def job_of(self, film: str) -> LiveJob | None:
        return next((one for one in self.jobs if one.film == film), None)


def _encoded_share(job: LiveJob) -> float | None:
    """What comes after the encode counts little, what comes before it not at all."""
    if job.is_clip:
        return 0.0
    if job.phase in ("encode", "decode"):
        return job.share
    return 1.0 if job.phase in ("verify", "score") else 0.0
