"""The screen of a working command: its log, and below it the active jobs and a line for all of
them, drawn by rich."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TextIO

from msgspec.structs import replace
from rich.console import Console, ConsoleRenderable, Group
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType
from rich.text import Text

from av1rules.base.events import (
    CheckStarted,
    Event,
    FileChecked,
    JobDiscarded,
    JobDropped,
    JobFailed,
    JobProgress,
    JobStarted,
    JobWithheld,
    Note,
    Paused,
    Probing,
    Resumed,
    RunFinished,
    RunForecast,
    RunStarted,
    Sink,
    StepDone,
    Watching,
)
from av1rules.report.view import Role, View, fit
from av1rules.ui.event_text import event_text
from av1rules.ui.run_state import RunState, after, screen_lines, stop_text
from av1rules.ui.terminal import view_of

DRAWN_A_SECOND = 10

_REMEMBERED = 200
"""Entries of the log that may be drawn again: more than a screen has lines."""

_SILENT = (JobProgress, JobStarted, Probing)
"""Events that only change the lines below the log."""

_STYLES: dict[type[Event], Role] = {
    JobDiscarded: Role.WAITING,
    JobWithheld: Role.WAITING,
    JobDropped: Role.WAITING,
    JobFailed: Role.BAD,
    Paused: Role.WAITING,
    RunStarted: Role.HEADING,
    CheckStarted: Role.HEADING,
    RunFinished: Role.HEADING,
    RunForecast: Role.QUIET,
    StepDone: Role.QUIET,
    Watching: Role.WAITING,
    Note: Role.QUIET,
}
"""What an event means; any other ends a job well."""


@contextlib.contextmanager
def live_sink(
    stream: TextIO,
    *,
    colours: bool | None = None,
    is_stopping: Callable[[], bool] = lambda: False,
) -> Iterator[Sink]:
    """A sink that draws on the terminal of `stream` while the context is open. `colours` overrides
    what the environment says; `is_stopping` tells whether the user asked to stop."""
    screen = _Screen(stream, is_stopping, colours=colours)
    with screen.region:
        yield screen.show


class _Region(Live):
    """The lines below the log. A window that gets narrower wraps lines that stand there, and some
    terminals tell of it only afterwards: nobody knows how many lines to erase. So the screen is
    drawn anew then, with the end of the log that `tail` gives."""

    def __init__(
        self, console: Console, drawn: Callable[[], Group], tail: Callable[[], list[Text]]
    ):
        super().__init__(
            console=console,
            get_renderable=drawn,
            refresh_per_second=DRAWN_A_SECOND,
            transient=True,
        )
        self._tail = tail
        self._width: int | None = None

    def log(self, lines: list[Text]) -> None:
        """Print lines above. rich lets another thread draw between the moment when it counts the
        lines to erase and the moment when it erases them: a line of the log would go with them."""
        with self._lock:
            for line in lines:
                self.console.print(line)

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        former, self._width = self._width, self.console.width
        if former is None or former == self._width:
            return super().process_renderables(renderables)
        clear = Control(ControlType.HOME, ControlType.CLEAR, ControlType.HOME)
        return [clear, *self._tail(), *renderables, self._live_render]


class _Screen:
    """Turns events into lines; called from every worker thread."""

    def __init__(
        self, stream: TextIO, is_stopping: Callable[[], bool], *, colours: bool | None
    ) -> None:
        no_color = None if colours is None else not colours
        self._console = Console(file=stream, no_color=no_color)
        self._stream = stream
        self._colours = colours
        self._is_stopping = is_stopping
        self._state = RunState()
        self._is_stop_answered = False  # in the log; the lines below it told it at once
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._log: deque[tuple[str, Role]] = deque(maxlen=_REMEMBERED)
        self.region = _Region(self._console, self._drawn, self._tail)

    def show(self, event: Event) -> None:
        with self._lock:
            if isinstance(event, RunStarted | CheckStarted):
                self._started = time.monotonic()
            if self._is_stopping() and not self._is_stop_answered:
                self._is_stop_answered = True
                self._print(
                    stop_text(len(self._state.jobs), is_check=self._state.is_check), Role.WAITING
                )
            if isinstance(event, Resumed) and self._state.is_still:
                self._started += event.paused_s  # else the time left would count the pause
            self._state = after(self._state, event)
            if not isinstance(event, _SILENT):
                self._print(event_text(event), _role(event))

    def _drawn(self) -> Group:
        """The lines as they are now. Takes no lock: rich holds its own here, and `show` takes it
        while it holds ours."""
        state, view = self._state, self._view()
        if self._is_stopping():
            state = replace(state, is_stopping=True, is_stop_answered=self._is_stop_answered)
        lines = screen_lines(state, view, time.monotonic() - self._started)
        return Group(*(Text.from_ansi(line, no_wrap=True, overflow="crop") for line in lines))

    def _view(self) -> View:
        return view_of(self._stream, colours=self._colours)

    def _tail(self) -> list[Text]:
        """The end of the log, as much as the screen has room for beside the lines below it."""
        view = self._view()
        room = max((view.height or 24) - len(self._drawn().renderables), 0)
        lines = [line for text, role in tuple(self._log) for line in _log_lines(text, role, view)]
        return lines[len(lines) - min(room, len(lines)) :]

    def _print(self, text: str, role: Role) -> None:
        self.region.log(list(_log_lines(text, role, self._view())))
        self._log.append((text, role))


def _log_lines(text: str, role: Role, view: View) -> Iterator[Text]:
    for line in fit([text], view):
        yield Text.from_ansi(view.painted(line, role), no_wrap=True, overflow="ignore")


def _role(event: Event) -> Role:
    if isinstance(event, FileChecked) and event.fault is not None:
        return Role.BAD
    return _STYLES.get(type(event), Role.GOOD)
