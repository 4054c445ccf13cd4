"""Waiting for work that a dead disk may hold up for ever, no longer than it makes sense.

A read that the kernel does not finish can't be interrupted; it can only be left behind.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from av1rules.base.errors import Av1rulesError
from av1rules.base.units import format_duration

POLL_S = 0.2

_UNWATCHED_S = 5.0  # as for programs: a pause of our own is not held against the work

Result = TypeVar("Result")


class _AbandonedError(Exception):
    """Ends work that came back to life after it was given up."""


def with_stall_timeout(
    work: Callable[[Callable[[], None]], Result],
    *,
    stall_s: float | None,
    check: Callable[[], None],
    doing: str,
) -> Result:
    """The result of `work`, which calls what it is given as a sign of life.

    `check` is called several times a second and may raise; that, and no sign of life for `stall_s`
    (then Av1rulesError), leaves the work behind in a thread of its own, which ends at the next
    sign. What the work raises is raised here.
    """
    task = _Task(work)
    threading.Thread(target=task.do, daemon=True, name="patience").start()
    last_look = time.monotonic()
    try:
        while not task.done.wait(POLL_S):
            check()
            now = time.monotonic()
            if now - last_look > _UNWATCHED_S:
                task.heard += now - last_look
            last_look = now
            if stall_s is not None and now - task.heard > stall_s:
                raise Av1rulesError(
                    f"{doing} stood still for {format_duration(stall_s)}",
                    hint="check the disk, and whether the share is reachable; then run again",
                )
    finally:
        task.is_left = True
    if task.failure is not None:
        raise task.failure
    return task.results[0]


class _Task(Generic[Result]):
    """The work in its own thread, and when it last gave a sign."""

    def __init__(self, work: Callable[[Callable[[], None]], Result]) -> None:
        self._work = work
        self.heard = time.monotonic()
        self.is_left = False
        self.done = threading.Event()
        self.results: list[Result] = []
        self.failure: BaseException | None = None

    def do(self) -> None:
        try:
            self.results.append(self._work(self._sign))
        except BaseException as problem:  # noqa: BLE001 - raised where it is waited for
            self.failure = problem
        self.done.set()

    def _sign(self) -> None:
        if self.is_left:
            raise _AbandonedError
        self.heard = time.monotonic()
