"""A stall timeout for work that a dead disk may block for ever.

A read that the kernel does not finish can't be interrupted; it can only be abandoned.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from av1rules.base.errors import Av1rulesError
from av1rules.base.units import format_duration

POLL_S = 0.2

_UNWATCHED_S = 5.0  # as for child processes: a pause of this process does not count as a stall

Result = TypeVar("Result")


class _AbandonedError(Exception):
    """Ends abandoned work that moves again."""


def with_stall_timeout(
    work: Callable[[Callable[[], None]], Result],
    *,
    stall_s: float | None,
    check: Callable[[], None],
    doing: str,
) -> Result:
    """The result of `work`, which must call its argument as a heartbeat.

    `check` is called several times a second, by the work too; it may raise, or wait for the end of
    a pause, which does not count. Raises Av1rulesError after `stall_s`
    seconds without a heartbeat. In both cases the work is abandoned in its own thread, which ends
    at the next heartbeat. What the work raises is raised here.
    """
    task = _Task(work, check)
    threading.Thread(target=task.run, daemon=True, name="stall-timeout").start()
    last_check = time.monotonic()
    try:
        while not task.done.wait(POLL_S):
            before = time.monotonic()
            check()
            now = time.monotonic()
            paused_s = now - before
            if before - last_check > _UNWATCHED_S:
                paused_s += before - last_check
            task.last_heartbeat += paused_s
            last_check = now
            if stall_s is not None and now - task.last_heartbeat > stall_s:
                raise Av1rulesError(
                    f"{doing} made no progress for {format_duration(stall_s)}",
                    hint="check the disk, and whether the share is reachable; then run again",
                )
    finally:
        task.is_abandoned = True
    if task.failure is not None:
        raise task.failure
    return task.results[0]


class _Task(Generic[Result]):
    """The work in its own thread, and the time of its last heartbeat."""

    def __init__(
        self, work: Callable[[Callable[[], None]], Result], check: Callable[[], None]
    ) -> None:
        self._work = work
        self._check = check
        self.last_heartbeat = time.monotonic()
        self.is_abandoned = False
        self.done = threading.Event()
        self.results: list[Result] = []
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            self.results.append(self._work(self._heartbeat))
        except BaseException as problem:  # noqa: BLE001 - raised by the waiting thread
            self.failure = problem
        self.done.set()

    def _heartbeat(self) -> None:
        if self.is_abandoned:
            raise _AbandonedError
        self._check()
        self.last_heartbeat = time.monotonic()
