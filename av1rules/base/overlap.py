"""Calls that wait for a disk, overlapped once that disk has shown to be slow.

A local disk answers a `stat` in microseconds: threads would only cost time, so none is started. A
network share takes milliseconds: there, many calls wait at once. Results keep their order.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

SLOW_S = 0.0005
"""A call that takes this long waits for a disk or a network: a `stat` that the kernel can answer
takes 0.002 ms, one over a network 0.2 ms at best and usually more."""

SLOW_LOOKS = 4
"""Looks in succession that must be slow: a busy machine delays one now and then, not four."""

THREADS = 32
"""Calls that wait at once: as many as a disk's own queue holds, and an NFS client sends."""

CALLS_A_LOOK = 32
"""Calls in turn that are timed together, as long as none were slow."""

CALLS_A_JOB = 8
"""Calls of one job of a thread."""

CALLS_AHEAD = 2 * THREADS * CALLS_A_JOB
"""Calls that may be done or waiting ahead of the consumer: two jobs a thread."""

_GOODBYE_S = 1.0  # a call that hangs is left to its thread, which ends with it or the process

Item = TypeVar("Item")
Group = TypeVar("Group")
Result = TypeVar("Result")


class Overlap:
    """Does calls on one disk, in turn or, once `is_on`, in threads. Close it: it ends them."""

    def __init__(self) -> None:
        self.is_on = False
        self._slow_looks: Counter[str] = Counter()
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forgets what has not begun, and waits a second at most for what has."""
        try:
            while True:
                self._jobs.get_nowait()
        except Empty:
            pass
        for _ in self._threads:
            self._jobs.put(None)
        end = time.monotonic() + _GOODBYE_S
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        self._threads.clear()

    @property
    def chunk(self) -> int:
        """How many calls `in_order` is best given in one group."""
        return CALLS_A_JOB if self.is_on or any(self._slow_looks.values()) else CALLS_A_LOOK

    def note(self, kind: str, calls: int, seconds: float) -> None:
        """A look: so many calls of this kind, done in turn, took that long together."""
        if seconds < calls * SLOW_S:
            self._slow_looks[kind] = 0
            return
        self._slow_looks[kind] += 1
        self.is_on = self.is_on or self._slow_looks[kind] >= SLOW_LOOKS

    def submit(self, work: Callable[..., Result], *args: Any) -> Future[Result]:
        """The call in a thread; what it raises is raised by `result()`."""
        # Only for a slow disk: most libraries are on a fast one.
        from concurrent.futures import Future  # noqa: PLC0415

        if not self._threads:
            # Daemons: a call that never returns must not keep the process from ending.
            self._threads = [
                threading.Thread(target=_serve, args=(self._jobs,), daemon=True, name="overlap")
                for _ in range(THREADS)
            ]
            for thread in self._threads:
                thread.start()
        future: Future[Result] = Future()
        self._jobs.put(lambda: _fulfil(future, work, args))
        return future

    def in_order(
        self, kind: str, work: Callable[[Item], Result], groups: Iterable[tuple[Group, list[Item]]]
    ) -> Iterator[tuple[Group, list[Item], list[Result]]]:
        """`work` of each item of each group, in the order given; groups are best of `chunk` items.

        Groups are asked for one at a time as long as the disk is fast, at most `CALLS_AHEAD` items
        ahead once it is not.
        """
        waiting: deque[tuple[Group, list[Item], Future[list[Result]]]] = deque()
        ahead = 0
        for group, items in groups:
            if not self.is_on:
                started = time.perf_counter()
                results = [work(item) for item in items]
                self.note(kind, len(items) or 1, time.perf_counter() - started)
                yield group, items, results
                continue
            waiting.append((group, items, self.submit(_each, work, items)))
            ahead += len(items) or 1
            while ahead > CALLS_AHEAD:
                done, its_items, future = waiting.popleft()
                ahead -= len(its_items) or 1
                yield done, its_items, future.result()
        for done, its_items, future in waiting:
            yield done, its_items, future.result()


def _each(work: Callable[[Item], Result], items: list[Item]) -> list[Result]:
    return [work(item) for item in items]


def _fulfil(future: Future[Result], work: Callable[..., Result], args: tuple[Any, ...]) -> None:
    try:
        future.set_result(work(*args))
    except BaseException as problem:  # noqa: BLE001 - raised by the waiting thread
        future.set_exception(problem)


def _serve(jobs: SimpleQueue[Callable[[], None] | None]) -> None:
    while (job := jobs.get()) is not None:
        job()
