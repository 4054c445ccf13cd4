"""What is known of a run at a moment, gathered from its events; and its lines on a screen. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from av1rules.base.events import (
    CheckStarted,
    ClipMade,
    Event,
    FileChecked,
    JobCopied,
    JobDiscarded,
    JobDone,
    JobDropped,
    JobFailed,
    JobMoved,
    JobProgress,
    JobStarted,
    JobWithheld,
    Paused,
    Probing,
    Resumed,
    RunForecast,
    RunStarted,
    StepDone,
)
from av1rules.base.process import STOP_S
from av1rules.base.text import counted, plural, printable
from av1rules.base.units import format_duration, format_size, format_time_range
from av1rules.report.view import Role, View, cut_middle, display_width, fit
from av1rules.ui.event_text import event_text
from av1rules.ui.time_left import TimeLeft, time_left

ENDINGS = (
    JobDone, ClipMade, JobCopied, JobMoved, FileChecked, JobDiscarded, JobWithheld, JobFailed,
    JobDropped,
)  # fmt: skip
"""Events that end the work on a file."""

_NAME_LEAST = 20
_BAR = 16
"""Columns that a name keeps at least, and those of a bar."""

_GAP = "  "

_PHASE, _PERCENT, _LEFT, _SIZE, _RATE, _SPEED = 8, 4, 12, 11, 10, 7
"""Columns of the facts of a job."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is worked on: its size in bytes once it is known, and how far it is. It may stand
    still, alone or with all others."""

    name: str
    size_bytes: int = 0
    is_clip: bool = False
    progress: JobProgress | None = None
    is_paused: bool = False

    @property
    def share(self) -> float:
        """How much of its encode is done, 0..1; what comes after it counts little."""
        progress = self.progress
        if progress is None or not progress.frames or progress.frame is None:
            return 0.0
        if progress.phase not in ("encode", "decode"):
            return 1.0 if progress.phase in ("verify", "score") else 0.0
        return min(progress.frame / progress.frames, 1.0)


class RunState(msgspec.Struct, frozen=True, kw_only=True):
    """Totals and the active jobs by file, in the order in which they started. `work_bytes` are the
    bytes of all sources to encode, 0 where they are not known."""

    jobs: dict[str | None, Job] = {}
    probing: Probing | None = None
    files: int = 0
    ended: int = 0
    failed: int = 0
    is_check: bool = False
    work_bytes: int = 0
    ended_bytes: int = 0
    saved_bytes: int = 0
    forecast: TimeLeft | None = None
    paused: Paused | None = None  # all of it
    is_stopping: bool = False
    is_stop_answered: bool = False  # what that means stands in the log

    @property
    def is_still(self) -> bool:
        """Whether all that runs stands still."""
        return self.paused is not None and not self.paused.is_finishing

    @property
    def share(self) -> float:
        """How much of all work is done, 0..1: by bytes of the sources, else by files."""
        if self.work_bytes:
            active = sum(job.share * job.size_bytes for job in self.jobs.values())
            return min((self.ended_bytes + active) / self.work_bytes, 1.0)
        active = sum(job.share for job in self.jobs.values())
        return min((self.ended + active) / self.files, 1.0) if self.files else 0.0


def after(state: RunState, event: Event) -> RunState:
    """The state after an event."""
    match event:
        case Probing():
            return replace(state, probing=None if event.done == event.total else event)
        case RunForecast():
            return replace(state, forecast=TimeLeft(event.low_s, event.mid_s, event.high_s))
        case RunStarted():
            return replace(state, files=event.stale + event.clips, work_bytes=event.size_bytes)
        case CheckStarted():
            return replace(state, files=event.files, is_check=True)
        case JobStarted():
            job = Job(name=event.source or "", size_bytes=event.size_bytes, is_clip=event.is_clip)
            paused = state.jobs.get(event.file)
            job = replace(job, is_paused=paused is not None and paused.is_paused)
            return replace(state, jobs={**state.jobs, event.file: job})
        case JobProgress():
            job = state.jobs.get(event.file) or Job(name=event.file or "")
            return replace(state, jobs={**state.jobs, event.file: replace(job, progress=event)})
        case StepDone():
            return _without(state, event)
        case Paused() | Resumed():
            return _paused(state, event)
        case _ if isinstance(event, ENDINGS):
            return _ended(_without(state, event), state.jobs.get(event.file), event)
    return state


def _paused(state: RunState, event: Paused | Resumed) -> RunState:
    if event.source is None:
        return replace(state, paused=event if isinstance(event, Paused) else None)
    job = state.jobs.get(event.source) or Job(name=event.source)
    job = replace(job, is_paused=isinstance(event, Paused))
    return replace(state, jobs={**state.jobs, event.source: job})


def _without(state: RunState, event: Event) -> RunState:
    jobs = {file: job for file, job in state.jobs.items() if file != event.file}
    return replace(state, jobs=jobs)


def _ended(state: RunState, job: Job | None, event: Event) -> RunState:
    if isinstance(event, JobMoved):  # before the work that is counted
        return state
    is_failed = isinstance(event, JobFailed) or (
        isinstance(event, FileChecked) and event.fault is not None
    )
    saved = event.source_bytes - event.target_bytes if isinstance(event, JobDone) else 0
    size = 0 if job is None or job.is_clip else job.size_bytes
    if isinstance(event, JobDropped):
        return replace(state, ended_bytes=state.ended_bytes + size)
    return replace(
        state,
        ended=state.ended + 1,
        failed=state.failed + is_failed,
        ended_bytes=state.ended_bytes + size,
        saved_bytes=state.saved_bytes + saved,
    )


# --- lines


def screen_lines(state: RunState, view: View, elapsed_s: float) -> list[str]:
    """The lines below the log: one for each active job, and one for all. At most as many as the
    screen has, each within its width."""
    width = (view.width or 80) - 1  # a full line would wrap when the window gets narrower
    room = max((view.height or 24) - 2 - (state.paused is not None), 1)
    jobs = list(_job_lines(state, width, view))
    if len(jobs) > room:
        hidden = len(jobs) - room + 1
        jobs = [*jobs[: room - 1], f"... and {counted(hidden, 'more job', 'more jobs')}"]
    is_answered = state.is_stop_answered or not state.is_stopping
    stopping = [] if is_answered else [stop_text(len(state.jobs), is_check=state.is_check)]
    warning = (view.painted(line, Role.WAITING) for line in fit(stopping, view))
    held = [] if state.paused is None else [event_text(state.paused)]
    paused = (view.painted(line, Role.WAITING) for line in fit(held, view))
    return [*jobs, *_whole_line(state, width, view, elapsed_s), *paused, *warning]


def stop_text(active: int, *, is_check: bool = False) -> str:
    """What the first Ctrl-C does. FFmpeg gets time to end, but half an encode is of no use: its
    film starts anew."""
    what = counted(active, "check" if is_check else "job")
    parts = []
    if active:
        verb = plural(active, "ends", "end")
        start = plural(active, "starts", "start")
        parts.append(f"{what} {verb} within {STOP_S:.0f} s and {start} anew next time")
    parts.append(f"what is {'checked' if is_check else 'done'} is kept")
    if active:
        parts.append("once more to kill")
    return f"stopping: {'; '.join(parts)}"


def _job_lines(state: RunState, width: int, view: View) -> Iterator[str]:
    if state.probing is not None:
        yield cut_middle(event_text(state.probing), width, ellipsis=view.ellipsis)
    jobs = tuple(state.jobs.values())
    names = [printable(job.name) for job in jobs]
    facts_of = [job_facts(job, is_paused=job.is_paused or state.is_still) for job in jobs]
    widest = max(map(display_width, names), default=0)
    count = max(map(len, facts_of), default=0)
    while count > 2 and _room(count, width) < min(widest, _NAME_LEAST + 10):
        count -= 1
    has_bar = _room(count, width) - widest >= _BAR + len(_GAP)
    room = min(widest, max(_room(count, width), _NAME_LEAST))
    for job, name, facts in zip(jobs, names, facts_of, strict=True):
        shown = cut_middle(name, room, ellipsis=view.ellipsis)
        parts = [shown + " " * (room - display_width(shown))]
        if has_bar:
            parts.append(
                bar(job.share, view) if job.progress and job.progress.frames else " " * _BAR
            )
        parts += facts[:count]
        yield _GAP.join(parts).rstrip(" ")[:width]


_WIDTHS = (_PHASE, _PERCENT, _LEFT, _SIZE, _RATE, _SPEED)


def _room(facts: int, width: int) -> int:
    """Columns left for a name beside so many facts."""
    return width - sum(_WIDTHS[:facts]) - len(_GAP) * facts


def job_facts(job: Job, *, is_paused: bool = False) -> list[str]:
    """Phase, percentage, time left, projected size, frame rate and speed, each as wide as its
    column: the most wanted first. One that is paused has no rates."""
    progress = job.progress
    if progress is None:
        return ["paused" if is_paused else "clip" if job.is_clip else "starting"]
    share = ""
    if progress.frames and progress.frame is not None:
        share = f"{min(progress.frame / progress.frames, 1.0):.0%}"
    left = "" if progress.eta_s is None else f"{format_duration(progress.eta_s)} left"
    size = "" if progress.projected_bytes is None else f"-> {format_size(progress.projected_bytes)}"
    rate = "" if progress.fps is None else f"{progress.fps:.1f} fps"
    speed = "" if progress.speed is None else f"{progress.speed:.2f}x"
    texts: tuple[str, ...] = (progress.phase, share, left, size, rate, speed)
    if is_paused:
        texts = ("paused", share, left, size, "", "")
    return [
        text.ljust(width) if number == 0 else text.rjust(width)
        for number, (text, width) in enumerate(zip(texts, _WIDTHS, strict=True))
    ]


def bar(share: float, view: View) -> str:
    """A bar whose two parts differ without colours too."""
    full = round(share * _BAR)
    done, rest = ("━", "─") if len(view.ellipsis) == 1 else ("#", "-")
    return view.painted(done * full, Role.WORK) + rest * (_BAR - full)


def _whole_line(state: RunState, width: int, view: View, elapsed_s: float) -> Iterator[str]:
    if not state.files:
        return
    verb = "checked" if state.is_check else "done"
    parts = [f"{state.ended:,} of {state.files:,} {verb}"]
    if state.failed:
        problem = plural(state.failed, "problem", "problems") if state.is_check else "failed"
        parts.append(f"{state.failed:,} {problem}")
    if state.saved_bytes:
        parts.append(f"{format_size(state.saved_bytes)} saved")
    left = time_left(state.share, elapsed_s, state.forecast)
    if left is not None and not state.is_stopping:
        parts.append(f"about {format_time_range(*left)} left")
    line = ", ".join(parts)
    while len(line) > width and len(parts) > 1:
        del parts[-2 if len(parts) > 2 else -1]
        line = ", ".join(parts)
    yield view.painted(line[:width], Role.HEADING)
