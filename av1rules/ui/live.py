"""The screen of a run: a progress bar for each active job and one for all files, by rich."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn

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
    Note,
    Probing,
    RunFinished,
    RunStarted,
    Sink,
    StepDone,
)
from av1rules.base.text import printable
from av1rules.base.units import format_duration, format_size
from av1rules.ui.event_text import event_text

_STYLES = {
    JobDone: "green",
    ClipMade: "green",
    JobCopied: "green",
    JobMoved: "green",
    FileChecked: "green",
    JobDiscarded: "yellow",
    JobWithheld: "yellow",
    JobFailed: "red",
    JobDropped: "yellow",
}
"""Events that end a job, and their colours."""

NAME_WIDTH = 36
_PROBING = "\0probing"  # no library path holds a NUL


@contextlib.contextmanager
def screen_sink() -> Iterator[Sink]:
    """`live_sink` on standard error."""
    with live_sink(Console(stderr=True)) as sink:
        yield sink


@contextlib.contextmanager
def live_sink(console: Console) -> Iterator[Sink]:
    """A sink that draws on `console` while the context is open."""
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[facts]}", style="dim"),
        console=console,
    )
    with progress:
        yield _Screen(progress).show


class _Screen:
    """Turns events into bars; called from every worker thread."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._jobs: dict[str | None, TaskID] = {}
        self._whole: TaskID | None = None
        self._done = 0.0
        self._shares: dict[str | None, float] = {}
        self._lock = threading.Lock()

    def show(self, event: Event) -> None:
        with self._lock:
            if isinstance(event, JobProgress):
                self._advance(event)
            elif isinstance(event, Probing):
                self._probe(event)
            elif isinstance(event, RunStarted):
                self._start(event, event.stale + event.clips)
            elif isinstance(event, CheckStarted):
                self._start(event, event.files)
            elif isinstance(event, JobStarted):
                self._print(event, "dim")
            elif isinstance(event, StepDone):
                self._close(event)
                self._print(event, "dim")
            elif isinstance(event, tuple(_STYLES)):
                self._end(event)
            elif isinstance(event, Note | RunFinished):
                self._print(event, "bold" if isinstance(event, RunFinished) else "dim")

    def _start(self, event: Event, files: int) -> None:
        self._print(event, "bold")
        if files:
            self._whole = self._progress.add_task("all files", total=files, facts="")

    def _probe(self, event: Probing) -> None:
        task = self._jobs.get(_PROBING)
        if task is None:
            task = self._progress.add_task("probing files", total=event.total, facts="")
            self._jobs[_PROBING] = task
        facts = f"{event.done} of {event.total}"
        self._progress.update(task, completed=event.done, facts=facts)
        if event.done == event.total:
            self._progress.remove_task(self._jobs.pop(_PROBING))

    def _advance(self, event: JobProgress) -> None:
        task = self._jobs.get(event.file)
        if task is None:
            name = printable(event.file or "")
            name = name if len(name) <= NAME_WIDTH else f"…{name[1 - NAME_WIDTH :]}"
            task = self._progress.add_task(escape(name), total=None, facts="")
            self._jobs[event.file] = task
        if event.phase in ("encode", "decode") and event.frame and event.frames:
            self._shares[event.file] = min(event.frame / event.frames, 1.0)
            self._show_whole()
        self._progress.update(
            task, total=event.frames, completed=event.frame or 0, facts=progress_facts(event)
        )

    def _close(self, event: Event) -> None:
        task = self._jobs.pop(event.file, None)
        if task is not None:
            self._progress.remove_task(task)
        self._shares.pop(event.file, None)

    def _end(self, event: Event) -> None:
        self._close(event)
        if not isinstance(event, JobDropped):
            self._done += 1
        self._show_whole()
        self._print(event, _style(event))

    def _show_whole(self) -> None:
        """Finished files and the shares of active ones: a long encode moves the bar too."""
        if self._whole is not None:
            done = self._done + sum(self._shares.values())
            self._progress.update(self._whole, completed=done)

    def _print(self, event: Event, style: str) -> None:
        self._progress.console.print(escape(event_text(event)), style=style, highlight=False)


def _style(event: Event) -> str:
    has_problem = isinstance(event, FileChecked) and event.fault is not None
    return "red" if has_problem else _STYLES[type(event)]


def progress_facts(event: JobProgress) -> str:
    """Phase, frame rate, speed, time left and projected size, as far as they are known."""
    parts = [event.phase]
    if event.fps is not None:
        parts.append(f"{event.fps:.1f} fps")
    if event.speed is not None:
        parts.append(f"{event.speed:.2f}x")
    if event.eta_s is not None:
        parts.append(f"{format_duration(event.eta_s)} left")
    if event.projected_bytes is not None:
        parts.append(f"-> {format_size(event.projected_bytes)}")
    return "  ".join(parts)
