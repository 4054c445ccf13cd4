"""The running children of a run, of one job of it, or of one segment of a job: stopped, paused and
resumed together.

A paused job stands still as a whole: its processes by SIGSTOP, its threads where they `check`, and
its clock.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from av1rules.base.errors import RunInterruptedError
from av1rules.base.system.groups import KILL, PAUSE, RESUME, TERMINATE, signal_group

_POLL_S = 0.2
"""How soon a paused thread sees that the run is to stop."""


@dataclass(slots=True)
class Children:
    """`stop` ends them all and lets no new one start; `pause` and `resume` are for the children of
    one job, whose `parent` has those of the whole run. Those of a segment stand still with their
    job, which is their parent."""

    parent: Children | None = None
    on_stop: Callable[[], None] | None = None
    """Called once, when the run is first asked to stop; perhaps in a signal handler."""
    why_stopped: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _running: set[subprocess.Popen[bytes]] = field(default_factory=set)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _going: threading.Event = field(default_factory=threading.Event)
    _paused_at: float | None = None
    _paused_s: float = 0.0

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set() or (self.parent is not None and self.parent.is_stopping)

    @property
    def reason(self) -> str | None:
        """Why these were stopped, if somebody said so."""
        if self.why_stopped is not None or self.parent is None:
            return self.why_stopped
        return self.parent.reason

    @property
    def is_paused(self) -> bool:
        if self.is_stopping:
            return False
        return self._paused_at is not None or (self.parent is not None and self.parent.is_paused)

    @property
    def is_one_job(self) -> bool:
        """Whether these may be paused: a process that stands still must not outlive the run."""
        return self.parent is not None

    def clock(self) -> float:
        """Seconds by a clock that stands still while these are paused."""
        with self._lock:
            now = self._now()
            paused_s = 0.0 if self._paused_at is None else now - self._paused_at
            return now - self._paused_s - paused_s

    def check(self) -> None:
        """Return at once, or when a pause ends. Raises `RunInterruptedError` once the run, or this
        job, has been asked to stop."""
        while self.is_paused:
            self._going.wait(_POLL_S)
        self.check_stop()

    def check_stop(self) -> None:
        """The same without waiting for the end of a pause: for whoever holds up other jobs."""
        if self.is_stopping:
            raise RunInterruptedError("the run was interrupted")

    def add(self, child: subprocess.Popen[bytes]) -> None:
        if self.parent is not None:
            self.parent.add(child)
        with self._lock:
            self._running.add(child)
            if self._paused_at is not None:
                signal_group(child, PAUSE)
        if self.is_stopping:
            signal_group(child, TERMINATE)

    def remove(self, child: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._running.discard(child)
        if self.parent is not None:
            self.parent.remove(child)

    def stop(self, *, kill: bool = False, why: str | None = None) -> None:
        """Ask every child to end (SIGTERM), or end it at once (`kill`), paused or not. Safe in a
        signal handler: takes no lock, since the interrupted main thread may hold it."""
        is_first = not self._stopping.is_set()
        self.why_stopped = self.why_stopped or why
        self._stopping.set()
        if is_first and self.on_stop is not None:
            self.on_stop()
        for child in tuple(self._running):
            signal_group(child, KILL if kill else TERMINATE)

    def pause(self) -> None:
        """Stop every child where it is, and every thread at its next `check`."""
        with self._lock:
            if self._paused_at is not None or self.is_stopping:
                return
            self._paused_at = self._now()
            self._going.clear()
            self._signal(PAUSE)
        try:
            self.check_stop()
        except RunInterruptedError:  # asked meanwhile: SIGTERM may have come before SIGSTOP
            self.resume()

    def resume(self) -> None:
        """Let them go on where they were."""
        with self._lock:
            if self._paused_at is None:
                return
            self._paused_s += self._now() - self._paused_at
            self._paused_at = None
            self._going.set()
            self._signal(RESUME)

    def _now(self) -> float:
        """By the clock of the parent, which may stand still too."""
        return time.monotonic() if self.parent is None else self.parent.clock()

    def _signal(self, signum: int) -> None:
        for child in self._running:
            if child.returncode is None:
                signal_group(child, signum)
