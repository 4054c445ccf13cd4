"""Sends during a run, from a thread with a connection of its own: no encode ever waits for it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from av1rules.base.children import Children
from av1rules.integrations.outbox_look import EVERY_S, send_waiting
from av1rules.policy.neighbours.spec import Neighbour

if TYPE_CHECKING:
    from av1rules.integrations.send import SendResult

_POLL_S = 0.1

STOP_S = 1.0
"""What the end of a run waits for a neighbour that does not answer."""


LAST_LOOK_S = 30.0
"""What the end of a run waits for all neighbours together."""


class Sender:
    """Starts with `start` and ends with `finish`; `tell` gets the failures on their way."""

    def __init__(
        self,
        state_dir: Path,
        neighbours: tuple[Neighbour, ...],
        tell: Callable[[SendResult], None],
        *,
        every_s: float = EVERY_S,
    ) -> None:
        self._state_dir = state_dir
        self._neighbours = neighbours
        self._tell = tell
        self._every_s = every_s
        self._counts: Counter[str] = Counter()
        self._woken, self._is_last, self._ended = (threading.Event() for _ in range(3))
        self._children = Children()
        self._thread = threading.Thread(target=self._work, daemon=True, name="neighbours")

    def start(self) -> None:
        self._thread.start()

    def finish(
        self, is_stopping: Callable[[], bool], *, at_most_s: float = LAST_LOOK_S
    ) -> dict[str, int]:
        """A last look for what has come since, given up after `at_most_s` or once the run is to
        stop; then a second at most. Returns of how many events each neighbour was told."""
        self._is_last.set()
        self._woken.set()
        until = time.monotonic() + at_most_s
        while self._thread.is_alive() and time.monotonic() < until and not is_stopping():
            self._thread.join(_POLL_S)
        self._ended.set()
        self._children.stop()
        self._thread.join(STOP_S)
        return dict(self._counts)

    def _work(self) -> None:
        is_last = False
        while not (is_last or self._ended.is_set()):
            self._woken.wait(self._every_s)
            is_last = self._is_last.is_set()
            results = send_waiting(
                self._state_dir,
                self._neighbours,
                children=self._children,
                is_stopping=self._ended.is_set,
            )
            for result in results:
                self._counts[result.neighbour] += result.events
                if result.problem is not None and not self._ended.is_set():
                    self._tell(result)
